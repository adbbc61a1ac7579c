"""Reading the reference engine, and what tests do to it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from umbel.engine.keys import partition_of
from umbel.engine.reader import End, Token, Tries
from umbel.engine.reference_run import OpenRun, find
from umbel.engine.reference_state import About, Partition, Run, Task
from umbel.engine.snapshot import Snapshot
from umbel.engine.wire import Item
from umbel.events import EventRecord
from umbel.machine import TaskState
from umbel.observe.spans import trace_of
from umbel.plan.model import Node
from umbel.settings import Settings


class ReferenceReader:
    """Has the methods of `reader.Reader`, which say what each is for.

    Args:
        settings: lease, max_lost, redispatch_after and partitions are used.
        now: its clock, ms; move it by setting `now`.
    """

    def __init__(self, settings: Settings, now: int = 0) -> None:
        self.settings = settings
        self.now = now
        self._partitions = [Partition() for _ in range(settings.partitions)]
        self._lease = round(settings.lease * 1000)

    def close(self) -> None:
        """Nothing to give back."""

    def ping(self) -> None:
        """It is always there."""

    def partition(self, run: str) -> int:
        """Where the run lives."""
        return partition_of(run, self.settings.partitions)

    @property
    def partitions(self) -> range:
        """All partitions."""
        return range(self.settings.partitions)

    def snapshot(self, partition: int = 0) -> Snapshot:
        """Everything in a partition, as `engine.snapshot.snapshot` reads it from Redis."""
        return self._partitions[partition].snapshot()

    def expire(self) -> None:
        """Let everything go that has a TTL."""
        for partition in self._partitions:
            for run in [run for run in partition.runs.values() if run.forgotten]:
                self.vanish(run.id)
            partition.plans = {hash: plan for hash, plan in partition.plans.items() if not plan.expires}
            partition.about = {worker: about for worker, about in partition.about.items() if about.beat is None}

    def vanish(self, run: str) -> None:
        """Lose a run's keys, as a store without persistence may."""
        self._of(run).runs.pop(run, None)

    def _of(self, run: str) -> Partition:
        return self._partitions[self.partition(run)]

    def _find(self, run: str) -> OpenRun | None:
        return find(self._of(run), run, self.now)

    # --- tasks

    def inputs(self, run: str, task: int, plan: str, *, portion: int = 500) -> list[str]:
        """The results (JSON) that a task waits for, in definition order."""
        stored, known = self._of(run).plans.get(plan), self._of(run).runs.get(run)
        nodes = stored.plan.nodes if stored else ()
        return self._results(known, nodes[task].needs if task < len(nodes) else ())

    def _results(self, run: Run | None, needs: Sequence[int]) -> list[str]:
        return [run.results.get(need, "null") if run else "null" for need in needs]

    def payload(self, run: str) -> str:
        """A run's payload (JSON)."""
        known = self._of(run).runs.get(run)
        return known.payload if known else "null"

    def trace(self, run: str) -> str:
        """The trace that a run belongs to. Nothing here is told of a caller's."""
        known = self._of(run).runs.get(run)
        return self.trace(known.parent.run) if known and known.parent else trace_of(run, None)[0]

    def results(self, run: str, indices: Sequence[int], *, portion: int = 500) -> list[str | None]:
        """The results (JSON) of these tasks; None where there is none."""
        known = self._of(run).runs.get(run)
        return [known.results.get(index) if known else None for index in indices]

    def ends(self, run: str, tasks: Sequence[int]) -> list[End]:
        """How these tasks stand."""
        known = self._of(run).runs.get(run)
        found: list[End] = []
        for index in tasks:
            task = known.tasks.get(index) if known else None
            error = known.errors.get(index) if known else None
            found.append(End(str(task.state if task else TaskState.WAITING), json.loads(error) if error else None))
        return found

    def node(self, partition: int, plan: str, index: int) -> Node:
        """A node (without its `needs`) of a plan that a live run uses.

        Raises:
            KeyError: the plan is not there.
        """
        nodes = self._partitions[partition].plans[plan].plan.nodes
        if not 0 <= index < len(nodes):
            raise KeyError(f"plan {plan} has no node {index}")
        return replace(nodes[index], needs=())

    def needs(self, partition: int, plan: str, index: int) -> tuple[Node, ...]:
        """The nodes (without their own needs) that a node waits for.

        Raises:
            KeyError: the plan is not there.
        """
        nodes = self._partitions[partition].plans[plan].plan.nodes
        wanted = nodes[index].needs if 0 <= index < len(nodes) else ()
        return tuple(self.node(partition, plan, need) for need in wanted)

    def definition(self, partition: int, plan: str) -> str:
        """Name of the definition that a live run's plan is of."""
        stored = self._partitions[partition].plans.get(plan)
        return stored.plan.definition if stored else ""

    def tries(self, token: Token) -> Tries:
        """How often and how long an attempt's task has been tried.

        Raises:
            KeyError: the plan or the run is not there.
        """
        run = self._of(token.run).runs[token.run]
        task = run.tasks.get(token.task) or Task()
        age = self.now - (self.now if task.since is None else task.since)
        return Tries(self.node_of(self.item(token, token.task)), run.plan, task.retries or 0, age)

    def node_of(self, item: Item) -> Node:
        """The node behind a released task; the items of a map share the map's.

        Raises:
            KeyError: the plan or the run is not there.
        """
        run = self._of(item.run).runs.get(item.run)
        own = len(self._of(item.run).plans[item.plan].plan.nodes)
        index = item.task
        if index >= own:
            if run is None:
                raise KeyError(f"run {item.run} is not there")
            index = OpenRun(self._of(item.run), run, self.now).place(index).node
        return self.node(self.partition(item.run), item.plan, index)

    def item(self, token: Token, index: int) -> Item:
        """What a dispatcher needs to publish task `index` of the token's run."""
        run = self._of(token.run).runs.get(token.run)
        return Item(token.run, index, token.epoch, run.plan if run else "")

    # --- workers and runs

    def held(self, worker: str) -> list[tuple[int, Token]]:
        """What a worker holds now: (pid, token) each."""
        return [
            (pid, Token(member.run, member.task, epoch, attempt))
            for partition in self._partitions
            for member, (pid, epoch, attempt) in partition.held.get(worker, {}).items()
        ]

    def workers(self) -> list[dict[str, Any]]:
        """What the workers that are alive said of themselves, with `worker`, `beat` (ms) and `alive_until` (ms)."""
        here = self._partitions[0]
        rows: list[dict[str, Any]] = []
        for until, worker in sorted((until, worker) for worker, until in here.workers.items()):
            about = here.about.get(worker, About())
            said = json.loads(about.info or "{}")
            rows.append({**said, "worker": worker, "beat": about.beat or 0, "alive_until": until})
        return rows

    def knows(self, runs: Sequence[str]) -> list[bool]:
        """For each run, whether it is there."""
        return [run in self._of(run).runs for run in runs]

    # --- the event stream

    def read_events(self, partition: int, after: str, count: int, block_ms: int) -> list[tuple[str, EventRecord]]:
        """Up to `count` events after id `after` ("0-0": all); never waits."""
        here = self._partitions[partition]
        start = max(0, int(after.partition("-")[0]) - here.trimmed)
        some = here.events[start : start + count]
        return [(f"{here.trimmed + start + place + 1}-0", event) for place, event in enumerate(some)]

    def trim_events(self, partition: int, upto: str) -> None:
        """Drop the events before id `upto`."""
        here = self._partitions[partition]
        drop = max(0, int(upto.partition("-")[0]) - 1 - here.trimmed)
        del here.events[:drop]
        here.trimmed += drop
