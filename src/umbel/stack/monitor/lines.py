"""One line of MONITOR: `1795419275.556896 [0 127.0.0.1:49340] "LPUSH" "celery" "{\\"body\\": …"`."""

import re
from dataclasses import dataclass
from typing import Final

LUA: Final = "lua"
"""Stands for the client of a command that a script has called."""

_HEAD: Final = re.compile(rb'\+?(\d+)\.(\d{6}) \[(\d+) (.+?)\] (?=")')
_WORD: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


@dataclass(frozen=True, slots=True)
class Line:
    """A command as the server took it.

    `at` is microseconds UTC by its clock; `client` is an address, `unix:PATH` or `lua`; `words` are the command and its
    arguments, bytes that are no UTF-8 as `\\xNN`.
    """

    at: int
    db: int
    client: str
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The command, in upper case."""
        return self.words[0].upper()


def parse(line: bytes) -> Line | None:
    """The command in a line; None for what is none, such as the answer to MONITOR itself."""
    head = _HEAD.match(line)
    if head is None:
        return None
    words = tuple(_text(found[1]) for found in _WORD.finditer(line, head.end()))
    if not words:
        return None
    return Line(int(head[1]) * 1_000_000 + int(head[2]), int(head[3]), head[4].decode(errors="replace"), words)


def _text(quoted: bytes) -> str:
    """Undoes `sdscatrepr` (Valkey, `src/sds.c`), which writes every byte that is not printable ASCII as `\\xNN`."""
    if b"\\" in quoted:
        quoted = _ESCAPE.sub(_unescaped, quoted)
    return quoted.decode(errors="backslashreplace")


def _unescaped(found: "re.Match[bytes]") -> bytes:
    code = found[1]
    if len(code) == 3:
        return bytes([int(code[1:], 16)])
    return _LETTERS.get(code, code)
