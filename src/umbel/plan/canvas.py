"""Celery canvas -> Plan: chains, groups and chords as one flat DAG that gives what Celery's own canvas gives.

Measured on Celery 5.7 (`tests/conformance` runs both side by side); the line of thought is `celery/canvas.py`:

- A chain is spliced into the chain around it, a group of one into its place; empty groups in a chain are passed over.
- A task after a group is a chord's body: it takes the list. So does the body of a chord whose header has one task.
- A group inside a group is one group. Where it is part of a chord or a chain its members come in the reverse order
  (`group._freeze_unroll` puts them on a stack); where it is applied itself they do not (`group._prepared`).
- A member that ends in a group gives a list inside the list.
- Options of a chain are its first task's, its `link` is its last task's, its `link_error` every task's.

Where Celery is at fault, this does what was meant: a step after a chord whose body is a group takes the group's list
(Celery starts it once per member), and `chunks` inside a canvas is its group (Celery hands on an unfinished result).
"""

import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from umbel.definition.keys import Keys
from umbel.errors import DefinitionError
from umbel.plan.limits import MAX_DEPTH, MAX_EDGES, MAX_TASKS
from umbel.plan.model import Call, Node, Plan
from umbel.plan.signature import Signature, listed

EMPTY: Final = "celery.accumulate"
"""A task of every worker that, called with nothing, returns `[]`: what an empty group returns."""

_OF_THE_CHAIN: Final = frozenset(
    {"chord", "group_id", "group_index", "link", "link_error", "parent_id", "root_id", "task_id", "chain"}
)
"""Options that a chain does not pass on to its first task (`canvas.py`, `_CHAIN_RUN_OPTIONS`)."""
_OF_THE_GROUP: Final = ("task_id", "group_id", "group_index", "chord", "chain", "root_id", "parent_id")

_UNFIT: Final = re.compile(r"[^\w.-]")
"""What does not stand in a key, which is part of paths."""

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
MAX_NAME: Final = 180
"""Characters of a task's name that go into the name of a run."""

Shape = Any
"""What a signature returns: the index of a node, or a list of shapes."""


def compile(definition: str, signature: Mapping[str, Any]) -> Plan:
    """The plan of a canvas.

    Args:
        definition: name of the definition, `project.NAME`.
        signature: `dict(canvas)` as JSON values.

    Raises:
        DefinitionError: it is no signature, has nothing to run, or is too large or too deep.
    """
    compiler = _Compiler()
    try:
        returns = compiler.top(Signature.read(signature))
        return Plan(definition, tuple(compiler.nodes), returns)
    except RecursionError:
        raise DefinitionError(f"The canvas {definition} is nested too deep.", hint="Flatten it.") from None
    except (DefinitionError, ValueError) as error:
        hint = getattr(error, "hint", "")
        raise DefinitionError(f"The canvas {definition} cannot be run: {error}", hint=hint) from error


def first_task(signature: Mapping[str, Any]) -> str:
    """Name of the first task of a canvas; "" if there is none."""
    seen = 0
    stack: list[Any] = [signature]
    while stack and seen < MAX_TASKS:
        seen += 1
        found = Signature.read(stack.pop())
        if found.kind == "task":
            return found.task
        if found.kind == "chord" and found.kwargs.get("body"):
            stack.append(found.kwargs["body"])
        stack.extend(reversed(found.members if found.kind != "chunks" else (found.kwargs.get("task"),)))
    return ""


def name_of(signature: Mapping[str, Any]) -> str:
    """What a run of a canvas is called that nobody named: `canvas.` and the name of its first task."""
    parts = [_NO_NAME.sub("_", part) for part in first_task(signature)[:MAX_NAME].split(".")]
    return ".".join(["canvas", *(part for part in parts if part)]) if any(parts) else "canvas.EMPTY"


@dataclass(frozen=True, slots=True)
class _Input:
    """What the first tasks of a signature wait for and are called with, in front of their own arguments."""

    needs: tuple[int, ...] = ()
    takes: Shape | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    error: bool = False
    """The errors of the needs, and not their results."""
    on_error: bool = False
    """It follows what is only called for an error, and so perhaps never."""
    quiet: bool = False


