"""The judge: from the ledger, the client's own notes and the history to Jepsen's words. It asks nobody else.

Not allowed at all: lost, unexpected, doubled, early, late, twice, stuck, wrong, broken, ghosts, accepted zombies.
Re-runs are counted: a body may run again when its process was hit.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import yaml

from tests.chaos.harness import shapes
from tests.chaos.harness.client import Asked
from tests.chaos.harness.faults import Fault
from tests.chaos.harness.history import Event, History, Row, Task
from tests.chaos.harness.ledger import Body, Key
from umbel.definition import parse
from umbel.plan import build_all
from umbel.plan.model import Plan

OUTCOMES = frozenset({"task.succeeded", "task.failed", "task.skipped"})
CLOSES = OUTCOMES | {"task.retrying", "task.lost", "task.expanded", "task.spawned", "task.asked"}
"""After one of these, and only then, another attempt may start."""
LOSSY = frozenset({"kill-valkey", "empty-valkey", "older-valkey", "flush"})
"""Faults after which the state store may not know any more what it had said."""
STORES = LOSSY | {"restart-valkey", "pause-valkey", "restart-postgres", "restart-rabbitmq", "lose-replies"}
KILLS = ("kill-child", "kill-worker")


@dataclass
class Verdict:
    """How often each word applies, and the first cases of each that must not."""

    words: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    recovery: list[float] = field(default_factory=list)
    """Seconds from each kill of a worker to the next start of each task that it had hit."""
    alone: list[float] = field(default_factory=list)
    """Those of them with no fault of a store or a server in between."""
    released: list[float] = field(default_factory=list)
    """Seconds from each kill to the moment at which the engine had given the task free, for whoever has time."""

    def note(self, word: str, what: str) -> None:
        """One case of what must not be."""
        self.words[word] += 1
        if self.words[word] <= 5:
            self.problems.append(f"{word}: {what}")


def plans() -> dict[str, Plan]:
    """The plan of each definition of the workload."""
    built, catalog = build_all(parse(yaml.safe_dump(shapes.DEFINITIONS, sort_keys=False)))
    assert catalog.problems == ()
    return dict(built)


class Check:
    """One slice's evidence.

    Args:
        asked: what the client asked for, and was told. bodies: the ledger. faults: in the order they were done.
        ghosts: keys of runs that are left in the state store though everything is over.
        bound: seconds within which a task that was hit must have begun again.
    """

    def __init__(
        self,
        asked: Sequence[Asked],
        bodies: Sequence[Body],
        history: History,
        faults: Sequence[Fault],
        *,
        ghosts: Sequence[str] = (),
        bound: float = 30.0,
    ) -> None:
        self.asked, self.bodies, self.history, self.faults = asked, bodies, history, faults
        self.ghosts, self.bound = ghosts, bound
        self.verdict = Verdict()
        self._plans = plans()
        self._by_task: dict[Task, list[Body]] = defaultdict(list)
        for body in bodies:
            self._by_task[body.key[:2]].append(body)

    def judge(self) -> Verdict:
        """Look at everything."""
        self._runs()
        for run, row in self.history.runs.items():
            events = self.history.events[run]
            self._order(run, row, events)
            if row.settled:
                self._end(run, row)
        self._bodies()
        self._recovered()
        for key in self.ghosts:
            self.verdict.note("ghost", key)
        return self.verdict

    # -- runs

    def _runs(self) -> None:
        words, runs = self.verdict.words, self.history.runs
        known = {entry.want.key for entry in self.asked}
        for entry in self.asked:
            words["attempt"] += 1
            words["repeated"] += entry.repeats
            if entry.refused:
                self.verdict.note("refused", f"{entry.want.key}: {entry.refused}")
            if not entry.run:
                continue
            words["acknowledged"] += 1
            if entry.run not in runs:
                self.verdict.note("lost", f"{entry.run} ({entry.want.definition}) was accepted and is not there")
            elif self.history.keys.get(entry.want.key) != entry.run:
                self.verdict.note("unexpected", f"{entry.want.key} has another run than the accepted {entry.run}")
        tops = {run for run, row in runs.items() if row.parent is None}
        for run in tops - {run for key, run in self.history.keys.items() if key in known}:
            self.verdict.note("unexpected", f"nobody asked for {run}")
        words["runs"], words["tasks"] = len(runs), len(self.history.states)
        words["bodies"] = len(self.bodies)

    @cached_property
    def _canceled(self) -> dict[str, float]:
        """When the client knew that a run is canceled."""
        return {entry.run: entry.canceled_at for entry in self.asked if entry.canceled_at > 0}

    def _end(self, run: str, row: Row) -> None:
        stopped = any(event.type in ("run.canceled", "run.stopped") for event in self.history.events[run])
        if stopped or run in self._canceled:
            if run in self._canceled and row.state != "canceled":
                self.verdict.note("wrong", f"{run} was canceled, the client knew, and it is {row.state}")
            else:
                self.verdict.words["ok"] += 1
            return
        state, ends = shapes.expected(row.definition, row.payload)
        found = {key: how for (of, _), (key, how, _) in self._of(run) if of == run}
        wrong = {key: how for key, how in found.items() if how != ends.get(key, "success")}
        wrong |= {key: "nothing" for key in ends if key not in found}
        if row.state != state or wrong:
            poisoned = [task for task, (_, _, kind) in self._of(run) if kind == "TaskPoisoned"]
            if poisoned and row.state == "error" and all(map(self._deserved, poisoned)):
                self.verdict.words["poisoned"] += 1
            else:
                self.verdict.note("wrong", f"{run} ({row.definition}) is {row.state} with {wrong}, not {state}")
        else:
            self.verdict.words["ok"] += 1

    def _of(self, run: str) -> Iterator[tuple[Task, tuple[str, str, str | None]]]:
        return ((task, about) for task, about in self._states[run])

    @cached_property
    def _states(self) -> dict[str, list[tuple[Task, tuple[str, str, str | None]]]]:
        found: dict[str, list[tuple[Task, tuple[str, str, str | None]]]] = defaultdict(list)
        for task, about in self.history.states.items():
            found[task[0]].append((task, about))
        return found

    def _deserved(self, task: Task) -> bool:
        """It was hit three times: such a task fails, so that it does not kill for ever. [U-7]"""
        return sum(key[:2] == task for fault in self.faults for key in fault.hits) >= 3

    # -- events

    def _order(self, run: str, row: Row, events: list[Event]) -> None:
        if not row.settled:
            live = [f"{key} {how}" for _, (key, how, _) in self._of(run) if how not in ("success", "skipped", "error")]
            self.verdict.note("stuck", f"{run} ({row.definition}) is {row.state}: {', '.join(live) or 'nothing begun'}")
        seqs = [event.seq for event in events]
        if seqs != list(range(1, len(seqs) + 1)) or len(seqs) != row.last_seq:
            missing = sorted(set(range(1, row.last_seq + 1)) - set(seqs))
            self.verdict.note("broken", f"history of {run} has {len(seqs)} of {row.last_seq} events, not {missing[:5]}")
        outcomes: Counter[int] = Counter()
        under_way: dict[int, int] = {}
        lost: set[tuple[int, int]] = set()
        stopped = False
        for event in events:
            stopped = stopped or event.type in ("run.canceled", "run.stopped")
            if event.type == "run.restored":
                under_way.clear()
            if event.task is None or event.attempt is None:
                continue
            mark = (event.task, event.attempt)
            what = f"{run} ({row.definition}) task {event.task} attempt {event.attempt}"
            if event.type == "task.started":
                if stopped:
                    self.verdict.note("late", f"{what} started after the cancel")
                if outcomes[event.task]:
                    self.verdict.note("twice", f"{what} started after the outcome")
                if event.task in under_way:
                    self.verdict.note("twice", f"{what} started beside attempt {under_way[event.task]}")
                under_way[event.task] = event.attempt
            elif event.type == "task.lost":
                self.verdict.words["losses"] += 1
                lost.add(mark)
            elif event.type == "task.fenced":
                self.verdict.words["fenced"] += 1
                self.verdict.words["refused zombies"] += mark in lost
            if event.type in CLOSES and event.type != "task.lost" and mark in lost:
                poison = event.type == "task.failed" and event.data.get("type") == "TaskPoisoned"
                if not poison:
                    self.verdict.note("accepted", f"{what} was lost, and then its {event.type} was taken")
            if event.type in CLOSES:
                under_way.pop(event.task, None)
            if event.type in OUTCOMES:
                outcomes[event.task] += 1
                if outcomes[event.task] > 1:
                    self.verdict.note("doubled", f"{what} is the outcome no. {outcomes[event.task]}: {event.type}")

    # -- bodies

    def _bodies(self) -> None:
        started = {
            Key(run, event.task, event.attempt): event.seq
            for run, events in self.history.events.items()
            for event in events
            if event.type == "task.started" and event.task is not None and event.attempt is not None
        }
        forgetful = min((fault.at for fault in self.faults if fault.name in LOSSY), default=float("inf"))
        seen: Counter[Key] = Counter()
        for body in self.bodies:
            self._early(body)
            seen[body.key] += 1
            # A store that forgot a claim gives its number again.
            if seen[body.key] > 1 and body.began < forgetful:
                self.verdict.note("twice", f"{body.key} has {seen[body.key]} bodies")
            if body.key not in started:
                if any(fault.name in LOSSY and fault.until + 15 > body.began for fault in self.faults):
                    self.verdict.words["unrecorded"] += 1  # its claim went with the store's memory
                else:
                    self.verdict.note("broken", f"{body.key} ran, and the history does not know it")
                if body.began > self._canceled.get(body.key.run, float("inf")):
                    self.verdict.note("late", f"{body.key} began after the client knew of the cancel")
        for bodies in self._by_task.values():
            planned = sum(body.word == "fail" for body in bodies)
            again = len(bodies) - 1 - planned + (bodies[-1].word == "fail")
            if again > 0:
                self.verdict.words["re-runs"] += again

    def _early(self, body: Body) -> None:
        row = self.history.runs.get(body.key.run)
        plan = self._plans.get(row.definition) if row else None
        if plan is None:
            return
        task = self._mapped(*body.key[:2]) if body.key.task >= len(plan.nodes) else body.key.task
        for need in plan.nodes[task].needs:
            for run, index in self._unmet(body.key.run, need, plan, body.began):
                self.verdict.note(
                    "early", f"{body.key} ({row and row.definition}) began before {run} {index} had ended"
                )

    def _unmet(self, run: str, task: int, plan: Plan, at: float) -> list[Task]:
        """Which bodies that a task stands for had not ended then: its own, its items', those of the run that it starts,
        or, if it was skipped, of what it waited for."""
        ways: list[list[Task]] = []
        for event in self._special[run]:
            if event.task == task and event.type == "task.expanded":
                base, count = int(event.data["base"]), int(event.data["count"])
                ways.append([(run, item) for item in range(base, base + count)])
            elif event.task == task:
                child = str(event.data["run"])
                row = self.history.runs.get(child)
                ways.append([(child, node.index) for node in self._plans[row.definition].nodes] if row else [])
        if ways:  # a run that was rebuilt may have done it twice; one of them is enough
            return min(([each for each in way if not self._had_ended(each, at)] for way in ways), key=len)
        _, state, error = self.history.states.get((run, task), ("", "", None))
        if error == "TaskPoisoned":
            return []  # no body has ended it
        if state in ("skipped", "upstream_failed"):
            return [each for need in plan.nodes[task].needs for each in self._unmet(run, need, plan, at)]
        return [] if self._had_ended((run, task), at) else [(run, task)]

    def _had_ended(self, task: Task, at: float) -> bool:
        return any(body.word and body.ended <= at for body in self._by_task.get(task, ()))

    @cached_property
    def _special(self) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = defaultdict(list)
        for run, events in self.history.events.items():
            found[run] = [event for event in events if event.type in ("task.expanded", "task.spawned")]
        return found

    def _mapped(self, run: str, item: int) -> int:
        """The map that an item is of."""
        for event in self._special[run]:
            if event.type == "task.expanded" and event.task is not None:
                base = int(event.data["base"])
                if base <= item < base + int(event.data["count"]):
                    return event.task
        return 0

    # -- recovery

    def _recovered(self) -> None:
        over = {
            (run, event.task): event.attempt
            for run, events in self.history.events.items()
            for event in events
            if event.type in OUTCOMES | {"task.retrying"} and event.attempt is not None and event.task is not None
        }
        for fault in self.faults:
            if fault.missed:
                self._missed(fault)
            if fault.name not in KILLS:
                continue
            for key in fault.hits:
                if over.get(key[:2]) == key.attempt or key.run in self._canceled:
                    continue  # its outcome was recorded before the process was hit, or nobody wants it any more
                self._one_recovered(fault, key)

    def _missed(self, fault: Fault) -> None:
        """Somebody else must have taken over, if there was anybody else and anything to take over."""
        others = [each for each in self.faults if each is not fault and _meets(each, fault.at, fault.until)]
        alone = not any(_matters(each) or each.name == "freeze-worker" for each in others)
        if alone and not any(key.run in self._canceled for key in fault.hits):
            stood = f"its process stood still for {fault.until - fault.at:.0f} s"
            self.verdict.note("unrecovered", f"{fault.hits}: nobody began it again while {stood}")

    def _one_recovered(self, fault: Fault, key: Key) -> None:
        began = min((body.began for body in self._by_task.get(key[:2], ()) if body.began > fault.at), default=None)
        if began is None:
            if key.run in self.history.runs and self.history.runs[key.run].settled:
                events = self.history.events[key.run]
                if not any(e.task == key.task and e.type in OUTCOMES for e in events):
                    self.verdict.note("unrecovered", f"{key}: nobody began it again after {fault.name}")
            return
        since = (fault.at + time.time() - time.monotonic()) * 1000
        for event in self.history.events[key.run]:
            if event.type == "task.lost" and (event.task, event.attempt) == key[1:]:
                self.verdict.released.append((event.at - since) / 1000)
        took = began - fault.at
        overlapping = [each for each in self.faults if _matters(each) and _meets(each, fault.at - 5, began)]
        self.verdict.recovery.append(took)
        if not overlapping:
            self.verdict.alone.append(took)
        if took > self.bound and not overlapping:
            self.verdict.note("unrecovered", f"{key} began again {took:.1f} s after {fault.name}")


def _matters(fault: Fault) -> bool:
    """Whether it keeps even a free worker from going on."""
    return fault.name in STORES or "server" in fault.name


def _meets(fault: Fault, since: float, until: float) -> bool:
    return fault.at <= until and (fault.until or until) >= since
