"""Server-sent events (WHATWG HTML, 9.2) from the bytes of an answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the stream. `id` is the last one seen, "" if there was none."""

    id: str
    event: str
    data: str


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines end in LF or CRLF and in nothing else: JSON may hold U+2028 and its like, at which `splitlines` cuts."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")


def messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """The messages in a stream; a last one that was cut off is left out."""
    last_id, event, data = "", "", list[str]()
    for line in lines(chunks):
        if not line:
            if data:
                yield Message(last_id, event or "message", "\n".join(data))
            event, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            event = value
        elif name == "id":
            last_id = value