class _Compiler:
    """Nodes in the order in which they are found, and what must stay in bounds while they grow."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._edges = 0
        self._keys = Keys()
        self._depth = 0

    def top(self, signature: Signature) -> Shape:
        """The whole canvas, as `apply_async` would start it."""
        if signature.kind == "chain":
            steps = _steps(signature)
            if not steps:
                raise DefinitionError("it is an empty chain", hint="Give it a task.")
            alone = len(steps) == 1 and steps[0].kind == "group"
            shape = self.emit(signature, _Input())
        else:
            alone = signature.kind == "group"
            shape = self.emit(signature, _Input(), in_order=True)
        if alone and len(shape) == 1 and isinstance(shape[0], list):
            shape = shape[0]  # `group.apply_async`: a lone member that is a group itself
        if not self.nodes:
            self._add(Signature("task", EMPTY, (), {}, {}, False), _Input())
            return 0
        return shape

    def emit(
        self, signature: Signature, given: _Input, over: Mapping[str, Any] | None = None, *, in_order: bool = False
    ) -> Shape:
        """Add what a signature runs; its result. `over` are options on top of its own."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DefinitionError(f"it is nested deeper than {MAX_DEPTH}", hint="Flatten it.")
        if over:
            signature = signature.but(**over)
        try:
            match signature.kind:
                case "task":
                    return self._task(signature, given)
                case "chain":
                    return self._chain(signature, given)
                case "group":
                    return self._group(signature, given, in_order)
                case "chord":
                    return self._chord(signature, given)
                case "chunks":
                    return self._chunks(signature, given)
        finally:
            self._depth -= 1

    def _chain(self, chain: Signature, given: _Input) -> Shape:
        steps = _steps(chain)
        if not steps:
            raise DefinitionError("a chain in it holds no task", hint="Leave it out.")
        if chain.text("task_id"):
            steps[-1] = _named(steps[-1], chain.text("task_id"))
        for callback in chain.links("link"):
            if [step.kind for step in steps[-2:]] == ["group", "group"]:  # the last is the body of a chord
                steps[-1] = _with_link(steps[-1], callback)
            else:
                steps[-1] = steps[-1].but(link=[*steps[-1].links("link"), callback])
        over: Mapping[str, Any] = {name: it for name, it in chain.options.items() if name not in _OF_THE_CHAIN}
        errbacks = _added([], chain.links("link_error"))
        shape: Shape = None
        for place, step in enumerate(steps):
            last = place == len(steps) - 1
            if errbacks:
                step = _with_errbacks(step, errbacks, header=step.kind == "group" and not last)
            if step.kind == "group" and not last:
                step = step.but(**dict.fromkeys(step.options))  # it becomes a chord's header, without its options
            shape = self.emit(step, given, over)
            # A chord passes its options on to its body, except for the delay.
            over = _without(over, "countdown", "eta") if step.kind == "group" else {}
            given = self._after(given, shape)
        return shape

    def _group(self, group: Signature, given: _Input, in_order: bool) -> list[Shape]:
        over = _without(group.options, *_OF_THE_GROUP)
        members = _flat(group.members) if in_order else _flat_reversed(group.members)
        return [self.emit(member, given, over) for member in members]

    def _chord(self, chord: Signature, given: _Input) -> Shape:
        options = _without(chord.options, *_OF_THE_GROUP)
        delay: dict[str, Any] = {name: options.pop(name) for name in ("countdown", "eta") if name in options}
        links, errbacks = listed(options.pop("link", None)), listed(options.pop("link_error", None))
        body = chord.body
        for callback in links:
            body = _with_link(body, callback)
        if errbacks:
            body = _with_body_errbacks(body, errbacks)
        if chord.text("task_id"):
            body = _named(body, chord.text("task_id"))
        if chord.immutable:
            given = replace(given, takes=None, args=(), kwargs={})
        else:
            given = replace(given, args=(*given.args, *chord.args))
        more = chord.kwargs.get("kwargs")
        if isinstance(more, Mapping):
            given = replace(given, kwargs={**more, **given.kwargs})
        header = [self.emit(member, given, {**options, **delay}) for member in _flat_reversed(chord.members)]
        return self.emit(body, self._after(given, header), options)

    def _chunks(self, chunks: Signature, given: _Input) -> Shape:
        """`chunks` is a group of `starmap` (`canvas.py`, `chunks.group`)."""
        task, items, size = (chunks.kwargs.get(name) for name in ("task", "it", "n"))
        if not isinstance(items, list | tuple) or not isinstance(size, int) or size < 1:
            raise DefinitionError("chunks needs a task, a list and a number")
        parts = (items[start : start + size] for start in range(0, len(items), size))
        over = _without(chunks.options, *_OF_THE_GROUP)
        return [
            self._task(Signature("task", "celery.starmap", (), {"task": task, "it": part}, over, True), given)
            for part in parts
        ]

    def _task(self, task: Signature, given: _Input) -> int:
        index = self._add(task, given)
        self._depth += 1
        for callback in task.links("link"):
            self.emit(Signature.read(callback), _Input((index,), index, quiet=True))
        for errback in task.links("link_error"):
            self.emit(Signature.read(errback), _Input((index,), index, error=True, quiet=True))
        self._depth -= 1
        return index

    def _add(self, task: Signature, given: _Input) -> int:
        index = len(self.nodes)
        self._edges += len(given.needs)
        if index >= MAX_TASKS or self._edges > MAX_EDGES:
            raise _too_large()
        node = Node(
            index,
            self._keys.take(_UNFIT.sub("_", task.task.rpartition(".")[2] or task.task)),
            task.task,
            given.needs,
            takes_nothing=given.takes == [],
            call=_call(task, given),
            run_if="any_failed" if given.error else "one_ok" if given.on_error else "all_ok",
            errback=given.error,
            quiet=given.quiet,
            **(_options(task) if task.options else {}),
        )
        self.nodes.append(node)
        return index

    def _after(self, given: _Input, shape: Shape) -> _Input:
        """What follows, with this result. Where nothing ran, it waits for what was waited for."""
        needs = tuple(leaves(shape)) or given.needs
        return _Input(needs, shape, on_error=given.error or given.on_error, quiet=given.quiet)


