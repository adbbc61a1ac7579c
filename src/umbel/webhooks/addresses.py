"""Which addresses requests may go to: those of the public internet, and those that the operator allows.

Whoever writes definitions names the URL, and the server stands where much can be reached that the author cannot: the
state store, cloud metadata, the neighbours. So everything that is not plainly public is refused (SSRF).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from umbel.errors import SettingsError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses, and 168.63.129.16, by which Azure's machines reach their host.
# Not `ipaddress.is_global`: its answers differ between versions of Python.
_CLOSED_4: Final = tuple(
    IPv4Network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",
    )
)
_UNICAST_6: Final = IPv6Network("2000::/3")
"""All that is assigned of global unicast. Loopback, link-local, unique local and multicast lie outside."""
# Within it: protocol assignments with Teredo, documentation, 6to4, AS112.
_CLOSED_6: Final = tuple(
    IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "3ffe::/16")
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""By which networks without IPv4 reach IPv4's addresses (RFC 6052): what counts is the one inside."""
_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


class Refused(Exception):
    """A host resolves to an address that requests may not go to."""


def inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 form of it that is really connected to, else the address itself."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet."""
    address = inner(address)
    if isinstance(address, IPv4Address):
        return not any(address in each for each in _CLOSED_4)
    return address.scope_id is None and address in _UNICAST_6 and not any(address in each for each in _CLOSED_6)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be reached besides the public internet: networks, and hosts by name."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()

    @staticmethod
    def parse(text: str) -> "Allowed":
        """From a setting: CIDRs, addresses and host names, separated by commas.

        Raises:
            SettingsError: one is neither.
        """
        networks: list[Network] = []
        names: set[str] = set()
        for each in (part.strip().lower() for part in text.split(",")):
            if not each:
                continue
            try:
                networks.append(ip_network(each))
            except ValueError as error:
                if "/" in each or each.replace(".", "").isdigit() or not _NAME.fullmatch(each):
                    raise SettingsError(
                        f"UMBEL_WEBHOOK_ALLOW: {each!r} is no network, address or host name: {error}.",
                        hint="For example: 10.20.0.0/16, 127.0.0.1, hooks.internal",
                    ) from error
                names.add(each.rstrip("."))
        return Allowed(tuple(networks), frozenset(names))

    def check(self, host: str, found: Sequence[str]) -> list[str]:
        """The addresses that `host` resolves to, if requests may go to every one of them.

        Raises:
            Refused: to one they may not, or there is none.
        """
        if not found:
            raise Refused(f"{host} has no address.")
        if host.lower().rstrip(".") in self.names:
            return list(found)
        for text in found:
            address = ip_address(text)
            if not is_public(address) and not self._has(address):
                raise Refused(f"{host} is {text}, which is not public and not allowed by UMBEL_WEBHOOK_ALLOW.")
        return list(found)

    def _has(self, address: Address) -> bool:
        address = inner(address)
        return any(address.version == each.version and address in each for each in self.networks)
