"""What must be true at every moment of a simulation, and at its end."""

from collections import defaultdict
from copy import copy
from typing import Any

from tests.model.history import CALLS, ENDED, Story
from tests.sim.store import StateStore
from tests.sim.world import Process, World
from umbel.engine.engine import Token
from umbel.engine.portions import Kept
from umbel.events import EventRecord
from umbel.machine import RUN_TERMINAL, Code, EventType, RunState, TaskState
from umbel.plan.model import Plan

MOST_ATTEMPTS = 40
LOOKED = 12_000
"""ms within which the loops have come upon what is overdue."""


class Broken(AssertionError):
    """A promise was broken."""


class SimStory(Story):
    """One run as its events tell it; it may be lost, and begin again from what the history knows."""

    kept: dict[int, Kept]
    absent = False
    """The state store does not know it (any more)."""

    def copy(self) -> "SimStory":
        """An independent one."""
        other = copy(self)
        other.ended, other.held, other.maps = dict(self.ended), dict(self.held), dict(self.maps)
        other.alive = {map: set(items) for map, items in self.alive.items()}
        return other

    def hear(self, event: EventRecord) -> None:
        """The next event."""
        if event.type != EventType.RUN_RESTORED:
            super().hear(event)
            return
        lost = event.data.get("lost")
        assert self.settled or self.absent, "restored while something was alive"
        before = self.terminal
        ended = {index: each.state in GOOD_STATES for index, each in self.kept.items() if each.state in ENDED}
        self.begin(ended)
        if lost and event.data.get("state") in (RunState.ERROR, RunState.SUCCESS):
            # How it has ended stays, and is not told again.
            self.terminal = before or (CALLS["failure"] if event.data["state"] == RunState.ERROR else CALLS["success"])


GOOD_STATES = (TaskState.SUCCESS, TaskState.SKIPPED)


