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
  elseif kind == 'stream' then value = redis.call('XRANGE', key, '-', '+')
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
    return understand(client.eval(READ, 0, prefix(partition)), partition)


Known = dict[bytes, tuple[Any, Stored]]
"""What `understand` made of which reply, by key: most keys are the same the next time."""


def understand(reply: Any, partition: int, known: Known | None = None) -> Snapshot:
    """What the script `READ` answered, which a caller may also run in a pipeline."""
    base = prefix(partition)
    rows = cast("list[tuple[bytes, bytes, int, Any]]", reply)
    found: Snapshot = {}
    known = {} if known is None else known
    for row in rows:
        name, kind, expires, value = row
        key = name.decode().removeprefix(base)
        if key == "clock":
            continue
        before = known.get(name)
        if before is None or before[0] != row:
            before = known[name] = (row, Stored(_READERS[kind](value), bool(expires)))
        found[key] = before[1]
    return found


def _hash(flat: list[bytes]) -> dict[str, str]:
    texts = [text.decode() for text in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _zset(flat: list[bytes]) -> dict[str, int]:
    return {member: int(float(score)) for member, score in _hash(flat).items()}


def _list(items: list[bytes]) -> list[str]:
    return [item.decode() for item in items]


def _stream(entries: list[tuple[bytes, list[bytes]]]) -> list[EventRecord]:
    return [decode(dict(zip(fields[::2], fields[1::2], strict=True))) for _, fields in entries]


_READERS: dict[bytes, Callable[[Any], Any]] = {b"hash": _hash, b"zset": _zset, b"list": _list, b"stream": _stream}
