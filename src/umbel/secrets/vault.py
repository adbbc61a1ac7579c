"""Sealing: a value becomes an object that holds it encrypted, and that only somebody with the key can open.

The encryption is Fernet's (AES-128-CBC and HMAC-SHA256; `cryptography`'s documentation, "Fernet"), with several keys as
in `MultiFernet`: the first one seals, all of them open.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from umbel.errors import SecretKeyMissing, SecretUnreadable, SettingsError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

MARK: Final = "__umbel_sealed__"
"""The one key of a sealed value's object. Texts without it hold nothing that is sealed."""
SHOWN: Final = "***"
"""What readers see of a sealed value."""


def is_sealed(value: Any) -> bool:
    """Whether a JSON value is a sealed one."""
    return isinstance(value, Mapping) and len(value) == 1 and isinstance(value.get(MARK), str)


def holds_sealed(value: Any) -> bool:
    """Whether a JSON value is, or holds, a sealed one (or what looks like one)."""
    if isinstance(value, Mapping):
        return MARK in value or any(holds_sealed(each) for each in value.values())
    return isinstance(value, list | tuple) and any(holds_sealed(each) for each in value)


def hide(value: Any) -> Any:
    """A JSON value for readers: `***` for each sealed value in it."""
    return replaced(value, lambda sealed: SHOWN)


def replaced(value: Any, what: Callable[[str], Any]) -> Any:
    """A JSON value with something else for each sealed value in it; `what` is given the sealed text."""
    if is_sealed(value):
        return what(value[MARK])
    if isinstance(value, Mapping):
        return {name: replaced(each, what) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(each, what) for each in value]
    return value


def new_key() -> str:
    """A key for UMBEL_SECRET_KEY."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


@lru_cache(maxsize=8)
def _box(keys: str) -> tuple["MultiFernet", bytes]:
    """What seals and opens, and the key of digests: the oldest one's, so that a new key changes no digest."""
    from cryptography.fernet import Fernet, MultiFernet

    words = [each.strip() for each in keys.split(",") if each.strip()]
    try:
        boxes = [Fernet(word) for word in words]
    except ValueError:  # not `from`: the reason may show the key
        raise SettingsError(
            "UMBEL_SECRET_KEY: not every part of it is a key.",
            hint="`umbel secret key` makes one; several are separated by commas.",
        ) from None
    return MultiFernet(boxes), hashlib.sha256(b"umbel digest " + words[-1].encode()).digest()


class Vault:
    """Seals and opens values. Cheap to make; thread safe.

    Args:
        keys: `UMBEL_SECRET_KEY`: none, one, or several with commas. The first one seals, all of them open.
    """

    def __init__(self, keys: str) -> None:
        self._keys = keys

    def __repr__(self) -> str:
        return "Vault()"

    @property
    def has_key(self) -> bool:
        """Whether anything can be sealed."""
        return bool(self._keys.strip(", "))

    def seal(self, value: Any) -> dict[str, str]:
        """The sealed form of a JSON value.

        Raises:
            SecretKeyMissing: there is no key.
            SettingsError: a key is none.
        """
        return {MARK: self._open_box()[0].encrypt(json.dumps(value).encode()).decode()}

    def open(self, sealed: str) -> Any:
        """The value in a sealed text.

        Raises:
            SecretKeyMissing: there is no key.
            SecretUnreadable: none of the keys opens it.
        """
        from cryptography.fernet import InvalidToken

        try:
            return json.loads(self._open_box()[0].decrypt(sealed))
        except (InvalidToken, ValueError, TypeError):
            raise SecretUnreadable("A sealed value cannot be opened with the keys in UMBEL_SECRET_KEY.") from None

    def open_all(self, value: Any, note: Callable[[Any], object] = lambda value: None) -> Any:
        """A JSON value with all sealed values in it opened; `note` is told each of them. Raises as `open`."""

        def opened(sealed: str) -> Any:
            found = self.open(sealed)
            note(found)
            return found

        return replaced(value, opened)

    def likeness(self, value: Any) -> Any:
        """A JSON value with a keyed digest for each sealed one: equal for equal secrets, and tells nothing of them.

        Raises as `open`.
        """

        def digest(sealed: str) -> str:
            text = json.dumps(self.open(sealed), sort_keys=True)
            return "sealed:" + hmac.new(self._open_box()[1], text.encode(), "sha256").hexdigest()

        return replaced(value, digest)

    def _open_box(self) -> tuple["MultiFernet", bytes]:
        if not self.has_key:
            raise SecretKeyMissing("Secrets need a key, and UMBEL_SECRET_KEY is not set here.")
        return _box(self._keys)
