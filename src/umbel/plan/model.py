"""The plan: a validated, immutable DAG of tasks, known by the hash of its content."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, Final, Literal

from umbel.definition import STEP_TASK as STEP_TASK
from umbel.definition import RetryPolicy, Webhook


@dataclass(frozen=True, slots=True)
class Call:
    """How a task is called, where it is not called by Director's convention.

    From a canvas: `args` and `kwargs` as they are, the result of what it follows put in front unless `immutable`. A
    chord's body `gathers`: it takes a list, even of one result; where results stand in lists within that list, it is
    their shape, with the places of the inputs.
    From `with`: `kwargs` after their `${CEL}` is evaluated, and nothing else (`template`).
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    immutable: bool = False
    template: bool = False
    gathers: Any = False


@dataclass(frozen=True, slots=True)
class SubRun:
    """A run of another definition that a task starts: its plan's hash, and how its payload is made and checked."""

    definition: str
    plan: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    """Template: texts may hold `${CEL}`."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One task of a plan.

    `index` is its place in the definition (from 0) and its name in the engine; `key` is unique in the plan;
    `task` is the Celery task's name; `needs` are the indices it waits for, in definition order; `queue` None is the
    default queue. `takes_nothing`: it waits for its needs, but is called with the empty list and not with their
    results, because an empty group stands between (celery-director's recording `yaml-EMPTY_GROUP`). A `hook` is no part
    of the DAG: it runs when the run has succeeded, or as soon as it has failed.

    The rest is rare, and left out of the plan's JSON where it is not used; see `definition.TaskStep` for its meaning.
    Times are seconds, `at` is a moment in ms UTC, and `expires_at` too.
    """

    index: int
    key: str
    task: str
    needs: tuple[int, ...] = ()
    queue: str | None = None
    takes_nothing: bool = False
    hook: Literal["success", "failure"] | None = None
    call: Call | None = None
    when: str | None = None
    run_if: str = "all_ok"
    map: Any = None
    max_parallel: int | None = None
    timeout: float | None = None
    retry: RetryPolicy | None = None
    priority: int | None = None
    workflow: SubRun | None = None
    approval: bool = False
    errback: bool = False
    """A canvas's `link_error`: called for the error of what it needs, as Celery would."""
    countdown: float | None = None
    at: int | None = None
    expires: float | None = None
    """Seconds after its release; or:"""
    expires_at: int | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    id: str | None = None
    """A task id that its author chose."""
    quiet: bool = False
    """Its failure is recorded, but does not make the run an error (a canvas's callbacks)."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """The nodes whose results it is called with (Director's `previous`)."""
        return () if self.takes_nothing else self.needs

    @property
    def label(self) -> str:
        """The key without the number that makes it unique: what Director's `/api` shows."""
        return self.task if self.key.startswith(self.task + "#") else self.key

    def argument(self, results: Sequence[Any]) -> Any:
        """What the task is called with: None for a root, the bare result of one need, the list of several.

        `results` are those of `needs`, in that order. These are Celery's own rules for a chain of groups: a group of
        one hands on the bare value (canvas guide, "Group Unrolling").
        """
        if self.takes_nothing:
            return []
        if len(results) > 1:
            return list(results)
        return results[0] if results else None

    def arguments(self, results: Sequence[Any]) -> tuple[Any, ...]:
        """Its positional arguments: a failure hook has none (recordings `yaml-HOOKS_OK` and `yaml-HOOKS_ERR`)."""
        return () if self.hook == "failure" else (self.argument(results),)


@dataclass(frozen=True)
class Plan:
    """A DAG in definition order. Immutable: a run keeps the plan it was started with.

    Raises:
        ValueError: an index is out of place, a key is used twice, or nodes need each other in a circle.
            (The author's mistakes are found earlier, with line numbers, by `definition`.)
    """

    definition: str
    nodes: tuple[Node, ...]
    returns: Any = None
    """The shape of the run's result: an index, or a list of shapes; None: what its last tasks return."""
    deadline: float | None = None
    engine: Literal["relay", "canvas"] = "relay"
    webhook: Webhook | None = None
    """Who is told of the end of its runs: the history's business, so that the state store does not know it."""
    subplans: tuple["Plan", ...] = field(default=(), compare=False, repr=False)
    """The plans of the runs that it may start, and that those may start. Not in its JSON, which has their hashes."""

    def __post_init__(self) -> None:
        keys: set[str] = set()
        tasks, ordered = self.tasks, True
        for place, node in enumerate(self.nodes):
            if node.index != place:
                raise ValueError(f"node {node.key!r} has index {node.index} at place {place}")
            if node.key in keys:
                raise ValueError(f"key {node.key!r} is used twice")
            keys.add(node.key)
            if len(node.needs) > 1 and len(set(node.needs)) != len(node.needs):
                raise ValueError(f"node {node.key!r} needs a task twice")
            for need in node.needs:
                if not 0 <= need < len(self.nodes) or need == place:
                    raise ValueError(f"node {node.key!r} needs index {need}, which is not another node")
                if need >= tasks:
                    raise ValueError(f"node {node.key!r} needs a hook")
                ordered = ordered and need < place
            if place >= tasks and (not node.hook or node.needs):
                raise ValueError(f"{node.key!r}: hooks stand behind all tasks, and need nothing")
        if not ordered:  # else nothing can be in a circle
            _ = self.order

    @cached_property
    def hash(self) -> str:
        """Content hash, 32 hex digits: equal plans have equal hashes on every machine."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]

    @cached_property
    def dependents(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the indices of the nodes that need it, ascending."""
        out: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for need in node.needs:
                out[need].append(node.index)
        return tuple(tuple(each) for each in out)

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """Indices of the tasks that need nothing."""
        return tuple(node.index for node in self.nodes if not node.needs and not node.hook)

    @cached_property
    def tasks(self) -> int:
        """How many nodes are tasks of the DAG; the hooks stand behind them."""
        return sum(node.hook is None for node in self.nodes)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """All tasks, each after everything it needs (Kahn's algorithm; ties by index)."""
        missing = [len(node.needs) for node in self.nodes]
        ready = list(self.roots)
        done: list[int] = []
        while ready:
            following: list[int] = []
            for index in ready:
                done.append(index)
                for dependent in self.dependents[index]:
                    missing[dependent] -= 1
                    if missing[dependent] == 0:
                        following.append(dependent)
            ready = sorted(following)
        if len(done) != self.tasks:
            stuck = sorted(set(range(self.tasks)) - set(done))[:10]
            raise ValueError(f"the tasks {[self.nodes[i].key for i in stuck]} wait for each other")
        return tuple(done)

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """The tasks whose results are those of the run: those that it `returns`, or else that nothing waits for."""
        if self.returns is not None:
            return tuple(_leaves(self.returns))
        return tuple(i for i in range(self.tasks) if not self.dependents[i] and not self.nodes[i].quiet)

    @cached_property
    def subs(self) -> tuple[str, ...]:
        """Hashes of the plans in `subplans`, or where those are not at hand, of the runs that it starts itself."""
        own = {node.workflow.plan for node in self.nodes if node.workflow}
        return tuple(sorted(own | {plan.hash for plan in self.subplans}))

    def descendants(self, index: int) -> tuple[int, ...]:
        """All nodes that need `index`, directly or through others, ascending."""
        seen: set[int] = set()
        stack = list(self.dependents[index])
        while stack:
            here = stack.pop()
            if here not in seen:
                seen.add(here)
                stack.extend(self.dependents[here])
        return tuple(sorted(seen))

    def by_key(self, key: str) -> Node | None:
        """The node with this key, or None."""
        return self._by_key.get(key)

    @cached_property
    def _by_key(self) -> dict[str, Node]:
        return {node.key: node for node in self.nodes}

    def to_json(self) -> str:
        """Canonical JSON, from which `from_json` makes an equal plan."""
        whole: dict[str, Any] = {"definition": self.definition, "nodes": [as_dict(node) for node in self.nodes]}
        if self.returns is not None:
            whole["returns"] = self.returns
        if self.deadline is not None:
            whole["deadline"] = self.deadline
        if self.engine != "relay":
            whole["engine"] = self.engine
        if self.webhook is not None:
            about = {"url": self.webhook.url, "events": self.webhook.events, "headers": dict(self.webhook.headers)}
            whole["webhook"] = about
        return json.dumps(whole, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        data = json.loads(text)
        nodes = tuple(from_dict(node) for node in data["nodes"])
        rare = {name: data[name] for name in ("returns", "deadline", "engine") if name in data}
        if webhook := data.get("webhook"):
            rare["webhook"] = Webhook(webhook["url"], tuple(webhook["events"]), webhook["headers"])
        return Plan(data["definition"], nodes, **rare)


def _leaves(shape: Any) -> Iterator[int]:
    if isinstance(shape, list):
        for each in shape:
            yield from _leaves(each)
    else:
        yield shape


def as_dict(node: Node) -> dict[str, Any]:
    """The node as JSON values, from which `from_dict` makes an equal one."""
    # Not dataclasses.asdict for the whole, which copies deeply and takes most of a second for 10,000 nodes. What is
    # rare is left out, so that plans without it keep their hash.
    found: dict[str, Any] = {name: getattr(node, name) for name in _ALWAYS}
    for name, default in _RARE.items():
        value = getattr(node, name)
        if value != default:
            found[name] = asdict(value) if name in _RECORDS else value
    return found


def from_dict(data: Mapping[str, Any]) -> Node:
    """The node that `as_dict` wrote. Without `needs` it has none."""
    values = dict(data)
    values["needs"] = tuple(values.get("needs", ()))
    for name, kind in _RECORDS.items():
        if values.get(name) is not None:
            record = {word: tuple(it) if isinstance(it, list) else it for word, it in values[name].items()}
            values[name] = kind(**record)
    return Node(**values)


_ALWAYS: Final = ("index", "key", "task", "needs", "queue")
_RARE: Final = {each.name: each.default for each in fields(Node) if each.name not in _ALWAYS}
_RECORDS: Final[dict[str, Any]] = {"call": Call, "retry": RetryPolicy, "workflow": SubRun}


def task_id(run_id: str, index: int) -> str:
    """The stable id of a task of a run: always the same for the same run and index, shaped like a version 4 UUID.

    celery-director's ids are version 4 UUIDs (`get-one-success` recording), so clients may check for that.
    """
    digest = hashlib.sha256(f"{run_id}:{index}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def chain_of(definition: str, tasks: Sequence[str]) -> Plan:
    """A plan that runs `tasks` one after another: for tests and examples."""
    return Plan(definition, tuple(Node(i, f"{name}-{i}", name, (i - 1,) if i else ()) for i, name in enumerate(tasks)))
