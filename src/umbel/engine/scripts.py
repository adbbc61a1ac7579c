"""The Lua scripts: read, assembled with what they include, described by their headers.

A header is a contract (`-- args:`, `-- returns:`, ...); from it `python -m umbel.engine.scripts` writes `calls.py`, the
typed Python calls, so that KEYS and ARGV are never numbered by hand. A test keeps the two in step.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from umbel.machine import Verb

_FIELD: Final = re.compile(r"^-- (keys|args|returns|events|holds|include|full): *(.*)$")
_RETURN: Final = re.compile(r"(\w+)(?:\(([^)]*)\))?")
_TYPES: Final = {
    "str": "str",
    "int": "int",
    "json": "str",
    "ints": "tuple[int, ...]",
    "items": "tuple[Item, ...]",
}
_ALSO_WHEN_FULL: Final = "#!lua flags=allow-oom"
"""First line of a script that works also when the store has reached its `maxmemory` (Redis documentation, Eval script
flags): what ends things, since only that makes room again. What begins something new is refused, and tried again."""
_DEFAULTS: Final = {"str": '""', "int": "0", "json": '""', "ints": "()", "items": "()"}


@dataclass(frozen=True)
class Script:
    """One verb: its whole Lua text, and what its header promises."""

    verb: Verb
    purpose: str
    keys: tuple[str, ...]
    args: tuple[tuple[str, str], ...]
    returns: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    events: tuple[str, ...]
    holds: tuple[str, ...]
    text: str

    @cached_property
    def sha(self) -> str:
        """By which EVALSHA knows the script."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """What the answer `ok` carries, in order: (name, type)."""
        return max((fields for _, fields in self.returns), key=len)


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name, _, kind in (item.partition(":") for item in text.split()))


def _read(name: str) -> str:
    return Path(__file__).with_name("lua").joinpath(f"{name}.lua").read_text(encoding="utf-8")


def load(verb: Verb) -> Script:
    """The script of a verb.

    Raises:
        ValueError: its header lacks a line.
    """
    source = _read(verb.value)
    header: dict[str, str] = {}
    for line in source.splitlines():
        if match := _FIELD.match(line):
            header[match[1]] = match[2].strip()
    missing = {"keys", "args", "returns", "events", "holds"} - header.keys()
    if missing:
        raise ValueError(f"{verb}.lua: header lacks {', '.join(sorted(missing))}")
    includes = ["base", *header.get("include", "").split()]
    first = [_ALSO_WHEN_FULL] if header.get("full") == "works" else []
    return Script(
        verb=verb,
        purpose=source.splitlines()[0].removeprefix("-- ").partition(": ")[2],
        keys=tuple(header["keys"].split()),
        args=_pairs(header["args"]),
        returns=tuple((m[1], _pairs(m[2] or "")) for m in _RETURN.finditer(header["returns"])),
        events=tuple(header["events"].split()),
        holds=tuple(re.findall(r"U-\d+", header["holds"])),
        text="\n".join([*first, *(_read(f"include/{name}") for name in includes), source]),
    )


SCRIPTS: Final = {verb: load(verb) for verb in Verb}


def generate() -> str:
    """The source text of `calls.py`."""
    lines = [
        '"""Typed calls of the Lua scripts. From their headers, by `python -m umbel.engine.scripts`: do not edit."""',
        "",
        "from dataclasses import dataclass",
        "",
        "from umbel.engine.wire import Item, Wire",
        "from umbel.machine import Code, Verb",
        "",
    ]
    for script in SCRIPTS.values():
        name = script.verb.value.title()
        lines += [
            "",
            "@dataclass(frozen=True, slots=True)",
            f"class {name}:",
            f'    """Answer of {script.verb}."""',
            "",
        ]
        lines += ["    code: Code"]
        lines += [f"    {field}: {_TYPES[kind]} = {_DEFAULTS[kind]}" for field, kind in script.values]
        lines += [""]
    lines += ["", "class Calls:", '    """One method per script; each runs it once in a partition."""', ""]
    lines += ["    def __init__(self, wire: Wire) -> None:", "        self._wire = wire", ""]
    for script in SCRIPTS.values():
        name = script.verb.value
        args = "".join(f", {arg}: {_TYPES[kind]}" for arg, kind in script.args)
        kinds = "".join(f'"{kind}", ' for _, kind in script.values)
        lines += [
            f"    def {name}(self, partition: int, *{args}) -> {name.title()}:",
            f'        """{script.purpose[0].upper()}{script.purpose[1:]}"""',
            f"        code, values = self._wire.call(Verb.{script.verb.name}, partition, "
            f"[{', '.join(arg for arg, _ in script.args)}], [{kinds.rstrip(', ')}])",
            f"        return {name.title()}(code, *values)",
            "",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("calls.py").write_text(generate(), encoding="utf-8")