def leaves(shape: Shape) -> Iterator[int]:
    """The indices in a shape, in order."""
    stack: list[Any] = [shape]
    while stack:
        here = stack.pop()
        if isinstance(here, list | tuple):
            stack.extend(reversed(here))
        elif here is not None:
            yield here


def _too_large() -> DefinitionError:
    """The mistake of a canvas with more than a plan may have."""
    return DefinitionError(
        f"it has more than {MAX_TASKS:,} tasks or {MAX_EDGES:,} connections",
        hint="Between two large groups every task waits for every other: put one task between them to join.",
    )


def _options(task: Signature) -> dict[str, Any]:
    """The options that mean something to the engine or the worker; Celery's others are for its own messages."""
    expires_at = task.moment("expires")
    countdown = task.number("countdown")
    return {
        "queue": task.text("queue", "routing_key"),
        "priority": task.whole("priority"),
        "countdown": max(countdown, 0.0) if countdown else None,
        "at": task.moment("eta") if not countdown else None,
        "expires": task.number("expires") if expires_at is None else None,
        "expires_at": expires_at,
        "time_limit": task.number("time_limit"),
        "soft_time_limit": task.number("soft_time_limit"),
        "id": task.text("task_id"),
    }


def _finite(value: Any) -> bool:
    """Whether it holds neither NaN nor an infinity: JSON has no form for them, though Python reads and writes them."""
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, float) and not math.isfinite(here):
            return False
        if isinstance(here, Mapping):
            stack.extend(here.values())
        elif isinstance(here, list | tuple):
            stack.extend(here)
    return True


def _call(task: Signature, given: _Input) -> Call:
    if not _finite((task.args, task.kwargs)):
        hint = "Give None, a text, or a finite number."
        raise DefinitionError(f"{task.task} is called with NaN or an infinity, which JSON does not have", hint=hint)
    if task.immutable:
        return Call(task.args, dict(task.kwargs), immutable=True)
    kwargs = {**task.kwargs, **given.kwargs}
    gathers: Any = False
    if isinstance(given.takes, list):
        flat = all(isinstance(each, int) for each in given.takes)
        gathers = True if flat else tuple(_positions(given.takes, iter(range(len(given.needs)))))
    nothing = given.takes is None and not given.error
    return Call((*given.args, *task.args), kwargs, immutable=nothing and bool(given.needs), gathers=gathers)


def _positions(shape: Shape, places: Iterator[int]) -> Any:
    return [_positions(each, places) for each in shape] if isinstance(shape, list) else next(places)


