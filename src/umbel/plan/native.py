"""Plan -> Celery canvas: which chain of groups a plan is, if it is one, and that canvas as Python.

A plan is one if it is vertex series-parallel: its connections fall into blocks in which every task of one set needs
every task of another, and the graph that has these blocks as its points and the tasks as its lines can be reduced to
one line by joining lines that follow each other and lines that lie side by side (Valdes, Tarjan, Lawler: "The
recognition of series parallel digraphs", 1982). The cost is linear in tasks and connections.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from umbel.errors import DefinitionError
from umbel.plan.model import Node, Plan

MAX_TASKS: Final = 500
"""Each message of a chain carries the rest of it: 500 tasks in a row take 24 s, 1,000 more than 40 s (measured)."""
MAX_CHORDS: Final = 50
"""Groups that something follows. Celery takes 0.5 s to build a chain of 50 of them, and 11 s for 120 (measured)."""
MAX_DEPTH: Final = 8
"""Celery's client takes one more connection of its pool of 10 for each chord within a chord's header (measured)."""

DEADLINE: Final = 3600.0
"""Seconds after which a run ends whose definition has no `deadline`: Celery does not say that a task is lost."""

_REFUSED: Final = {
    "when": "when",
    "run_if": "run_if",
    "map": "map",
    "max_parallel": "max_parallel",
    "workflow": "workflow",
    "approval": "approval",
    "retry": "retry",
    "timeout": "timeout",
    "errback": "link_error",
    "quiet": "link",
    "at": "eta",
    "expires_at": "expires",
    "id": "task_id",
}
"""Fields of a node that Celery's canvas has nothing for, or that only the compiled form of one has, and their names."""

_OPTIONS: Final = ("queue", "priority", "countdown", "expires", "time_limit", "soft_time_limit")


