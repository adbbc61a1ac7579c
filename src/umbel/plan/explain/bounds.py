"""What a canvas as text may hold at most, and how what is not read is refused: with its place and a hint."""

import ast
from collections.abc import Sequence
from typing import Any, Final

from umbel.definition.problems import At

MAX_TEXT: Final = 64_000
"""Characters."""
MAX_PARTS: Final = 2_000
"""Signatures of one canvas, and items of one list or range."""
MAX_DEPTH: Final = 50
"""Expressions within each other."""
MAX_WORK: Final = 20_000
"""Expressions read, those of loops once for each turn."""
MAX_NUMBER: Final = 10**300

READ: Final = "Read are chain, group, chord, |, signatures of tasks (.s, .si, .set, .link, …), names and literals."


class Refused(Exception):
    """Something that is not read."""

    def __init__(self, code: str, where: ast.AST | None, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.where, self.message, self.hint = code, where, message, hint


def parsed(text: str) -> ast.Module:
    """The syntax tree. Raises Refused."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        where = ast.AST()
        where.lineno, where.col_offset = error.lineno or 1, -(error.offset or 1)  # type: ignore[attr-defined]
        raise Refused("canvas-syntax", where, f"this is not Python: {error.msg}", READ) from None
    except ValueError as error:  # a NUL, a lone surrogate, a huge number
        raise Refused("canvas-syntax", None, f"this is not Python: {str(error)[:100]}") from None


def place(lines: Sequence[str], where: ast.AST) -> At:
    """From 0, in characters: `ast` counts bytes of UTF-8, and a syntax error (here: negative) characters from 1."""
    line, offset = getattr(where, "lineno", 1), getattr(where, "col_offset", 0)
    if offset < 0:
        return At(line - 1, max(0, -offset - 1))
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return At(line - 1, len(text.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore")))


def count(value: Any) -> int:
    """Values in a literal, those within its lists and mappings included; stops counting at the bound."""
    stack, seen = [value], -1
    while stack and seen <= MAX_PARTS:
        here = stack.pop()
        seen += 1
        if isinstance(here, list):
            stack.extend(here)
        elif isinstance(here, dict):
            stack.extend(here.values())
    return seen


def word_of(node: ast.stmt) -> str:
    """What a statement is called."""
    return {"AsyncFor": "async for", "AsyncWith": "async with"}.get(type(node).__name__, type(node).__name__.lower())


def called(node: ast.expr) -> str:
    """What an expression is called, with its verb."""
    match node:
        case ast.Constant(value):
            return f"a value of {type(value).__name__} is"
        case ast.JoinedStr():
            return "an f-string is"
        case ast.Lambda():
            return "a lambda is"
        case ast.Subscript():
            return "an index is"
        case ast.Set() | ast.SetComp() | ast.DictComp():
            return "a set or such a mapping is"
    return "this is"
