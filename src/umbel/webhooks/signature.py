"""Signatures by the Standard Webhooks convention (standardwebhooks.com, "Standard Webhooks" 1.0.0)."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from umbel.errors import SettingsError

PREFIX: Final = "whsec_"
SHORTEST: Final = 24
LONGEST: Final = 64
"""Bytes of a secret, as the convention has it."""
TOLERANCE: Final = 300
"""Seconds that a timestamp may be off: what is older may have been recorded and sent again by somebody else."""
ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

_HINT: Final = 'One is made by: echo "whsec_$(openssl rand -base64 32)"; several are separated by commas.'


class BadSignature(Exception):
    """A request was not signed with this secret, or is too old; do not believe it."""


class Secrets:
    """What requests are signed with: one secret, or several while one takes the place of another.

    Never shows them.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    @staticmethod
    def parse(text: str) -> "Secrets":
        """Secrets from a setting: `whsec_` and base64 each, separated by commas; none in an empty text.

        Raises:
            SettingsError: one of them is no such text, or of less than 24 or more than 64 bytes. It is not repeated.
        """
        return Secrets([_key(each.strip()) for each in text.split(",") if each.strip()])

    def sign(self, id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The three headers of a request.

        Args:
            id: the same for every attempt to deliver the same message.
            timestamp: seconds since 1970: now.
            body: as it is sent.
        """
        signatures = " ".join(_signature(key, id, str(timestamp), body) for key in self._keys)
        return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: signatures}


def verify(
    secret: str, headers: Mapping[str, str], body: bytes | str, *, now: float | None = None, tolerance: int = TOLERANCE
) -> Any:
    """The JSON of a webhook that Umbel has signed. Remember its `webhook-id`: it may come more than once.

    Args:
        secret: `UMBEL_WEBHOOK_SECRET` of the server that sends; several, separated by commas, may have signed it.
        headers: of the request; upper and lower case are the same.
        body: of the request, as it came.
        now: seconds since 1970, if not the present.
        tolerance: seconds that the request may be old.

    Raises:
        BadSignature: it was not signed with the secret, or is too old; or a header is missing.
        SettingsError: the secret is none.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id, timestamp, signatures = given[ID], given[TIMESTAMP], given[SIGNATURE]
    except KeyError as error:
        raise BadSignature(f"The header {error.args[0]} is missing.") from None
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 15:
        raise BadSignature("The header webhook-timestamp is no number.")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        raise BadSignature(f"The request is more than {tolerance} s old, or from the future.")
    content = body.encode() if isinstance(body, str) else body
    secrets = Secrets.parse(secret)
    if not secrets:
        raise SettingsError("There is no secret to verify with.", hint=_HINT)
    wanted = secrets.sign(id, int(timestamp), content)[SIGNATURE].split()
    found = [each.encode() for each in signatures.split()]
    # Every pair is compared, in constant time each.
    if not any([hmac.compare_digest(one.encode(), other) for one in wanted for other in found]):  # noqa: C419
        raise BadSignature("The request was not signed with this secret.")
    return json.loads(content)


def _signature(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise SettingsError(
            f"UMBEL_WEBHOOK_SECRET: a secret is {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64.", hint=_HINT
        ) from None
    return key