@dataclass(frozen=True, slots=True)
class Chain:
    """Two or more steps, none of them a chain: each waits for all ends of the step before."""

    steps: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more members side by side, none of them a group, in the order in which their results are handed on."""

    members: tuple["Tree", ...]


Tree = int | Chain | Group
"""A task by its index, or tasks in a row or side by side."""


def decompose(plan: Plan) -> Tree:
    """The chains and groups whose connections are exactly those of the plan. Its hooks are left out.

    Raises:
        DefinitionError: there are none; the message names a connection that does not fit.
    """
    if not plan.tasks:
        raise _error(plan, "has no task")
    return _Reduction(plan).tree()


def check(plan: Plan) -> Tree:
    """The chains and groups of a plan that Celery's own canvas can run with the same results.

    Raises:
        DefinitionError: it cannot; the message names the task and the key of the definition, or the connection.
    """
    if plan.tasks > MAX_TASKS:
        raise _error(plan, f"has {plan.tasks:,} tasks; a Celery canvas takes up to {MAX_TASKS:,}")
    for node in plan.nodes:
        for name, word in _REFUSED.items():
            if getattr(node, name) not in (None, False, "all_ok"):
                raise _error(plan, f"{node.key} has `{word}`, which Celery's canvas cannot do")
        if node.call is not None and (node.call.template or (node.call.gathers and len(node.needs) < 2)):
            word = "with" if node.call.template else "chord"
            raise _error(plan, f"{node.key} has `{word}`, which Celery's canvas cannot do as it is written")
    tree = decompose(plan)
    _check_ends(plan, tree)
    return tree


def arguments(node: Node) -> tuple[tuple[Any, ...], bool]:
    """The positional arguments that a task's signature has, and whether it is immutable (takes no result before them).

    By Director's convention the first task takes None, and a task after an empty group the empty list.
    """
    if node.call is not None:
        return node.call.args, node.call.immutable
    if node.takes_nothing:
        return ([],), True
    return () if node.needs else (None,), False


def options(node: Node) -> dict[str, Any]:
    """A task's execution options, by Celery's names; only what is set."""
    return {name: getattr(node, name) for name in _OPTIONS if getattr(node, name) is not None}


def source(plan: Plan) -> str:
    """The plan as Python: a function that makes the Celery canvas which `engine: canvas` would send.

    Raises:
        DefinitionError: Celery's canvas cannot run it; see `check`.
    """
    tree = check(plan)
    words = [word for word in ("chain", "group") if _holds(tree, Chain if word == "chain" else Group)]
    lines = [
        f'"""The Celery canvas of {plan.definition}."""',
        "",
        f"from celery import {', '.join([*words, 'signature'])}",
        "",
        "",
        "def canvas(payload, workflow_id):",
        '    """Send it with `canvas(payload, workflow_id).apply_async()`; a chord needs a result backend."""',
        '    given = {"payload": payload, "workflow_id": workflow_id}',
        *(f"    # No part of the canvas: {node.task!r}, called on {node.hook}." for node in plan.nodes[plan.tasks :]),
        *_written(plan, tree),
    ]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class _Part:
    """A chain or group under construction."""

    kind: Literal["chain", "group"]
    parts: list["_Part | int"] = field(default_factory=list)
    done: Tree = -1
    rank: int = 0
    """Place of its first end among the ends of those beside it."""


_Line = int | tuple[str, Any, Any]
"""A task, or two lines joined: ("chain" or "group", one, other)."""


class _Reduction:
    """Points are blocks of connections (0: the start, the last: the end), lines are tasks."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.nodes = plan.nodes[: plan.tasks]
        points: dict[tuple[int, ...], int] = {(): 0}
        self.behind = [points.setdefault(node.needs, len(points)) for node in self.nodes]
        """For each task, the point that it comes from."""
        self.end = len(points)
        self.before = [self.end] * len(self.nodes)
        """For each task, the point that it leads to."""
        self.rank = list(range(len(self.nodes)))
        for needs, point in points.items():
            for place, need in enumerate(needs):
                if self.before[need] != self.end:
                    raise self._no_block(need, self.before[need], point)
                self.before[need], self.rank[need] = point, place
        self.out: list[dict[int, _Line]] = [{} for _ in range(self.end + 1)]
        self.into: list[set[int]] = [set() for _ in range(self.end + 1)]

    def tree(self) -> Tree:
        for index in range(len(self.nodes)):
            self._lay(self.behind[index], self.before[index], index)
        waiting = list(range(1, self.end))
        while waiting:
            point = waiting.pop()
            if len(self.into[point]) != 1 or len(self.out[point]) != 1:
                continue
            (tail,), ((head, second),) = self.into[point], self.out[point].items()
            first = self.out[tail].pop(point)
            self.into[head].discard(point)
            self.into[point], self.out[point] = set(), {}
            self._lay(tail, head, ("chain", first, second))
            waiting += [each for each in (tail, head) if each not in (0, self.end)]
        if any(self.out[1 : self.end]):
            raise self._crossing()
        return self._flat(self.out[0][self.end])

    def _lay(self, tail: int, head: int, line: _Line) -> None:
        """Add a line; side by side with another one they become one."""
        if head in self.out[tail]:
            line = ("group", self.out[tail][head], line)
        self.out[tail][head] = line
        self.into[head].add(tail)

    def _flat(self, line: _Line) -> Tree:
        """The tree of a line. Without recursion, since a plan may be nested as deep as it has tasks."""
        whole = _Part("chain")
        made = [whole]
        stack: list[tuple[_Line, _Part]] = [(line, whole)]
        while stack:
            here, part = stack.pop()
            if isinstance(here, int):
                part.parts.append(here)
                continue
            kind, first, second = here
            if kind != part.kind:
                inner = _Part("group" if kind == "group" else "chain")
                part.parts.append(inner)
                made.append(inner)
                part = inner
            stack += [(second, part), (first, part)]
        for part in reversed(made):
            found = [
                (self.rank[each], each) if isinstance(each, int) else (each.rank, each.done) for each in part.parts
            ]
            if part.kind == "group":
                found.sort(key=lambda pair: pair[0])
            part.rank = found[0 if part.kind == "group" else -1][0]
            trees = tuple(each for _, each in found)
            part.done = Group(trees) if part.kind == "group" else Chain(trees) if len(trees) > 1 else trees[0]
        return whole.done

    def _no_block(self, task: int, *points: int) -> DefinitionError:
        """Two tasks need `task`, but they do not need the same."""
        one, other = sorted((self.behind.index(point) for point in points), key=lambda i: len(self.nodes[i].needs))
        a, b, c = (self.nodes[each].key for each in (task, other, one))
        return _edge(self.plan, a, b, f"{c} needs {a} too, but {b} and {c} do not need the same")

    def _crossing(self) -> DefinitionError:
        """No line follows another or lies beside one any more; one of those left crosses the others.

        Of the points that are left, the first (in the order of the run) has one line into it, the last one out of it;
        so the first one with several lines into it is reached by a line from a point with several lines out of it.
        """
        crossing = [
            (_first(line), head)
            for tail in range(1, self.end)
            for head, line in self.out[tail].items()
            if head != self.end and len(self.out[tail]) > 1 and len(self.into[head]) > 1
        ]
        task, head = min(crossing)
        a, b, c = (self.nodes[each].key for each in (self.nodes[task].needs[0], task, self.behind.index(head)))
        why = f"behind {b} comes {c}, which also waits for what is not behind {a}, but not for all that is"
        return _edge(self.plan, a, b, why)


