"""A simulated client: it starts runs, repeats what was not answered, and cancels, pauses, decides and retries."""

from typing import Any

from tests.sim.world import Crashed, Life, Process, World
from umbel.errors import LimitReached, UmbelError, WrongState
from umbel.plan.model import Plan
from umbel.service import control, rerun
from umbel.service.operations import RetryRun
from umbel.service.runs import accept
from umbel.store import IdempotencyKey, Limit

PATIENCE = 30_000
"""ms that a client asks for what is refused."""


class Client(Process):
    """Somebody with a few wishes about one run."""

    def __init__(self, world: World, servers: list[Any], number: int, plan: Plan, limit: Limit | None) -> None:
        super().__init__(world, f"c{number}")
        self.servers, self.plan, self.limit = servers, plan, limit
        self.run = ""
        self.over = False

    def ask(self, what: str, call: Any) -> Any:
        """One request to one of the servers. None: no answer, or a refusal."""
        up = [server for server in self.servers if server.alive and server.thaws <= self.world.now]
        if not up:
            return None
        server = self.world.chance.choice(up)
        answer, word = None, "ok"
        with self.world.as_(server):
            try:
                answer = call(server.umbel)
            except Crashed:
                word = "connection lost"
            except UmbelError as error:
                answer, word = error, type(error).__name__
        self.world.counts[f"client {what} {word}"] += 1
        self.world.note(self, f"{what} -> {word}")
        return answer

    def life(self) -> Life:
        """From start to end."""
        world, chance = self.world, self.world.chance
        yield world.within(0, 4000)
        key = IdempotencyKey(self.name, self.plan.definition, "same")
        while True:
            found = self.ask(
                "start", lambda umbel: accept(umbel, self.plan, {"n": 1}, idempotency=key, limit=self.limit)
            )
            if isinstance(found, LimitReached):
                self.over = True
                return
            if found is not None and not isinstance(found, UmbelError):
                break
            yield world.within(100, 1500)
        self.run = found.run.id
        world.checks.accepted(self.run, self.plan)  # type: ignore[attr-defined]
        if chance.random() < 0.35:
            yield world.within(0, 4000)
            yield from self._meddle()
        while not world.checks.is_over(self.run):  # type: ignore[attr-defined]
            self._decide()
            yield 700
        if chance.random() < 0.3:
            keys = [chance.choice(self.plan.nodes[: self.plan.tasks]).key] if chance.random() < 0.4 else None
            answer = self.ask("retry", lambda umbel: rerun.retry(umbel, RetryRun(run_id=self.run, tasks=keys)))
            if answer is None or not isinstance(answer, UmbelError):
                yield 100
                while not world.checks.is_over(self.run):  # type: ignore[attr-defined]
                    self._decide()
                    yield 700
        self.over = True

    def _meddle(self) -> Life:
        if self.world.chance.random() < 0.5:
            self.ask("cancel", lambda umbel: control.cancel(umbel, self.run))
            yield 50
            return
        self.ask("pause", lambda umbel: control.pause(umbel, self.run))
        yield self.world.within(100, 5000)
        asked = self.world.now
        while not self.world.checks.is_over(self.run):  # type: ignore[attr-defined]
            answer = self.ask("resume", lambda umbel: control.resume(umbel, self.run))
            if answer is not None and not isinstance(answer, UmbelError):
                return
            # "Not paused" may only mean that the history lags.
            if isinstance(answer, WrongState) and not self.world.faults and self.world.now - asked > PATIENCE:
                return
            yield self.world.within(200, 1500)

    def _decide(self) -> None:
        """Approve or reject what waits for a person; resume what is paused again, since that got lost."""
        if self.run in self.world.checks.paused():  # type: ignore[attr-defined]
            self.ask("resume", lambda umbel: control.resume(umbel, self.run))
        for run, key in self.world.checks.asked():  # type: ignore[attr-defined]
            approved = self.world.chance.random() < 0.8
            self.ask(
                "decide",
                lambda umbel: control.decide(umbel, run, key, approved=approved, comment=None, by="c"),  # noqa: B023
            )
