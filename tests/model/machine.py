"""Arbitrary sequences of calls, faults and passing time, made on both engines at once."""

from dataclasses import replace
from typing import Any, ClassVar

import hypothesis.strategies as st
import redis
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.model.history import ENDED, check
from tests.model.pair import REPEATABLE, Pair
from tests.model.plans import SMALL
from tests.model.restoring import restoration
from umbel.engine.engine import LostAttempt, Token
from umbel.engine.portions import Kept
from umbel.engine.reference_control import Wanted
from umbel.engine.reference_state import Run
from umbel.engine.wire import Item
from umbel.machine import Code, TaskState
from umbel.plan.model import Node, Plan

RUNS = ("r0", "r1", "r2", "r3")
WORKERS = ("w0", "w1", "w2")
PUBLISHERS = (*WORKERS, "w0/1", "w1/2")

pick = st.integers(0, 20)
plans = st.sampled_from(SMALL)
runs = st.sampled_from(RUNS)
workers = st.sampled_from(WORKERS)
publishers = st.sampled_from(PUBLISHERS)
limits = st.sampled_from((1, 100))
endings = st.sampled_from(("step", "step", "step", "fail", "retry", "retry", "skip", "expand", "spawn", "ask"))
pauses = st.sampled_from((0.0, 1.0, 5.0, 60.0))


