"""Which requests a browser may send: those of this server's own pages, and by a name that is this server's."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from umbel.errors import ForeignRequest

SITES: Final = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site that another site cannot bring about; `none`: a person typed the address."""


def check_site(headers: Headers) -> None:
    """Refuse a change that a page from elsewhere asks for. Programs that are no browsers send neither header.

    As Go's http.CrossOriginProtection: Sec-Fetch-Site where the browser sends it (to https and to this machine), else
    Origin. No script can set either of them (Fetch Standard, "forbidden request-header").

    Raises:
        ForeignRequest: it does.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        foreign = site not in SITES
    else:
        origin = headers.get("origin")
        # Only the host: behind a proxy that ends TLS the scheme is not known for certain.
        foreign = origin is not None and _host(origin) != headers.get("host", "").lower()
    if foreign:
        raise ForeignRequest(
            "A page from another site asks for this, and only this server's own pages may.",
            hint="Programs send neither Origin nor Sec-Fetch-Site. A proxy in front must pass the Host header on.",
        )


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def check_host(host: str, allowed: frozenset[str]) -> None:
    """Refuse a name that might be somebody else's. Against DNS rebinding: a page of evil.example has its name lead to
    127.0.0.1 later on, and may then read what a server without accounts answers by that name.

    A name without a dot, and an address, are no names of that kind: nobody else can have them lead elsewhere.

    Args:
        host: the Host header.
        allowed: names that are the server's, in lower case; with `*` all are.

    Raises:
        ForeignRequest: it is refused.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        name = host
    if "." not in name or name.endswith(".localhost") or name in allowed or "*" in allowed:
        return
    try:
        ip_address(name)
    except ValueError:
        raise ForeignRequest(
            f"This server asks nobody for credentials, and {name[:200]!r} is not known to be one of its names.",
            hint="UMBEL_ALLOWED_HOSTS names those it has; or UMBEL_AUTH=basic makes it ask for credentials.",
        ) from None


def names(setting: str) -> frozenset[str]:
    """The names in `UMBEL_ALLOWED_HOSTS`."""
    return frozenset(each.strip().lower() for each in setting.split(",") if each.strip())
