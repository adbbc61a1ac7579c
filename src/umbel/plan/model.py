"""The plan: a validated, immutable DAG of tasks, known by the hash of its content."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Node:
    """One task of a plan.

    `index` is its place in the definition (from 0) and its name in the engine; `key` is unique in the plan;
    `task` is the Celery task's name; `needs` are the indices it waits for, in definition order; `queue` None is the
    default queue. `takes_nothing`: it waits for its needs, but is called with the empty list and not with their
    results, because an empty group stands between (celery-director's recording `yaml-EMPTY_GROUP`). A `hook` is no part
    of the DAG: it runs when the run has succeeded, or as soon as it has failed.
    """

    index: int
    key: str
    task: str
    needs: tuple[int, ...] = ()
    queue: str | None = None
    takes_nothing: bool = False
    hook: Literal["success", "failure"] | None = None

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

    def __post_init__(self) -> None:
        keys: set[str] = set()
        for place, node in enumerate(self.nodes):
            if node.index != place:
                raise ValueError(f"node {node.key!r} has index {node.index} at place {place}")
            if node.key in keys:
                raise ValueError(f"key {node.key!r} is used twice")
            keys.add(node.key)
            if len(set(node.needs)) != len(node.needs):
                raise ValueError(f"node {node.key!r} needs a task twice")
            for need in node.needs:
                if not 0 <= need < len(self.nodes) or need == place:
                    raise ValueError(f"node {node.key!r} needs index {need}, which is not another node")
            if place >= self.tasks and (not node.hook or node.needs):
                raise ValueError(f"{node.key!r}: hooks stand behind all tasks, and need nothing")
            if any(need >= self.tasks for need in node.needs):
                raise ValueError(f"node {node.key!r} needs a hook")
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
        return json.dumps(
            {"definition": self.definition, "nodes": [_as_dict(node) for node in self.nodes]},
            sort_keys=True,
            separators=(",", ":"),
        )

    @staticmethod
    def from_json(text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        data = json.loads(text)
        nodes = (Node(**{**node, "needs": tuple(node["needs"])}) for node in data["nodes"])
        return Plan(data["definition"], tuple(nodes))


def _as_dict(node: Node) -> dict[str, Any]:
    # Not dataclasses.asdict, which copies deeply and takes most of a second for 10,000 nodes. What is rare is left out,
    # so that plans without it keep their hash.
    found = {"index": node.index, "key": node.key, "task": node.task, "needs": node.needs, "queue": node.queue}
    rare = {"takes_nothing": node.takes_nothing, "hook": node.hook}
    return {**found, **{name: value for name, value in rare.items() if value}}


def task_id(run_id: str, index: int) -> str:
    """The stable id of a task of a run: always the same for the same run and index, shaped like a version 4 UUID.

    celery-director's ids are version 4 UUIDs (`get-one-success` recording), so clients may check for that.
    """
    digest = hashlib.sha256(f"{run_id}:{index}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def chain_of(definition: str, tasks: Sequence[str]) -> Plan:
    """A plan that runs `tasks` one after another: for tests and examples."""
    return Plan(definition, tuple(Node(i, f"{name}-{i}", name, (i - 1,) if i else ()) for i, name in enumerate(tasks)))