class EngineMachine(RuleBasedStateMachine):
    """Set `client` on a subclass first."""

    client: ClassVar["redis.Redis"]

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(self.client)
        self.requests = 0
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = []
        self.tokens: list[Token] = []
        self.fresh = False
        self.reborn: set[str] = set()
        self.lost: dict[str, tuple[Run, Plan]] = {}
        """Runs as they were when their keys were lost."""
        self.begun: tuple[Wanted, int, list[Kept]] | None = None
        """A restore whose caller has stopped in the middle."""

    # --- what the rules use

    def do(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if method in REPEATABLE:
            self.requests += 1
            kwargs["request"] = f"q{self.requests}"
        answer = self.pair.do(method, *args, **kwargs)
        if method in REPEATABLE:
            self.calls.append((method, args, kwargs, answer))
            self.fresh = True
        else:
            self.fresh = self.fresh and method in ("beat",)
        return answer

    @property
    def known(self) -> dict[str, Run]:
        return self.pair.reference._partitions[0].runs

    def tasks(self, state: TaskState) -> list[tuple[Run, int]]:
        return [
            (run, index)
            for run in self.known.values()
            for index, task in sorted(run.tasks.items())
            if task.state is state
        ]

    def live(self) -> list[Token]:
        return [
            Token(run.id, index, run.epoch, run.tasks[index].attempt or 0)
            for run, index in self.tasks(TaskState.RUNNING)
        ]

    def plan(self, run: Run) -> Plan:
        return self.pair.reference._partitions[0].plans[run.plan].plan

    def node(self, token: Token) -> Node | None:
        """What stands behind the task."""
        run = self.known.get(token.run)
        if run is None:
            return None
        index = next((m.node for m in run.maps if m.base <= token.task < m.base + m.size), token.task)
        nodes = self.plan(run).nodes
        return nodes[index] if index < len(nodes) else None

    def claimable(self) -> list[tuple[Run, int]]:
        """Tasks that a message may be there for: released ones, and those that a canvas has come to."""
        found = self.tasks(TaskState.QUEUED)
        for run in self.known.values():
            if run.native and not run.restoring and not run.stopped:
                ends = {
                    index for index, task in run.tasks.items() if task.state in (TaskState.SUCCESS, TaskState.SKIPPED)
                }
                for node in self.plan(run).nodes[: run.tasks_total]:
                    state = run.tasks[node.index].state if node.index in run.tasks else TaskState.WAITING
                    if state in (TaskState.WAITING, TaskState.RETRYING) and ends.issuperset(node.needs):
                        found.append((run, node.index))
        return found

    def step(self, token: Token) -> str:
        """How a worker would end this task that does what its author wants."""
        run, node = self.known.get(token.run), self.node(token)
        if run is None or node is None or run.native or node.hook:
            return "succeed"
        task = run.tasks.get(token.task)
        if node.map is not None and token.task < run.nodes and (task is None or task.phase is None):
            return "expand"
        return "ask" if node.approval else "spawn" if node.workflow else "succeed"

    def end(self, token: Token, how: str, by: str, pause: float) -> None:
        info = {"exception": "it broke", "type": "OSError", "traceback": 'File "a.py", line 1\n', "reason": "exception"}
        node, run = self.node(token), self.known.get(token.run)
        if how == "step":
            how = self.step(token)
        elif how in ("expand", "spawn", "ask") and run and (node is None or node.hook or run.native):
            how = "succeed"
        if how == "succeed":
            self.do(how, token, f'{{"from":{token.task}}}', by=by)
        elif how == "expand":
            window = node.max_parallel if node and node.max_parallel else 500
            self.do(how, token, ['"x"', "1", '{"a":[]}'][: 3 if pause else 2], window=window, by=by)
        elif how == "ask":
            self.do(how, token, {"text": "may I?"}, timeout=pause or None)
        elif how == "spawn":
            self.spawn(token, by)
        elif how == "fail":
            self.do(how, token, info, by=by)
        elif how == "retry":
            self.do(how, token, pause, {**info, "countdown": pause}, by=by, args='[[1],{"a":2}]' if pause == 1 else "")
        else:
            self.do(how, token, why="not today" if pause else "", by=by)

    def spawn(self, token: Token, by: str) -> None:
        """Start what the task's author wants, or else something that no plan says."""
        node, children = self.node(token), [id for id in self.known if id.startswith("c")]
        hashes = ["nope", *sorted(self.pair.reference._partitions[0].plans)]
        plan = node.workflow.plan if node and node.workflow else hashes[self.requests % len(hashes)]
        if len(children) >= 5 and not (node and node.workflow):
            plan = "nope"
        self.requests += 1
        self.do("spawn", token, f"c{self.requests}", plan, '{"of":"a run"}', "x.SUB", by=by)

    # --- runs

    @initialize(first=plans, second=plans)
    def begin(self, first: Any, second: Any) -> None:
        self.launch("r0", first, "w0")
        self.launch("r1", second, "w1/2")

    @rule(run=runs, plan=plans, by=publishers)
    def launch(self, run: str, plan: Any, by: str) -> None:
        self.do("launch", run, plan, '{"model":"x"}', by=by)

    @rule(run=runs)
    def cancel(self, run: str) -> None:
        self.do("cancel", run, info={"by": "someone"} if run == "r0" else None)

    @precondition(lambda self: len(self.known) > len(RUNS))
    @rule(at=pick)
    def cancel_any(self, at: int) -> None:
        """Also a run that another one has started."""
        self.do("cancel", sorted(self.known)[at % len(self.known)])

    @rule(run=runs, again=st.booleans())
    def pause(self, run: str, again: bool) -> None:
        self.do("pause", run, info={"by": "someone"})
        if again:
            self.do("resume", run)

    @rule(run=runs)
    def resume(self, run: str) -> None:
        self.do("resume", run, info={"by": "someone"})

    @rule(at=pick, approved=st.booleans(), by=publishers, other=st.booleans())
    def decide(self, at: int, approved: bool, by: str, other: bool) -> None:
        """Of what waits for a person; or of something else."""
        asked = self.tasks(TaskState.AWAITING_INPUT)
        run, index = (
            (asked[at % len(asked)][0].id, asked[at % len(asked)][1]) if asked and not other else (RUNS[at % 4], 0)
        )
        info = (
            {"approved": True, "by": "me"}
            if approved
            else {"exception": "no", "type": "Rejected", "reason": "rejected"}
        )
        self.do("decide", run, index, approved=approved, info=info, by=by)

    @precondition(lambda self: self.known or self.lost)
    @rule(at=pick, again=st.integers(-1, 2), epoch=st.sampled_from((1, 1, 1, 0)), part=st.booleans())
    def restore(self, at: int, again: int, epoch: int, part: bool) -> None:
        """Run a part of a run again, or go on with one that was lost; perhaps only the half of it."""
        run, plan, lost = self._to_restore(at)
        new = restoration(run, plan, None if lost else min(again, plan.tasks - 1))
        if not part:
            self.do("restore", **new.arguments(run, plan, run.epoch + epoch))
            return
        self.requests += 1
        wanted = new.wanted(run, plan, run.epoch + epoch, f"q{self.requests}")
        half = len(new.tasks) // 2
        self.begun = (wanted, 1, new.tasks[half:])
        self.pair.restore_portion(wanted, 0, new.tasks[:half], False)
        self.fresh = False

    @precondition(lambda self: self.begun)
    @rule(twice=st.booleans())
    def restore_rest(self, twice: bool) -> None:
        """The half that was missing; somebody may have begun anew meanwhile."""
        assert self.begun
        wanted, part, rest = self.begun
        for _ in range(1 + twice):
            self.pair.restore_portion(wanted, part, rest, True)
        self.begun, self.fresh = None, False

    def _to_restore(self, at: int) -> tuple[Run, Plan, bool]:
        gone = sorted(self.lost.keys() - self.known.keys())
        if gone and at % 2:
            run, plan = self.lost[gone[at % len(gone)]]
            return run, plan, True
        settled = [run for run in self.known.values() if run.settled] if at % 5 else []
        some = settled or list(self.known.values()) or [run for run, _ in self.lost.values()]
        run = some[at % len(some)]
        return run, self.plan(run) if run.id in self.known else self.lost[run.id][1], run.id not in self.known

    @rule(some=st.sets(runs))
    def forget(self, some: set[str]) -> None:
        self.do("forget", sorted(some))

    @rule(run=runs, epoch=st.sampled_from((0, 0, 1, -1)), behind=st.integers(-1, 1), twice=st.booleans())
    def drop(self, run: str, epoch: int, behind: int, twice: bool) -> None:
        """The store has gone back in time, or has not."""
        known = self.known.get(run)
        place = (known.epoch if known else 1) + epoch, (known.seq if known else 1) + behind
        goes = (epoch, behind) > (0, 0)
        if goes:
            self._lose_sight(run)
        for _ in range(1 + twice):
            self.do("drop", run, *place)
        if goes:
            self.pair.vanish(run)
        self.fresh = False

    # --- attempts

    @precondition(lambda self: self.claimable())
    @rule(at=pick, worker=workers, pid=st.integers(1, 2))
    def claim(self, at: int, worker: str, pid: int) -> None:
        queued = self.claimable()
        run, index = queued[at % len(queued)]
        answer = self.do("claim", run.id, index, run.epoch, worker=worker, pid=pid, in_turn=pid == 1)
        if answer.code is Code.OK:
            self.tokens.append(Token(run.id, index, run.epoch, answer.attempt))

    @rule(run=runs, task=st.integers(0, 7), epoch=st.sampled_from((1, 1, 1, 2)), worker=workers)
    def claim_anything(self, run: str, task: int, epoch: int, worker: str) -> None:
        """A message that came twice, came late, or belongs to nothing."""
        answer = self.do("claim", run, task, epoch, worker=worker, pid=1)
        if answer.code is Code.OK:
            self.tokens.append(Token(run, task, epoch, answer.attempt))

    @precondition(lambda self: self.live())
    @rule(at=pick, how=endings, by=publishers, pause=pauses)
    def finish(self, at: int, how: str, by: str, pause: float) -> None:
        live = self.live()
        self.end(live[at % len(live)], how, by, pause)

    @precondition(lambda self: self.tokens)
    @rule(at=pick, how=endings, by=publishers, pause=pauses, other=st.sampled_from(("", "", "epoch", "attempt", "run")))
    def finish_anything(self, at: int, how: str, by: str, pause: float, other: str) -> None:
        """An old token, or a wrong one."""
        token = self.tokens[at % len(self.tokens)]
        self.end(wrong(token, other), how, by, pause)

    @precondition(lambda self: self.tokens)
    @rule(at=pick, other=st.sampled_from(("", "", "", "epoch", "attempt", "run")), log=st.booleans())
    def renew(self, at: int, other: str, log: bool) -> None:
        token = wrong(self.tokens[at % len(self.tokens)], other)
        self.do("renew", token)
        if log:
            self.do("log", token, [(self.pair.now, "stdout", "hello é"), (self.pair.now, "stderr", '"')])

    @precondition(lambda self: self.tokens)
    @rule(at=pick, sure=st.booleans(), counts=st.booleans(), by=publishers, other=st.sampled_from(("", "", "", "run")))
    def lose(self, at: int, sure: bool, counts: bool, by: str, other: str) -> None:
        live = self.live() or self.tokens
        token = wrong((live if at % 4 else self.tokens)[at % len(live if at % 4 else self.tokens)], other)
        self.do("lose", token, sure=sure, counts=counts, why="signal 9", by=by)

    @rule(steps=st.lists(st.tuples(pick, endings, workers), min_size=1, max_size=6), pause=pauses)
    def carry_on(self, steps: list[tuple[int, str, str]], pause: float) -> None:
        """Workers that do what they should: without this, few runs would come far."""
        for at, how, worker in steps:
            queued = self.claimable()
            if not queued:
                return
            run, index = queued[at % len(queued)]
            self.claim(at, worker, 1)
            live = self.live()
            if how != "skip" or at % 3 == 0:
                token = next((each for each in live if (each.run, each.task) == (run.id, index)), None)
                if token:
                    self.end(token, how, worker, pause)

    @rule(at=pick, how=endings, worker=workers, pause=pauses)
    def cancel_while_running(self, at: int, how: str, worker: str, pause: float) -> None:
        """The race of a cancel and an outcome."""
        if live := self.live():
            token = live[at % len(live)]
            self.do("cancel", token.run)
            self.end(token, how, worker, pause)

    # --- replies that got lost

    @precondition(lambda self: self.fresh)
    @rule()
    def repeat(self) -> None:
        """[U-10] The same call again: the same answer, and nothing has changed."""
        method, args, kwargs, first = self.calls[-1]
        before = self.pair.state
        answer = self.pair.do(method, *args, **kwargs)
        if method == "claim":  # what is told of the time has gone on
            answer, first = (replace(each, waited_ms=0, age_ms=0) for each in (answer, first))
        assert answer == first, method
        assert self.pair.state == before, method

    @precondition(lambda self: self.calls)
    @rule(back=pick)
    def repeat_late(self, back: int) -> None:
        """A call that comes again after others."""
        method, args, kwargs, _ = self.calls[max(0, len(self.calls) - 1 - back)]
        answer = self.pair.do(method, *args, **kwargs)
        self.fresh = False
        if method == "claim" and answer.code is Code.OK:
            self.tokens.append(Token(args[0], args[1], args[2], answer.attempt))

    # --- time, workers and loops

    @rule(ms=st.sampled_from((1, 1000, 5000, 8000, 8001, 16000, 40000)))
    def tick(self, ms: int) -> None:
        self.pair.tick(ms)
        self.fresh = (
            self.fresh and getattr(self.calls[-1][3], "code", None) is not Code.ALIVE
        )  # which becomes untrue by itself

    @rule(worker=workers, leaving=st.sampled_from((False, False, False, True)))
    def beat(self, worker: str, leaving: bool) -> None:
        self.do("beat", 0, worker, {"queues": ["celery"], "prefetch": 2}, leaving=leaving)

    @rule(worker=workers, by=publishers)
    def crash(self, worker: str, by: str) -> None:
        """One worker falls silent, the others go on; then a loop finds out."""
        for each in WORKERS:
            self.do("beat", 0, each, {"queues": ["celery"]})
        self.pair.tick(6000)
        for each in WORKERS:
            if each != worker:
                self.do("beat", 0, each, {"queues": ["celery"]})
        self.pair.tick(3000)
        self.sweep(100, by, True)

    @rule(limit=limits, by=publishers, bury=st.booleans())
    def sweep(self, limit: int, by: str, bury: bool) -> None:
        lost, gone = self.do("sweep", 0, limit=limit)
        for each in lost:
            self._take(each, by)
        for worker in gone if bury else ():
            self.do("redispatch_of", 0, worker.worker, since=worker.beat - 16000, heads={"": 1, "fast": 1})

    def _take(self, lost: LostAttempt, by: str) -> None:
        self.do("lose", lost.token, sure=lost.sure, counts=lost.counts, why=lost.why, by=by)

    @rule(limit=limits, by=publishers)
    def promote(self, limit: int, by: str) -> None:
        self.do("promote", 0, by=by, limit=limit)

    @rule(run=st.sampled_from(("", "r0")), by=publishers)
    def advance(self, run: str, by: str) -> None:
        self.do("advance", 0, by=by, run=run)

    @rule(limit=limits)
    def redispatch(self, limit: int) -> None:
        self.do("redispatch", 0, limit=limit)

    @rule(by=publishers, ago=st.sampled_from((0, 5000, 60000)), head=st.integers(0, 3), limit=limits)
    def redispatch_of(self, by: str, ago: int, head: int, limit: int) -> None:
        heads = {"": head, "fast": 1} if head else None
        self.do("redispatch_of", 0, by, since=self.pair.now - ago, heads=heads, limit=limit)

    # --- keys that go

    @rule()
    def expire(self) -> None:
        for run in [run for run in self.known.values() if run.forgotten]:
            self._lose_sight(run.id)
        self.pair.expire()
        self.fresh = False

    @precondition(lambda self: self.pair.reference.now % 7 == 0 and self.known)
    @rule(run=runs)
    def vanish(self, run: str) -> None:
        self._lose_sight(run)
        self.pair.vanish(run)
        self.fresh = False

    def _lose_sight(self, run: str) -> None:
        self.reborn.add(run)
        known = self.known.get(run)
        if known and not known.restoring:
            self.lost[run] = (known.copy(), self.plan(known))

    # --- reading

    @rule(worker=workers, task=st.integers(0, 1))
    def read(self, worker: str, task: int) -> None:
        self.do("held", worker)
        self.do("workers")
        self.do("knows", [*RUNS, "unknown"])
        self.do("read_events", 0, "0-0", 1000, 0)
        for run in list(self.known.values())[:1]:
            self.do("item", Token(run.id, 0, 1, 1), 0)
            if task < len(self.plan(run).nodes):
                self.do("inputs", run.id, task, run.plan)
                self.do("node", 0, run.plan, task)
                self.do("needs", 0, run.plan, task)
        for run in self.known.values():
            some = sorted(run.tasks)
            self.do("results", run.id, some)
            self.do("ends", run.id, some)
            items = [index for m in run.maps for index in range(m.base, m.base + m.size)]
            for index in [*range(run.nodes), *items]:
                self.do("node_of", Item(run.id, index, run.epoch, run.plan))

    @invariant()
    def counts(self) -> None:
        """What a run says of itself agrees with its tasks."""
        for run in self.known.values():
            states = [task.state for task in run.tasks.values()]
            assert run.live == states.count(TaskState.RUNNING)
            if run.restoring:
                continue
            ended = {index for index, task in run.tasks.items() if task.state in ENDED}
            open_items = 0
            for items in {m.node: m for m in run.maps}.values():
                if run.tasks[items.node].phase:
                    missing = set(range(items.base, items.base + items.size)) - ended
                    assert run.tasks[items.node].open == len(missing)
                    open_items += len(missing)
            assert run.left == run.tasks_total - len([index for index in ended if index < run.tasks_total]) + open_items
            for sub in run.subs:
                assert sub in self.known or sub in self.lost

    def teardown(self) -> None:
        partition = self.pair.reference._partitions[0]
        check([event for event in partition.events if event.run not in self.reborn], partition.runs, partition.plans)


def wrong(token: Token, other: str) -> Token:
    """The token with one thing that is not true."""
    run = "unknown" if other == "run" else token.run
    return Token(run, token.task, token.epoch + (other == "epoch"), token.attempt + (other == "attempt"))
