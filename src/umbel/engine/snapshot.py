"""Everything that the state store holds of one partition, in a form that two engines can be compared by."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import redis

from umbel.engine.keys import prefix
from umbel.events import EventRecord, decode

# One call, so that nothing happens in between. It reads every key: for tests and for looking into a small store.
READ: Final = """
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local kind = redis.call('TYPE', key).ok
  local value
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'stream' then value = {redis.call('XLEN', key), redis.call('XRANGE', key, ARGV[2], '+')}
  else value = redis.call('GET', key) end
  found[#found + 1] = {key, kind, redis.call('PTTL', key) >= 0 and 1 or 0, value}
end
return found
"""


class Stored(NamedTuple):
    """One key: a hash as a dict of texts, a sorted set as a dict of whole scores, a list, or the events in order."""

    value: dict[str, str] | dict[str, int] | list[str] | list[EventRecord]
    expires: bool


Snapshot = dict[str, Stored]
"""By key, without the partition's prefix. The frozen clock of tests is left out."""


def snapshot(client: "redis.Redis", partition: int) -> Snapshot:
    """What the partition holds now."""
    reader = Reader(partition)
    return reader.understand(client.eval(READ, 0, *reader.arguments))


class Reader:
    """Takes one snapshot after another, quickly: understands only what is new."""

    def __init__(self, partition: int) -> None:
        self.prefix = prefix(partition)
        self.events: list[EventRecord] = []
        self._after = "-"
        self._known: dict[bytes, tuple[Any, Stored]] = {}

    @property
    def arguments(self) -> tuple[str, str]:
        """Of the script `READ`, whose answer goes to `understand`."""
        return self.prefix, self._after

    def understand(self, reply: Any) -> Snapshot:
        """What `READ` answered."""
        found: Snapshot = {}
        for row in cast("list[tuple[bytes, bytes, int, Any]]", reply):
            name, kind, expires, value = row
            key = name.decode().removeprefix(self.prefix)
            if kind == b"stream":
                found[key] = Stored(self._stream(*value), bool(expires))
            elif key != "clock":
                before = self._known.get(name)
                if before is None or before[0] != row:
                    before = self._known[name] = (row, Stored(_READERS[kind](value), bool(expires)))
                found[key] = before[1]
        return found

    def _stream(self, length: int, entries: list[tuple[bytes, list[bytes]]]) -> list[EventRecord]:
        self.events += [decode(dict(zip(fields[::2], fields[1::2], strict=True))) for _, fields in entries]
        if entries:
            self._after = f"({entries[-1][0].decode()}"
        del self.events[: len(self.events) - length]  # trimmed meanwhile
        return list(self.events)


def _hash(flat: list[bytes]) -> dict[str, str]:
    texts = [text.decode() for text in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _zset(flat: list[bytes]) -> dict[str, int]:
    return {member: int(float(score)) for member, score in _hash(flat).items()}


def _list(items: list[bytes]) -> list[str]:
    return [item.decode() for item in items]


_READERS: dict[bytes, Callable[[Any], Any]] = {b"hash": _hash, b"zset": _zset, b"list": _list}
