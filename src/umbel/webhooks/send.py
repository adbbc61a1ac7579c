"""One attempt: resolve, check, connect to what was checked, send, read a little."""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpcore
import httpx

from umbel.webhooks.addresses import Allowed, Refused
from umbel.webhooks.signature import Secrets
from umbel.webhooks.target import BadTarget, Target

TIMEOUT: Final = 10.0
"""Seconds for all of an attempt after the name is resolved."""
ANSWER: Final = 500
"""Bytes of the answer that are kept; no more are read than come with them."""
TRIED: Final = 4
"""Addresses of a host that are tried."""

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended: with a `status`, or with an `error` and none.

    `retry_after` is how many seconds the other side wants to be left alone; `seconds` is how long it took.
    """

    status: int | None = None
    text: str = ""
    error: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the message has arrived."""
        return self.status is not None and 200 <= self.status < 300


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system's resolver, which also understands `2130706433` and `0x7f.1`.

    Raises:
        OSError: there is no such host, or no answer.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Sender:
    """Sends messages. Thread safe.

    Args:
        secrets: what they are signed with; without one nothing is sent.
        allowed: what may be reached besides the public internet.
        resolve: gives the addresses of a host.
        now: the time of the signature, in seconds since 1970.
        timeout: seconds for one attempt.
    """

    def __init__(
        self,
        secrets: Secrets,
        allowed: Allowed,
        *,
        resolve: Resolve = resolve,
        now: Callable[[], float] = time.time,
        timeout: float = TIMEOUT,
    ) -> None:
        self._secrets = secrets
        self._allowed = allowed
        self._resolve = resolve
        self._now = now
        self._timeout = timeout
        self._tls: ssl.SSLContext | None = None

    def send(self, url: str, id: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Makes one attempt. Never raises: what goes wrong is in the answer.

        Args:
            url: where to.
            id: the message's id, the same for each attempt.
            body: JSON.
            headers: further ones.
        """
        if not self._secrets:
            return Answer(error="UMBEL_WEBHOOK_SECRET is not set, and nothing is sent unsigned.")
        begun = time.monotonic()
        try:
            target = Target.parse(url)
            return self._send(target, begun, self._headers(target, id, body, headers), body)
        except BadTarget as error:
            why = f"The URL cannot be used: {error}."
        except Refused as error:
            why = str(error)
        except httpcore.TimeoutException:
            why = f"No answer within {self._timeout:g} s."
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError) as error:
            why = f"{type(error).__name__}: {error}"
        return Answer(error=why[:300], seconds=time.monotonic() - begun)

    def _headers(self, target: Target, id: str, body: bytes, more: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        found = {
            **{name.lower(): value for name, value in more.items()},
            "host": target.authority,
            "accept": "*/*",
            "accept-encoding": "identity",  # what is not unpacked is no bomb
            "connection": "close",
            "content-type": "application/json",
            "content-length": str(len(body)),
            **self._secrets.sign(id, int(self._now()), body),
        }
        found.setdefault("user-agent", "Umbel")
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in found.items()]

    def _send(self, target: Target, begun: float, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        addresses = self._allowed.check(target.host, self._resolve(target.host, target.port))
        backend = _Pinned(addresses[:TRIED], time.monotonic() + self._timeout)
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        tls = self._context() if target.scheme == "https" else None
        # httpcore, on which httpx stands, because it has the seam that is needed, and neither redirects nor proxies of
        # the environment nor cookies.
        with (
            httpcore.ConnectionPool(ssl_context=tls, max_connections=1, network_backend=backend) as pool,
            pool.stream("POST", url, headers=headers, content=body) as response,
        ):
            start = b""
            for portion in response.iter_stream():
                start += portion
                if len(start) >= ANSWER:
                    break
            return Answer(
                response.status,
                start[:ANSWER].decode("utf-8", "replace"),
                None if 200 <= response.status < 300 else _why(response),
                _retry_after(response, self._now()),
                time.monotonic() - begun,
            )

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


class _Pinned(httpcore.NetworkBackend):
    """Connects to these addresses, whatever name is asked for, and lets nothing go on after the deadline."""

    def __init__(self, addresses: list[str], deadline: float) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to the first address that answers; each has its share of the time."""
        problem: Exception | None = None
        for place, address in enumerate(self._addresses):
            share = _left(self._deadline) / (len(self._addresses) - place)
            try:
                stream = self._plain.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
            else:
                return _Timed(stream, self._deadline)
        raise problem or httpcore.ConnectError("there is no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Never: a file is no receiver."""
        raise httpcore.ConnectError("no socket file is spoken to")


class _Timed(httpcore.NetworkStream):
    """A connection that ends at its deadline, even if the other side says a byte now and then."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the connection's."""
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As the connection's."""
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        """Closes it."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """As the connection's; the certificate must be that of the name, not of the address."""
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """As the connection's."""
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the attempt took too long")
    return left


def _why(response: httpcore.Response) -> str:
    if 300 <= response.status < 400:
        return f"HTTP {response.status}: redirects are not followed."
    return f"HTTP {response.status}."


def _retry_after(response: httpcore.Response, now: float) -> float | None:
    """Of the header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    named = {name.lower(): value for name, value in response.headers}
    text = named.get(b"retry-after", b"").decode("ascii", "replace").strip()
    if text.isdigit() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):  # the last for a year of twenty digits
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