def _first(line: _Line) -> int:
    while not isinstance(line, int):
        line = line[1]
    return line


def _check_ends(plan: Plan, tree: Tree) -> None:
    """Refuse nesting that Celery cannot send, and groups whose results Celery would not hand on as one flat list."""
    stack: list[tuple[Tree, Tree | None, int]] = [(tree, None, 0)]
    chords = 0
    while stack:
        here, following, depth = stack.pop()
        chords += isinstance(here, Group) and following is not None
        if chords > MAX_CHORDS:
            raise _error(plan, f"has more than {MAX_CHORDS} groups that something follows; Celery cannot build so many")
        if isinstance(here, Chain):
            stack += zip(here.steps, (*here.steps[1:], following), [depth] * len(here.steps), strict=True)
        elif isinstance(here, Group):
            if depth >= MAX_DEPTH:
                raise _error(plan, f"its groups stand within each other more than {MAX_DEPTH} deep")
            for member in here.members:
                last = member.steps[-1] if isinstance(member, Chain) else member
                if following is not None and isinstance(last, Group):
                    a, b = plan.nodes[_end(last)].key, plan.nodes[_start(following)].key
                    why = f"{a} is in a group that ends a member of a group; {b} would get a list within the list"
                    raise _edge(plan, a, b, why)
                stack.append((member, following, depth + 1))


def _start(tree: Tree) -> int:
    """The first task of a tree."""
    while not isinstance(tree, int):
        tree = tree.steps[0] if isinstance(tree, Chain) else tree.members[0]
    return tree


def _end(tree: Tree) -> int:
    """The first of the last tasks of a tree."""
    while not isinstance(tree, int):
        tree = tree.steps[-1] if isinstance(tree, Chain) else tree.members[0]
    return tree


def _holds(tree: Tree, kind: type) -> bool:
    stack = [tree]
    while stack:
        here = stack.pop()
        if isinstance(here, kind):
            return True
        if not isinstance(here, int):
            stack += here.steps if isinstance(here, Chain) else here.members
    return False


def _written(plan: Plan, tree: Tree) -> Iterator[str]:
    """The lines of the function's `return`."""

    def lines(here: Tree, depth: int) -> Iterator[str]:
        pad = "    " * depth
        if isinstance(here, int):
            yield f"{pad}{_signature(plan.nodes[here])},"
            return
        yield f"{pad}{'chain' if isinstance(here, Chain) else 'group'}("
        for part in here.steps if isinstance(here, Chain) else here.members:
            yield from lines(part, depth + 1)
        yield f"{pad}),"

    first, *rest = lines(tree, 1)
    written = [f"    return {first.strip()}", *rest]
    written[-1] = written[-1].removesuffix(",")
    yield from written


def _signature(node: Node) -> str:
    args, immutable = arguments(node)
    words = [_literal(node.task)]
    if args:
        words.append(f"args={args!r}")
    words.append("kwargs=given" if node.call is None else f"kwargs={dict(node.call.kwargs)!r}")
    words += ["immutable=True"] if immutable else []
    words += [f"{name}={_literal(value)}" for name, value in options(node).items()]
    return f"signature({', '.join(words)})"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _edge(plan: Plan, one: str, other: str, why: str) -> DefinitionError:
    return _error(plan, f"the connection {one} -> {other} fits into no Celery canvas: {why}")


def _error(plan: Plan, what: str) -> DefinitionError:
    return DefinitionError(f"{plan.definition}: {what}", hint="`engine: relay`, the default, runs any plan.")
