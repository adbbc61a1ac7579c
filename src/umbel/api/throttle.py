"""How much one caller may have: guesses of a password, requests, event streams. Counted by each server on its own."""

import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

from umbel.errors import TooManyRequests

WINDOW: Final = 300.0
"""Seconds for which a wrong password counts."""
GUESSES: Final = 10
"""Wrong passwords for one name from one address within the window."""
GUESSES_OF_ADDRESS: Final = 100
"""Wrong passwords from one address, whatever the names."""
REMEMBERED: Final = 10_000
"""Callers that are remembered; those that were heard of least lately are forgotten first."""

LONGEST: Final = 64
"""Characters of a name that count: none is longer."""

Clock = Callable[[], float]


class Guesses:
    """Counts wrong passwords. By name and address: nobody is locked out by guesses from elsewhere."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, name: str, address: str) -> None:
        """Called before a password is looked at; it counts as wrong until `right` is called, so that guesses at the
        same time are counted too.

        Raises:
            TooManyRequests: there were too many.
        """
        now = self._clock()
        places = self._places(name, address)
        for key, most in places:
            times = self._wrong.get(key, deque())
            while times and times[0] <= now - WINDOW:
                times.popleft()
            if len(times) >= most:
                wait = math.ceil(times[0] + WINDOW - now)
                raise TooManyRequests(
                    "Too many wrong passwords.", wait, hint=f"Try again in {wait} s. An API token is not concerned."
                )
        for key, _ in places:  # what is refused is not noted, or it would fill the memory
            self._wrong.setdefault(key, deque()).append(now)
            self._wrong.move_to_end(key)
        while len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """The password was right: guesses for this name begin anew."""
        (named, _), (anyone, _) = self._places(name, address)
        self._wrong.pop(named, None)
        if times := self._wrong.get(anyone):
            times.pop()

    @staticmethod
    def _places(name: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
        where = network(address)
        return (f"{where} {name[:LONGEST]}", GUESSES), (where, GUESSES_OF_ADDRESS)


def network(address: str) -> str:
    """Of IPv6, the first 64 bits: whoever has one address has 2 ** 64 of them (RFC 6177). Else the address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or IPv6Network((int(found) >> 64 << 64, 64)))


class Pace:
    """Lets each caller make so many requests in a minute, which may all come at once (a token bucket).

    Args:
        most: requests per minute; 0 for any number.
    """

    def __init__(self, most: int, clock: Clock = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Called for each request.

        Raises:
            TooManyRequests: the caller has used up what it has.
        """
        if not self._most:
            return
        now = self._clock()
        left, then = self._left.get(caller, (float(self._most), now))
        left = min(self._most, left + (now - then) * self._most / 60)
        if left < 1:
            wait = math.ceil((1 - left) * 60 / self._most)
            raise TooManyRequests(
                f"More than {self._most} requests in a minute.",
                wait,
                hint="UMBEL_MAX_REQUESTS_PER_MINUTE is the limit.",
            )
        self._left[caller] = (left - 1, now)
        self._left.move_to_end(caller)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)


class Streams:
    """Counts open event streams.

    Args:
        most: of all callers together.
        most_each: of one.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._open: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """Holds a place while a stream is open.

        Raises:
            TooManyRequests: there is none.
        """
        if self._open.total() >= self._most or self._open[caller] >= self._most_each:
            raise TooManyRequests(
                "Too many event streams are open.",
                10,
                hint="Close some. UMBEL_MAX_STREAMS and UMBEL_MAX_STREAMS_PER_CALLER are the limits.",
            )
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
