"""The plan: a validated, immutable DAG of tasks, known by the hash of its content."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Node:
    """One task of a plan.

    `index` is its place in the definition (from 0) and its name in the engine; `key` is unique in the plan;
    `task` is the Celery task's name; `needs` are the indices it waits for, in definition order; `queue` None is the
    default queue.
    """

    index: int
    key: str
    task: str
    needs: tuple[int, ...] = ()
    queue: str | None = None


@dataclass(frozen=True)
class Plan:
    """A DAG in definition order. Immutable: a run keeps the plan it was started with.

    Raises:
        ValueError: an index is out of place, a key is used twice, or nodes need each other in a circle. (The author's mistakes are found earlier, with line numbers, by `definition`.)
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
        """Indices of the nodes that need nothing."""
        return tuple(node.index for node in self.nodes if not node.needs)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """All indices, each after everything it needs (Kahn's algorithm; ties by index)."""
        missing = [len(node.needs) for node in self.nodes]
        ready = [node.index for node in self.nodes if not node.needs]
        done: list[int] = []
        out: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for need in node.needs:
                out[need].append(node.index)
        while ready:
            following: list[int] = []
            for index in ready:
                done.append(index)
                for dependent in out[index]:
                    missing[dependent] -= 1
                    if missing[dependent] == 0:
                        following.append(dependent)
            ready = following
        if len(done) != len(self.nodes):
            stuck = sorted(set(range(len(self.nodes))) - set(done))
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
            {"definition": self.definition, "nodes": [asdict(node) for node in self.nodes]},
            sort_keys=True,
            separators=(",", ":"),
        )

    @staticmethod
    def from_json(text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        data = json.loads(text)
        return Plan(
            data["definition"],
            tuple(Node(**{**node, "needs": tuple(node["needs"])}) for node in data["nodes"]),
        )


def task_id(run_id: str, index: int) -> str:
    """The stable id of a task of a run: always the same for the same run and index, shaped like a version 4 UUID.

    celery-director's ids are version 4 UUIDs (`get-one-success` recording), so clients may check for that.
    """
    digest = hashlib.sha256(f"{run_id}:{index}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def chain_of(definition: str, tasks: Sequence[str]) -> Plan:
    """A plan that runs `tasks` one after another: for tests and examples."""
    return Plan(definition, tuple(Node(i, f"{name}-{i}", name, (i - 1,) if i else ()) for i, name in enumerate(tasks)))
