"""The embedded stack's own keys, made once and kept in its data folder, where only their owner may read them."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from umbel.errors import StackError
from umbel.secrets import new_key
from umbel.settings import load_settings


def secret_key(project: Path, data: Path) -> str:
    """UMBEL_SECRET_KEY of the project's settings, or else the key in `data/secret.key`.

    Raises:
        SettingsError: a setting has a value that cannot be used.
        StackError: the file cannot be read or written.
    """
    return load_settings(home=project).secret_key or _kept(data / "secret.key", new_key)


def webhook_secret(project: Path, data: Path) -> str:
    """UMBEL_WEBHOOK_SECRET of the project's settings, or else the secret in `data/webhook.secret`. Raises as above."""
    own = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return load_settings(home=project).webhook_secret or _kept(data / "webhook.secret", lambda: own)


def _kept(path: Path, make: Callable[[], str]) -> str:
    try:
        if path.exists():
            return path.read_text(encoding="ascii").strip()
        key = make()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key + "\n")
        return key
    except (OSError, ValueError) as error:
        raise StackError(f"the key in {path} cannot be used: {error}") from error
