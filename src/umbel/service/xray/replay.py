"""The values behind keys, replayed from the commands that were recorded of one run.

Of a key that runs share, such as a queue, this is the run's own part.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import nsmallest
from itertools import islice
from typing import Any, Final, Literal

Type = Literal["string", "hash", "list", "set", "zset", "stream", "none"]
Change = tuple[str, Type, Any]
"""A key, its type, and its value afterwards."""

LONGEST: Final = 300
"""Characters of one text that are shown."""
MOST: Final = 40
"""Members of one value that are shown."""

_FLAGS: Final = frozenset({"NX", "XX", "GT", "LT", "CH", "INCR"})
_PUT_IN: Final = re.compile(r"^\d+-\d+$|^\*$")


class Replay:
    """Takes commands in the order in which the server took them."""

    def __init__(self) -> None:
        self._values: dict[tuple[int, str], tuple[Type, Any]] = {}

    def apply(self, db: int, name: str, arguments: Sequence[str], popped: str | None = None) -> list[Change]:
        """What a command changed; nothing for one that only reads, or that is not known here.

        Args:
            popped: the list from which a BRPOP was answered.
        """
        if name == "BRPOP":
            name, arguments = "RPOP", [popped or ""]
        do = _COMMANDS.get(name)
        if do is None or not arguments:
            return []
        try:
            changed = list(do(self, db, arguments))
        except (ValueError, IndexError, TypeError):  # cut short, or of another type than was thought
            return []
        return [(key, *self._shown(db, key)) for key in dict.fromkeys(changed)]

    def field(self, db: int, key: str, field: str) -> str | None:
        """One field of a hash, as it stands now."""
        kind, value = self._values.get((db, key), ("none", None))
        return value.get(field) if kind == "hash" else None

    def _get(self, db: int, key: str, kind: Type) -> Any:
        found = self._values.get((db, key))
        if found is None or found[0] != kind:
            fresh: Any = {"hash": dict, "list": list, "set": dict, "zset": dict, "stream": list}.get(kind, str)()
            self._values[db, key] = (kind, fresh)
            return fresh
        return found[1]

    def _drop_empty(self, db: int, key: str) -> None:
        found = self._values.get((db, key))
        if found is not None and found[0] != "string" and not found[1]:
            del self._values[db, key]

    def _shown(self, db: int, key: str) -> tuple[Type, Any]:
        """What is shown of a value. No more than that is copied of one with many members, which is shown often."""
        kind, value = self._values.get((db, key), ("none", None))
        match value:
            case dict() if kind == "set":
                return kind, _cut_list(value)
            case dict() if kind == "zset":
                pairs = nsmallest(MOST, value.items(), key=lambda each: float(each[1]))
                return kind, _cut_list([[_cut(member), score] for member, score in pairs], len(value))
            case dict():
                newest = reversed([*islice(reversed(value.items()), MOST)])
                shown = {field: _cut(text) for field, text in newest}
                return kind, {"…": f"{len(value) - MOST} more", **shown} if len(value) > MOST else shown
            case list():
                return kind, _cut_list(value)
            case None:
                return "none", None
        return kind, _cut(value)

    # --- one generator for each kind of command; each names the keys that it has changed

    def _set(self, db: int, given: Sequence[str]) -> Iterator[str]:
        key, value, *options = given
        flags = {each.upper() for each in options}
        there = (db, key) in self._values
        if not ("NX" in flags and there) and not ("XX" in flags and not there):
            self._values[db, key] = ("string", value)
            yield key

    def _setex(self, db: int, given: Sequence[str]) -> Iterator[str]:
        self._values[db, given[0]] = ("string", given[2])
        yield given[0]

    def _add(self, db: int, given: Sequence[str]) -> Iterator[str]:
        by = int(given[1]) if len(given) > 1 else 1
        found = self._values.get((db, given[0]))
        self._values[db, given[0]] = ("string", str(int(found[1] if found else 0) + by))
        yield given[0]

    def _delete(self, db: int, given: Sequence[str]) -> Iterator[str]:
        for key in given:
            if self._values.pop((db, key), None) is not None:
                yield key

    def _hset(self, db: int, given: Sequence[str]) -> Iterator[str]:
        fields = self._get(db, given[0], "hash")
        for field, value in zip(given[1::2], given[2::2], strict=True):
            fields.pop(field, None)  # what was written last is shown last, and if need be alone
            fields[field] = value
        yield given[0]

    def _hsetnx(self, db: int, given: Sequence[str]) -> Iterator[str]:
        fields = self._get(db, given[0], "hash")
        if given[1] not in fields:
            fields[given[1]] = given[2]
            yield given[0]

    def _hadd(self, db: int, given: Sequence[str]) -> Iterator[str]:
        fields = self._get(db, given[0], "hash")
        fields[given[1]] = str(int(fields.pop(given[1], 0)) + int(given[2]))
        yield given[0]

    def _hdel(self, db: int, given: Sequence[str]) -> Iterator[str]:
        fields = self._get(db, given[0], "hash")
        there = [fields.pop(field, None) for field in given[1:]]
        self._drop_empty(db, given[0])
        if any(each is not None for each in there):
            yield given[0]

    def _lpush(self, db: int, given: Sequence[str]) -> Iterator[str]:
        for each in given[1:]:
            self._get(db, given[0], "list").insert(0, each)
        yield given[0]

    def _rpush(self, db: int, given: Sequence[str]) -> Iterator[str]:
        self._get(db, given[0], "list").extend(given[1:])
        yield given[0]

    def _pop(self, place: int) -> "Callable[[int, Sequence[str]], Iterator[str]]":
        def pop(db: int, given: Sequence[str]) -> Iterator[str]:
            members = self._get(db, given[0], "list")
            if members:
                members.pop(place)
                self._drop_empty(db, given[0])
                yield given[0]

        return pop

    def _sadd(self, db: int, given: Sequence[str]) -> Iterator[str]:
        members = self._get(db, given[0], "set")
        before = len(members)
        members.update(dict.fromkeys(given[1:]))
        if len(members) > before:
            yield given[0]

    def _remove(self, kind: Type) -> "Callable[[int, Sequence[str]], Iterator[str]]":
        def remove(db: int, given: Sequence[str]) -> Iterator[str]:
            members = self._get(db, given[0], kind)
            there = [each for each in given[1:] if each in members]
            for each in there:
                members.pop(each, None)
            self._drop_empty(db, given[0])
            if there:
                yield given[0]

        return remove

    def _zadd(self, db: int, given: Sequence[str]) -> Iterator[str]:
        key, *rest = given
        flags = set()
        while rest and rest[0].upper() in _FLAGS:
            flags.add(rest.pop(0).upper())
        members = self._get(db, key, "zset")
        for score, member in zip(rest[::2], rest[1::2], strict=True):
            there = member in members
            if ("NX" in flags and there) or ("XX" in flags and not there):
                continue
            if there and (
                ("GT" in flags and float(score) <= float(members[member]))
                or ("LT" in flags and float(score) >= float(members[member]))
            ):
                continue
            members[member] = score
            yield key
        self._drop_empty(db, key)

    def _xadd(self, db: int, given: Sequence[str]) -> Iterator[str]:
        key, *rest = given
        start = next(place for place, each in enumerate(rest) if _PUT_IN.match(each))
        fields = rest[start + 1 :]
        self._get(db, key, "stream").append(dict(zip(fields[::2], fields[1::2], strict=True)))
        yield key


_COMMANDS: Final[dict[str, Callable[[Replay, int, Sequence[str]], Iterator[str]]]] = {
    "SET": Replay._set,
    "SETEX": Replay._setex,
    "PSETEX": Replay._setex,
    "INCR": Replay._add,
    "INCRBY": Replay._add,
    "DEL": Replay._delete,
    "UNLINK": Replay._delete,
    "HSET": Replay._hset,
    "HMSET": Replay._hset,
    "HSETNX": Replay._hsetnx,
    "HINCRBY": Replay._hadd,
    "HDEL": Replay._hdel,
    "LPUSH": Replay._lpush,
    "RPUSH": Replay._rpush,
    "LPOP": lambda replay, db, given: replay._pop(0)(db, given),
    "RPOP": lambda replay, db, given: replay._pop(-1)(db, given),
    "SADD": Replay._sadd,
    "SREM": lambda replay, db, given: replay._remove("set")(db, given),
    "ZADD": Replay._zadd,
    "ZREM": lambda replay, db, given: replay._remove("zset")(db, given),
    "XADD": Replay._xadd,
}


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}…"
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    return value


def _cut_list(values: Collection[Any], total: int = 0) -> list[Any]:
    shown, total = [_cut(each) for each in islice(values, MOST)], total or len(values)
    return [*shown, f"… {total - MOST} more"] if total > MOST else shown
