"""Where a webhook goes: a URL, read more strictly than programs usually do."""

import re
from dataclasses import dataclass
from typing import Final, Literal, cast
from urllib.parse import urlsplit

LONGEST: Final = 2000

_URL: Final = re.compile(r"[!#-;=?-\[\]_a-z~%]+")
"""The printable ASCII that a URL may hold (RFC 3986): no space, backslash, quote, and nothing that ends a header."""
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_ADDRESS_6: Final = re.compile(r"[0-9A-Fa-f:.]+")


class BadTarget(ValueError):
    """A URL that no webhook can have; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL that a request needs. `path` begins with a slash and holds the query."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str

    @staticmethod
    def parse(url: str) -> "Target":
        """The parts of `url`.

        Raises:
            BadTarget: it is no URL of http or https with a host, or holds a name and password.
        """
        if len(url) > LONGEST:
            raise BadTarget(f"longer than {LONGEST} characters")
        if not url.isascii():
            raise BadTarget("not plain ASCII: write the host as xn--…, and other characters as %XX")
        if not _URL.fullmatch(url):
            raise BadTarget("a character in it may not stand in a URL: write it as %XX")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadTarget(str(error)) from error
        if parts.scheme not in ("http", "https"):
            raise BadTarget("it must begin with https:// or http://")
        if "@" in parts.netloc:
            raise BadTarget("it holds a name or password, which would be shown with it")
        if parts.fragment:
            raise BadTarget("what follows # is never sent")
        host = parts.hostname or ""
        if parts.netloc.startswith("["):
            right = bool(_ADDRESS_6.fullmatch(host))
        else:
            right = len(host) <= 253 and bool(_HOST.fullmatch(host))
        if not right:
            raise BadTarget("it has no host, or one that is no name and no address")
        if port == 0:
            raise BadTarget("port 0 is none")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        scheme = cast('Literal["http", "https"]', parts.scheme)
        return Target(scheme, host.rstrip("."), port or (443 if scheme == "https" else 80), path)

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"
