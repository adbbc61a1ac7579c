"""What Celery's own constructors and operators make of signatures, as values: nothing is called, nothing is imported.

Each function is the one of `celery/canvas.py` (5.7) that it names; a property test builds the same canvases with Celery
and compares. Celery's objects change in place, these do not: `set` and `link` give a new one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final, Literal

Kind = Literal["task", "map", "chunks", "chain", "group", "chord"]
Note = Callable[[str, "Canvas"], None]
"""Is told what became of a part: a word of `WORDS`, and the part."""

WORDS: Final[Mapping[str, str]] = {
    "chord": "a group before a task: the two become a chord, and the task is its body",
    "chord of one": "`group(...) | task` is a chord also where the group has one member: the body takes a list of one",
    "body": "what follows a chord becomes part of its body: the body grows into a chain",
    "unrolled": "a group of one member is replaced by this member: what follows takes its bare result, not a list",
    "spliced": "a chain inside a chain: its steps are put in its place",
    "dropped": "a group without members does nothing here, and is left out",
    "opened": "a group inside a group is opened: its members stand in the outer one",
    "options": "options of a group or a chain are lost where it is joined to what follows",
    "header": "a chain as a chord's header: its steps become the members, and run side by side",
}
"""What Celery does to a canvas by itself, in words."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """A signature (Celery's `Signature`).

    `parts` are the steps of a chain, the members of a group, or a chord's header.
    `size` counts the signatures in it, each use of a shared one, and more for long arguments; `depth` how many stand
    within each other.
    """

    kind: Kind
    task: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    immutable: bool = False
    parts: tuple["Canvas", ...] = ()
    body: "Canvas | None" = None
    line: int = 0
    column: int = 0
    size: int = 1
    depth: int = 1

    def plain(self) -> dict[str, Any]:
        """`dict(signature)` as JSON values: what `umbel.submit` would send of it."""
        kwargs = {name: value.plain() if isinstance(value, Canvas) else value for name, value in self.kwargs.items()}
        if self.kind in ("chain", "group"):
            kwargs = {"tasks": [part.plain() for part in self.parts]}
        elif self.kind == "chord":
            body = self.body.plain() if self.body else None
            kwargs = {"kwargs": {}, "header": [part.plain() for part in self.parts], "body": body}
        return {
            "task": self.task,
            "args": list(self.args),
            "kwargs": kwargs,
            "options": {
                name: [each.plain() for each in value] if name in _CALLBACKS else value
                for name, value in self.options.items()
            },
            "subtask_type": self.kind if self.kind in ("chain", "group", "chord") else None,
            "immutable": self.immutable,
        }

    def callbacks(self, name: str) -> tuple["Canvas", ...]:
        """Its `link` or `link_error`."""
        return tuple(self.options.get(name, ()))

    def but(self, **changes: Any) -> "Canvas":
        """With other parts or options, and counted anew."""
        made = replace(self, **changes)
        inner = [*made.parts, *(each for name in _CALLBACKS for each in made.callbacks(name))]
        inner += [made.body] if made.body else []
        inner += [each for each in made.kwargs.values() if isinstance(each, Canvas)]
        own = 1 + (_weight(made.args, made.kwargs, made.options) // _LONG)
        size = own + sum(each.size for each in inner)
        return replace(made, size=size, depth=1 + max((each.depth for each in inner), default=0))


_CALLBACKS: Final = ("link", "link_error")
_LONG: Final = 500
"""Characters and values of arguments that count like one signature."""


def _weight(*values: Any) -> int:
    found, stack = 0, list(values)
    while stack:
        here = stack.pop()
        if isinstance(here, Mapping):
            stack.extend(here.values())
            found += sum(len(str(key)) for key in here)
        elif isinstance(here, list | tuple):
            stack.extend(here)
        elif not isinstance(here, Canvas):
            found += len(here) if isinstance(here, str) else 1
    return found


def task(name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **more: Any) -> Canvas:
    """`Signature`."""
    return Canvas("task", name).but(args=tuple(args), kwargs=dict(kwargs or {}), **more)


def items(name: str, inner: Canvas, values: Sequence[Any], **more: Any) -> Canvas:
    """`xmap`, `xstarmap` and `chunks`: immutable calls of tasks that Celery has."""
    kind: Kind = "chunks" if name == "celery.chunks" else "map"
    return Canvas(kind, name, immutable=True).but(kwargs={"task": inner, "it": list(values), **more})


def parts_of_chunks(chunks: Canvas) -> Canvas:
    """`chunks.group`."""
    values, count = chunks.kwargs["it"], chunks.kwargs["n"]
    inner = chunks.kwargs["task"]
    return group([items("celery.starmap", inner, values[at : at + count]) for at in range(0, len(values), count)])


def _chain(steps: Sequence[Canvas]) -> Canvas:
    return Canvas("chain", "celery.chain").but(parts=tuple(steps))


def group(members: Sequence[Canvas]) -> Canvas:
    """`group.__init__`."""
    return Canvas("group", "celery.group").but(parts=tuple(members))


def chord(header: Canvas | Sequence[Canvas], body: Canvas | None, note: Note | None = None) -> Canvas:
    """`_chord.__init__`, with `_maybe_group`: a group's or a chain's parts are the header."""
    made = Canvas("chord", "celery.chord")
    if isinstance(header, Canvas):
        made = replace(made, line=header.line, column=header.column)
    if not isinstance(header, Canvas):
        members = tuple(header)
    elif header.kind in ("group", "chain"):
        if header.kind == "chain" and note:
            note("header", header)
        members = header.parts
    else:
        members = (header,)
    return made.but(parts=members, body=body)


def chain(steps: Sequence[Canvas], note: Note) -> Canvas:
    """`chain.__new__` of several, with `_fold_chain`: as `|` between them."""
    return reduce(lambda done, step: either(done, step, note), steps, _chain(()))


def chain_of_one(step: Canvas) -> Canvas:
    """`chain(x)` of what is no list: `x` stays as it is until the chain is sent."""
    return _chain((step,))


def either(left: Canvas, right: Canvas, note: Note) -> Canvas:
    """`left | right`: `Signature.__or__`, `_chain.__or__`, `group.__or__`, `_chord.__or__`."""
    match left.kind:
        case "chain":
            return _after_chain(left, right, note)
        case "group":
            if empty(right):
                note("dropped", right)
                return left
            note("chord of one" if len(left.parts) == 1 else "chord", left)
            _warn(left, note)
            return chord(left, right)
        case "chord":
            inner = unrolled(right, note) if right.kind == "group" and len(right.parts) == 1 else right
            if right.kind not in ("group", "chain") or inner is not right:
                return _in_body(left, inner, note)
    if right.kind == "chain":
        note("spliced", right)
        return _chain((left, *unchained(right)))
    return _chain((left, unrolled(right, note)))


def _after_chain(left: Canvas, right: Canvas, note: Note) -> Canvas:
    steps = left.parts
    last = steps[-1] if steps else None
    if empty(right):
        note("dropped", right)
        return left
    if right.kind == "group":
        found = unrolled(right, note)
        return _group_after(left, found, note) if found.kind == "group" else either(left, found, note)
    if right.kind == "chain":
        if steps:
            note("spliced", right)
        return reduce(lambda done, step: either(done, step, note), unchained(right), left)
    if last is not None and last.kind == "group":
        note("chord", last)
        _warn(last, note)
        made = chord(last, right)
        if len(steps) > 1 and steps[-2].kind == "chord":
            return left.but(parts=(*steps[:-2], _in_body(steps[-2], made, note)))
        return left.but(parts=(*steps[:-1], made))
    if last is not None and last.kind == "chord" and right.kind != "chord":
        return left.but(parts=(*steps[:-1], _in_body(last, right, note)))
    _warn(left, note)
    return _chain((*unchained(left), right))


def _warn(left: Canvas, note: Note) -> None:
    if set(left.options) - set(_CALLBACKS):
        note("options", left)


def _group_after(left: Canvas, right: Canvas, note: Note) -> Canvas:
    steps = unchained(left)
    if not steps:
        return right
    if steps[-1].kind == "chord":
        return _chain((*steps[:-1], _in_body(steps[-1], right, note)))
    return _chain((*steps, right))


def _in_body(left: Canvas, right: Canvas, note: Note) -> Canvas:
    if left.body is None:
        raise ValueError("a chord without a body")
    note("body", right)
    return left.but(body=either(left.body, right, note))


def empty(canvas: Canvas) -> bool:
    """`_is_empty_group`."""
    return canvas.kind == "group" and not canvas.parts


def unrolled(canvas: Canvas, note: Note) -> Canvas:
    """`maybe_unroll_group`."""
    if canvas.kind == "group" and len(canvas.parts) == 1:
        note("unrolled", canvas)
        return canvas.parts[0]
    return canvas


def unchained(canvas: Canvas) -> tuple[Canvas, ...]:
    """`_chain.unchain_tasks`: the steps, with the chain's callbacks; its other options are lost."""
    steps = list(canvas.parts)
    if not steps and canvas.callbacks("link"):
        raise ValueError("an empty chain has nothing to link to")
    for callback in canvas.callbacks("link"):
        steps[-1] = link(steps[-1], callback)
    for errback in canvas.callbacks("link_error"):
        steps = [link_error(step, errback) for step in steps]
    return tuple(steps)


def link(canvas: Canvas, callback: Canvas) -> Canvas:
    """`link`: of a group its first member has it, called without its result; of a chord the body."""
    if canvas.kind == "group":
        if not canvas.parts:
            raise ValueError("a group without members")
        first, *others = canvas.parts
        return canvas.but(parts=(link(first, set_immutable(callback, True)), *others))
    if canvas.kind == "chord":
        if canvas.body is None:
            raise ValueError("a chord without a body")
        return canvas.but(body=link(canvas.body, callback))
    return _with(canvas, "link", callback)


def link_error(canvas: Canvas, errback: Canvas) -> Canvas:
    """`link_error`: of a group each member has it; of a chord its body, and the chords in its header."""
    if canvas.kind == "group":
        return canvas.but(parts=tuple(link_error(part, errback) for part in canvas.parts))
    if canvas.kind == "chord":
        if canvas.body is None:
            raise ValueError("a chord without a body")
        parts = tuple(link_error(part, errback) if part.kind == "chord" else part for part in canvas.parts)
        return canvas.but(parts=parts, body=link_error(canvas.body, errback))
    return _with(canvas, "link_error", errback)


def _with(canvas: Canvas, name: str, callback: Canvas) -> Canvas:
    there = canvas.callbacks(name)
    if any(each.plain() == callback.plain() for each in there):
        return canvas
    return canvas.but(options={**canvas.options, name: (*there, callback)})


def set_immutable(canvas: Canvas, immutable: bool) -> Canvas:
    """`set_immutable`: of a group each member, of a chord its header."""
    if canvas.kind in ("group", "chord"):
        return canvas.but(parts=tuple(set_immutable(part, immutable) for part in canvas.parts))
    return replace(canvas, immutable=immutable)


def set_options(canvas: Canvas, options: Mapping[str, Any]) -> Canvas:
    """`set`, without `immutable`."""
    return canvas.but(options={**canvas.options, **options})


def partial(canvas: Canvas, args: Iterable[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]) -> Canvas:
    """`clone`: further arguments in front, unless it is immutable."""
    made = set_options(canvas, options)
    if canvas.immutable:
        return made
    return made.but(args=(*args, *canvas.args), kwargs={**canvas.kwargs, **kwargs})
