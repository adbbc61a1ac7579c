"""The embedded stack's own key for secrets, made once and kept in its data folder."""

import os
from pathlib import Path

from umbel.errors import StackError
from umbel.secrets import new_key
from umbel.settings import load_settings


def secret_key(project: Path, data: Path) -> str:
    """UMBEL_SECRET_KEY of the project's settings, or else the key in `data/secret.key`, which only its owner may read.

    Raises:
        SettingsError: a setting has a value that cannot be used.
        StackError: the file cannot be read or written.
    """
    if given := load_settings(home=project).secret_key:
        return given
    path = data / "secret.key"
    try:
        if path.exists():
            return path.read_text(encoding="ascii").strip()
        key = new_key()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key + "\n")
        return key
    except (OSError, ValueError) as error:
        raise StackError(f"the key for secrets in {path} cannot be used: {error}") from error