class Checks:
    """Looks at every event when it is written, at every attempt, and at the history at the end."""

    def __init__(self, world: World, state: StateStore, file: Any) -> None:
        self.world, self.state, self.file = world, state, file
        self.problems: list[str] = []
        self.acknowledged: dict[str, Plan] = {}
        self.plans: dict[str, Plan] = {}
        self.events: dict[tuple[str, int], EventRecord] = {}
        self.stories: dict[str, SimStory] = {}
        self.kept: dict[str, dict[int, Kept]] = {}
        self._heard = [0] * len(state.engine.partitions)
        self._holders: dict[Token, Process] = {}
        self._newest: dict[tuple[str, int], Token] = {}
        self._twins: set[Token] = set()
        self.absent: dict[str, bool] = {}
        self.losses = 0
        """How often the state store has lost something."""
        self._attempts: dict[str, int] = defaultdict(int)
        self.progress = world.now
        state.heard = self.hear

    def broken(self, what: str) -> None:
        """Remember it, and give up."""
        self.problems.append(what)
        self.world.note("BROKEN", what)
        raise Broken(what)

    # --- while it runs

    def hear(self) -> None:
        """Whatever has been written to the streams since."""
        for number, partition in enumerate(self.state.engine._partitions):
            first = self._heard[number] - partition.trimmed
            for event in partition.events[max(0, first) :]:
                self._hear(event)
            self._heard[number] = partition.trimmed + len(partition.events)

    def _hear(self, event: EventRecord) -> None:
        run = self.state.engine._of(event.run).runs.get(event.run)
        assert run is not None
        self.progress = self.world.now
        self.world.counts[f"event {event.type}"] += 1
        story = self.stories.get(event.run)
        if event.type == EventType.RUN_LAUNCHED or story is None:
            plan = self.state.engine._of(event.run).plans[run.plan].plan
            self.plans[event.run] = plan
            story = self.stories[event.run] = SimStory(plan)
        if event.type == EventType.RUN_RESTORED:
            self._restored(event, story)
        self.events[event.run, event.seq] = event
        if event.type == EventType.TASK_STARTED:
            self._attempts[f"{event.run}:{event.task}"] += 1
            if self._attempts[f"{event.run}:{event.task}"] > MOST_ATTEMPTS:
                self.broken(f"task {event.task} of {event.run} is started again and again")
        try:
            story.hear(event)
            if event.type == EventType.RUN_SETTLED:
                story.end(run)
        except AssertionError as error:
            self.broken(f"[U-2, U-4, U-5] run {event.run}, {event.type} of task {event.task}: {error}")

    def restoring(self, run: str, given: dict[str, Any]) -> None:
        """A server asks for a new epoch."""
        known = self.state.engine._of(run).runs.get(run)
        self.absent[run] = known is None or known.restoring
        self.kept[run] = {each.task: each for each in given["tasks"]}

    def _restored(self, event: EventRecord, story: SimStory) -> None:
        """It has begun: of a run that was lost, what the history has as done must be kept."""
        story.absent, story.kept = self.absent[event.run], self.kept[event.run]
        if not event.data.get("lost"):
            return
        rows = self.file.execute("SELECT idx, state FROM tasks WHERE run_id = ?", (event.run,)).fetchall()
        for index, state in rows:
            kept = story.kept.get(index)
            if index < len(story.plan.nodes) and state in GOOD_STATES and (kept is None or kept.state != state):
                self.broken(f"[U-1] run {event.run}: task {index} has ended as {state}, and is to run again")

    def claimed(self, token: Token, process: Process) -> None:
        """An attempt begins in this process."""
        if token in self._holders:
            # Only a store that has gone back in time gives a token twice.
            if not self.losses:
                self.broken(f"[U-3] {token} was given to {self._holders[token].name} and to {process.name}")
            self._twins.add(token)
        self._holders[token] = process
        self._newest[token.run, token.task] = token

    def recorded(self, token: Token, process: Process, code: Code) -> None:
        """It has told how it ended."""
        if code is Code.OK and self._holders.get(token) is not process:
            if token not in self._twins:
                self.broken(f"[U-3] {token}: its outcome was taken from {process.name}, which does not hold it")
            self.world.counts["outcome of a twin"] += 1
        newest = self._newest[token.run, token.task]
        if code is Code.OK and newest != token and not self.losses:
            self.broken(f"[U-3] the outcome of {token} was taken, though {newest} holds its task")
        if code is not Code.OK:
            self.world.counts[f"late outcome {code}"] += 1

    # --- what clients see

    def accepted(self, run: str, plan: Plan) -> None:
        """A client was told so."""
        self.acknowledged[run] = plan

    def is_over(self, run: str) -> bool:
        """Whether the history says that nothing of it is alive."""
        found = self.file.execute("SELECT settled FROM runs WHERE id = ?", (run,)).fetchone()
        return bool(found and found[0])

    def asked(self) -> list[tuple[str, str]]:
        """Tasks that wait for a person."""
        rows = self.file.execute(
            "SELECT t.run_id, t.idx FROM tasks t JOIN runs r ON r.id = t.run_id"
            " WHERE t.state = 'awaiting_input' AND NOT r.settled AND NOT r.stopped ORDER BY t.run_id, t.idx"
        )
        return [(run, self.plans[run].nodes[index].key) for run, index in rows.fetchall()]

    def paused(self) -> list[str]:
        """Runs that are paused, by the history."""
        return [run for (run,) in self.file.execute("SELECT id FROM runs WHERE paused AND NOT settled AND NOT stopped")]

    def live(self) -> list[str]:
        """Runs that have not settled, by the history."""
        return [run for (run,) in self.file.execute("SELECT id FROM runs WHERE NOT settled ORDER BY id")]

    def positions(self) -> dict[int, int]:
        """How far each stream is in the history."""
        rows = self.file.execute("SELECT partition, stream_id FROM positions").fetchall()
        return {partition: int(position.partition("-")[0]) for partition, position in rows}

    # --- at the end

    def orphans(self, alive: set[str], since: int) -> None:
        """[U-6] Nobody who was dead at `since` holds anything any more."""
        for partition in self.state.engine._partitions:
            for member in partition.leases:
                run = partition.runs.get(member.run)
                task = run.tasks.get(member.task) if run else None
                if task and task.worker not in alive and task.worker is not None:
                    self.broken(f"[U-6] {member} is held by {task.worker}, which is dead since before {since}")

    def all_forgotten(self) -> bool:
        """The keys of all runs are about to expire."""
        return all(run.forgotten for partition in self.state.engine._partitions for run in partition.runs.values())

    def end(self) -> None:
        """All has come to rest."""
        rows = {row[0]: row for row in self.file.execute("SELECT id, state, settled, last_seq, epoch FROM runs")}
        for run in self.acknowledged:
            if run not in rows:
                self.broken(f"[U-1] run {run} was accepted, and is not in the history")
            if rows[run][1] not in RUN_TERMINAL:
                self.broken(f"[U-1] run {run} is {rows[run][1]}")
        told = self._told()
        for run, numbers in told.items():
            if numbers != sorted(set(numbers)):
                self.broken(f"[U-9] the events of run {run} are out of order, or doubled: {numbers}")
        for partition in self.state.engine._partitions:
            self._end_of(partition, told, rows)

    def _told(self) -> dict[str, list[int]]:
        """The numbers of the events that the history has; each is the one that the engine wrote."""
        told: dict[str, list[int]] = defaultdict(list)
        for run, seq, kind, task in self.file.execute("SELECT run_id, seq, type, idx FROM events ORDER BY id"):
            told[run].append(seq)
            event = self.events.get((run, seq))
            if event and (event.type, event.task) != (kind, task):
                self.broken(f"[U-9] event {seq} of run {run} is {kind} of {task}, the engine's was {event}")
        return told

    def losing(self) -> None:
        """The state store will go back in time: what the history has not heard by now nobody will ever tell it."""
        self._told()
        self.events.clear()
        self.losses += 1

    def lost(self, stories: dict[str, "SimStory"]) -> None:
        """It has, and the runs are as these say."""
        self.stories = {**self.stories, **stories}
        self.renumbered()

    def renumbered(self) -> None:
        """The events that are in the streams now have been heard."""
        self._heard = [each.trimmed + len(each.events) for each in self.state.engine._partitions]

    def _end_of(self, partition: Any, told: dict[str, list[int]], rows: dict[str, Any]) -> None:
        for id, run in partition.runs.items():
            if id not in rows:
                self.broken(f"[U-9] run {id} is not in the history")
            if not run.settled:
                self.broken(f"[U-1] run {id} is settled in the history, and not in the state store")
            if (str(run.state), run.seq) != (rows[id][1], rows[id][3]):
                self.broken(f"[U-9] run {id} is {run.state} at {run.seq}, in the history {rows[id]}")
            if told[id][-1:] != [run.seq]:
                self.broken(f"[U-9] run {id} has {run.seq} events, the history has them up to {told[id][-1:]}")
            known = dict(self.file.execute("SELECT idx, state FROM tasks WHERE run_id = ?", (id,)).fetchall())
            for index, task in run.tasks.items():
                if task.state in ENDED and index < run.nodes and known.get(index) != task.state:
                    self.broken(f"[U-9] task {index} of run {id} is {task.state}, in the history {known.get(index)}")
            if not run.forgotten:
                self.broken(f"[U-12] run {id} has ended, and its keys stay")
        # What a run that was lost has left behind goes when the loops come upon it.
        old = [member for member, until in partition.leases.items() if until < self.world.now - LOOKED]
        if old:
            self.broken(f"[U-12] nobody looks after the leases of {old}")
        self.state.engine.expire()
        ghosts = [name for name in partition.snapshot() if name.split(":")[0] in KEYS_OF_RUNS]
        if ghosts:
            self.broken(f"[U-12] keys of runs that are gone: {ghosts}")


KEYS_OF_RUNS = ("run", "results", "items", "work", "parked", "subs", "plan")
