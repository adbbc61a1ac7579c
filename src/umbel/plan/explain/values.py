"""What an expression of a canvas as text stands for: a literal, a canvas, a task's name. Calls are `read`'s."""

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from umbel.definition.problems import Report, shorten
from umbel.plan.explain.bounds import MAX_DEPTH, MAX_NUMBER, MAX_PARTS, MAX_WORK, READ, Refused, called, count, place
from umbel.plan.explain.made import Canvas
from umbel.plan.explain.names import Names


@dataclass(frozen=True, slots=True)
class Started:
    """What `apply_async` and the like return."""

    canvas: Canvas


@dataclass(frozen=True, slots=True)
class TaskName:
    """A task, or a module on the way to it: names joined by dots."""

    path: str
    local: bool
    """Whether it was imported under this name or written as it is, so that it is no word of Celery's."""


@dataclass(slots=True)
class Values:
    """Reads expressions, within bounds."""

    report: Report
    known: Names
    lines: Sequence[str]
    names: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """Names that stand in another part already: Celery would change them there, too."""
    notes: dict[tuple[str, int, int], None] = field(default_factory=dict)
    waits: tuple[int, int] | None = None
    work: int = 0
    depth: int = 0

    def _call(self, node: ast.Call) -> Any:
        raise NotImplementedError

    def _pipe(self, node: ast.BinOp) -> Canvas:
        raise NotImplementedError

    def _value(self, node: ast.expr) -> Any:
        """A literal, a canvas, a task's name, or what was started."""
        self.work += 1
        self.depth += 1
        if self.work > MAX_WORK:
            raise Refused("canvas-too-large", node, f"the text makes more than {MAX_WORK:,} parts")
        if self.depth > MAX_DEPTH:
            raise Refused("canvas-too-large", node, f"nested deeper than {MAX_DEPTH}", "Give names to its parts.")
        try:
            return self._bounded(self._any(node), node)
        finally:
            self.depth -= 1

    def _any(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(None | bool() | int() | float() | str() as value):
                return value
            case ast.Name(name):
                if name in self.names:
                    return self.names[name]
                path = self.known.aliases.get(name, name)
                return TaskName(path, name in self.known.aliases and not path.startswith("celery."))
            case ast.Attribute(value, name):
                found = self._value(value)
                if isinstance(found, TaskName):
                    return TaskName(f"{found.path}.{name}", False)
                raise Refused("canvas-form", node, f"`.{shorten(name)[1:-1]}` is not read here", READ)
            case ast.List(elements) | ast.Tuple(elements):
                return [each for element in elements for each in self._elements(element)]
            case ast.Dict(keys, values):
                return {self._key(key, node): self._literal(value) for key, value in zip(keys, values, strict=True)}
            case ast.ListComp() | ast.GeneratorExp():
                return self._loop(node)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand):
                number = self._number(operand)
                return -number if isinstance(sign, ast.USub) else number
            case ast.BinOp(_, ast.BitOr()):
                return self._pipe(node)
            case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() as sign, right):
                return self._sum(self._number(left), sign, self._number(right))
            case ast.Call():
                return self._call(node)
        raise Refused("canvas-form", node, f"{called(node)} not read: a canvas is not evaluated", READ)

    def _bounded(self, value: Any, node: ast.expr) -> Any:
        if isinstance(value, Canvas):
            if value.size > MAX_PARTS:
                hint = "Umbel runs up to 100,000: `umbel.submit`, or a `map` in YAML."
                raise Refused("canvas-too-large", node, f"more than {MAX_PARTS:,} signatures are not explained", hint)
            if value.depth > MAX_DEPTH:
                raise Refused("canvas-too-large", node, f"signatures within each other more than {MAX_DEPTH} deep")
            return replace(value, line=value.line or node.lineno, column=value.column or self._column(node))
        if isinstance(value, list) and count(value) > MAX_PARTS:
            raise Refused("canvas-too-large", node, f"a list has more than {MAX_PARTS:,} values in it")
        big = isinstance(value, int) and abs(value) > MAX_NUMBER
        if big or (isinstance(value, float) and not math.isfinite(value)):
            raise Refused("canvas-literal", node, "this number is too large, or none", "Give a smaller one, or a text.")
        return value

    def _column(self, node: ast.AST) -> int:
        return place(self.lines, node).column + 1

    def _canvas(self, node: ast.expr) -> Any:
        """A canvas, or what was started (at the end of a text)."""
        found = self._value(node)
        if isinstance(found, Canvas | Started):
            return found
        if isinstance(found, TaskName):
            name = found.path.rpartition(".")[2]
            message = f"`{name[:60]}` is a task, not a signature of one"
            raise Refused("canvas-form", node, message, f"Write {name[:60]}.s().")
        raise Refused("canvas-form", node, "here a signature is needed", "For example: task.s(1).")

    def _signature(self, node: ast.expr) -> Canvas:
        found = self._canvas(node)
        if isinstance(found, Started):
            hint = "Leave `.delay()` and `.apply_async()` away: a canvas is made of signatures."
            raise Refused("canvas-form", node, "this starts a task at once, and gives no signature", hint)
        if isinstance(node, ast.Name):
            self.used.add(node.id)
        assert isinstance(found, Canvas)
        return found

    def _elements(self, node: ast.expr) -> Iterator[Any]:
        found = self._value(node.value if isinstance(node, ast.Starred) else node)
        if isinstance(node, ast.Starred):
            if not isinstance(found, list):
                raise Refused("canvas-form", node, "`*` needs a list", READ)
            yield from found
        else:
            yield found

    def _key(self, node: ast.expr | None, whole: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        raise Refused("canvas-literal", node or whole, "keys of a mapping are texts", "JSON knows no others.")

    def _literal(self, node: ast.expr) -> Any:
        """A value that JSON can hold."""
        return self._pure(self._value(node), node)

    def _pure(self, found: Any, node: ast.expr) -> Any:
        stack = [found]
        while stack:
            here = stack.pop()
            if isinstance(here, list):
                stack.extend(here)
            elif isinstance(here, TaskName):
                what, hint = (
                    f"`{here.path[:60]}` is not known here",
                    "Only literals are read: put the value in its place.",
                )
                raise Refused("canvas-literal", node, what, hint)
            elif isinstance(here, Canvas | Started):
                hint = "Celery would send the signature as an argument; that is not drawn."
                raise Refused("canvas-literal", node, "a signature as an argument is not read", hint)
        return found

    def _number(self, node: ast.expr) -> int | float:
        found = self._literal(node)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise Refused("canvas-form", node, "only numbers are added and multiplied here", READ)
        return found

    def _sum(self, left: float, sign: ast.operator, right: float) -> float:
        if isinstance(sign, ast.Add):
            return left + right
        return left - right if isinstance(sign, ast.Sub) else left * right

    def _loop(self, node: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        match node.generators:
            case [ast.comprehension(target, source, [], 0)]:
                pass
            case _:
                raise Refused("canvas-form", node, "only one plain `for` is read, without `if`", READ)
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        names = [each.id for each in targets if isinstance(each, ast.Name)]
        values = self._literal(source)
        if len(names) != len(targets) or not isinstance(values, list):
            raise Refused("canvas-form", source, "the list of a `for` is a literal list or range(...)", READ)
        before = {name: self.names[name] for name in names if name in self.names}
        found = []
        for value in values:
            row = value if isinstance(target, ast.Tuple) else [value]
            if not isinstance(row, list) or len(row) != len(names):
                raise Refused("canvas-form", source, f"each value has to be {len(names)}", READ)
            self.names.update(zip(names, row, strict=True))
            found.append(self._value(node.elt))
        for name in names:
            self.names.pop(name, None)
        self.names.update(before)
        return found