def _steps(chain: Signature) -> list[Signature]:
    """The steps of a chain: chains in it spliced, groups of one unrolled, empty groups left out.

    As `_chain.prepare_steps`, which also knows a chain of nothing but empty groups: that is one empty group.
    """
    steps: list[Signature] = []
    empty: Signature | None = None
    todo = deque((each, 0) for each in chain.members)
    while todo:
        value, depth = todo.popleft()
        step = Signature.read(value)
        if depth > MAX_DEPTH:
            raise DefinitionError(f"it is nested deeper than {MAX_DEPTH}", hint="Flatten it.")
        for _ in range(1 if steps else 2):
            if step.kind == "group" and len(step.members) == 1:
                step = Signature.read(step.members[0])
        if step.kind == "chain":
            todo.extendleft((each, depth + 1) for each in reversed(step.members))
        elif step.kind == "group" and not step.members:
            empty = step
        else:
            steps.append(step)
    return steps or ([empty] if empty else [])


def _flat(members: Sequence[Any], depth: int = 0) -> Iterator[Signature]:
    """The members of a group that is applied itself, groups in it opened (`group._prepared`)."""
    if depth > MAX_DEPTH:
        raise DefinitionError(f"it is nested deeper than {MAX_DEPTH}", hint="Flatten it.")
    if len(members) > MAX_TASKS:
        raise _too_large()
    for value in members:
        member = Signature.read(value)
        if member.kind == "group":
            yield from _flat(member.members, depth + 1)
        elif not _idle(member):
            yield member


def _flat_reversed(members: Sequence[Any]) -> Iterator[Signature]:
    """The members of a group inside a chain or a chord, groups in it opened (`group._freeze_unroll`)."""
    if len(members) > MAX_TASKS:
        raise _too_large()
    stack = deque(members)
    while stack:
        member = Signature.read(stack.popleft())
        if member.kind == "group":
            stack.extendleft(member.members)
        elif not _idle(member):
            yield member


def _idle(member: Signature) -> bool:
    return member.kind == "chain" and not _steps(member)


def _without(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in names}


def _named(step: Signature, task_id: str | None) -> Signature:
    """A chain's or chord's task id is that of the task whose result it has, unless it has one."""
    if step.kind in ("group", "chunks") or step.text("task_id"):
        return step
    return step.but(task_id=task_id)


def _with_link(step: Signature, callback: Any) -> Signature:
    """`step.link(callback)`: of a group, its first member has it, called without its result; of a chord, the body."""
    if step.kind == "group" and step.members:
        first, *others = step.members
        mute = {**Signature.read(callback).plain(), "immutable": True}
        return step.holding([_with_link(Signature.read(first), mute).plain(), *others])
    if step.kind == "chord":
        return replace(step, kwargs={**step.kwargs, "body": _with_link(step.body, callback).plain()})
    return step.but(link=_added(step.links("link"), [callback]))


def _with_errbacks(step: Signature, errbacks: list[Any], *, header: bool = False) -> Signature:
    """`step.link_error(errback)` for each: of a group, every member has it; of a chord, its body and the chords in its
    header.

    `header`: the step is a group that becomes the header of a chord, whose body has it instead.
    """
    if step.kind in ("group", "chord"):
        chosen = [
            _with_errbacks(member, errbacks).plain()
            if (step.kind == "group" and not header) or member.kind == "chord"
            else member.plain()
            for member in map(Signature.read, step.members)
        ]
        step = step.holding(chosen)
        if step.kind == "chord":
            step = replace(step, kwargs={**step.kwargs, "body": _with_errbacks(step.body, errbacks).plain()})
        return step
    own = step.links("link_error")
    return step.but(link_error=_added(own, errbacks) if own else errbacks)


def _with_body_errbacks(body: Signature, errbacks: list[Any]) -> Signature:
    """A chord's `link_error` option goes to its body (`canvas.py`, `_link_error_to_body_tasks`)."""
    if body.kind == "group" and "link_error" not in body.options:
        members = [_with_body_errbacks(Signature.read(each), errbacks).plain() for each in body.members]
        return body.holding(members)
    if body.kind == "chord":
        return replace(body, kwargs={**body.kwargs, "body": _with_body_errbacks(body.body, errbacks).plain()})
    return body.but(link_error=_added(body.links("link_error"), errbacks))


def _added(callbacks: list[Any], more: list[Any]) -> list[Any]:
    """As Celery adds to such a list: what is in it already is not added again."""
    if not callbacks and len(more) < 2:
        return more
    found = list(callbacks)
    for one in more:
        if one not in found:
            found.append(one)
    return found
