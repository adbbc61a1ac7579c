"""One simulation: a seed's plans, processes and faults; then a calm, in which everything must come to its end."""

import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from tests.sim.checks import Broken, Checks
from tests.sim.client import Client
from tests.sim.plans import random_plan
from tests.sim.server import NO_DEFINITIONS, AtOnce, Server, wait_caught_up
from tests.sim.store import Broker, SimReference, StateStore, history
from tests.sim.worker import Worker
from tests.sim.world import START, Life, Process, World
from umbel.settings import Settings
from umbel.store import Limit

SETTINGS: Final = Settings(partitions=1, loop_interval=0.5, go_straight_on=True)
SWEEP: Final = 1000
"""ms between two looks of the loops at what is overdue."""
SILENCE: Final = round(1000 * (8 * SETTINGS.redispatch_after + SETTINGS.lease)) + 2 * SWEEP + 7000 + 16_000
"""ms that may pass without an event while a run is live: a message whose three copies were lost too, the lease of who
took it then, two sweeps, a rebuild, and the longest body."""
MOST_STEPS: Final = 60_000
CLOCKS: Final = (
    "umbel.engine.loops.time",
    "umbel.keeper.project.time",
    "umbel.keeper.relaunch.time",
    "umbel.keeper.confirm.time",
    "umbel.service.umbel.time",
    "umbel.store.leases.time",
)
IDS: Final = ("umbel.service.runs.uuid", "umbel.keeper.leader.uuid")


@dataclass(frozen=True)
class Result:
    """What became of a seed."""

    seed: int
    trace: list[str]
    counts: Counter[str]
    problem: str
    """Empty: none."""
    calm: int
    """ms from the last fault to the last end."""


class Simulation(World):
    """Everything that one seed stands for."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        chance = self.chance
        self.state = StateStore(self, SimReference(SETTINGS, START))
        self.broker = Broker(self, self.state)
        self.store = history()
        self.database: Any = self.store.database
        self.database.reset(self)
        self.checks = Checks(self, self.state, self.database.file)
        self.broker.drop = chance.choice((0.0, 0.05, 0.15))
        self.broker.double = chance.choice((0.0, 0.05, 0.2))
        self.broker.slow = chance.choice((5, 50, 600))
        self.state.trouble = chance.choice((0.0, 0.01, 0.05))
        self.state.deaths = chance.choice((0.0, 0.0, 0.002, 0.01))
        self.database.trouble = chance.choice((0.0, 0.02))
        self.database.deaths = chance.choice((0.0, 0.01, 0.04))
        self.servers: list[Server] = []
        self.workers: list[Worker] = []
        self._born = 0
        self.most_servers = chance.choice((1, 1, 2))
        self.healed = 0
        self._restarts = 1
        self._backup: Any = None

    def start(self) -> None:
        """Processes, clients, and the faults to come."""
        chance = self.chance
        for _ in range(self.most_servers):
            self._server()
        for number in range(chance.choice((1, 2, 2, 3))):
            self._worker(("", "fast") if number == 0 else chance.choice((("",), ("", "fast"))))
        self.clients = []
        for number in range(chance.choice((1, 2, 2, 3))):
            plan = random_plan(chance, f"P{number}")
            limit = None
            if chance.random() < 0.15:
                limit = Limit("one", 1, chance.choice(("queue", "cancel_oldest", "skip", "cancel_newest")))
            client = Client(self, self.servers, number, plan, limit)
            self.clients.append(client)
            self.begin(client, client.life())
        self.begin(Process(self, "nemesis"), self._nemesis(chance.choice((0, 8000, 15_000, 25_000))))

    def _worker(self, queues: tuple[str, ...]) -> None:
        self._born += 1
        worker = Worker(self, self.state, self.broker, self._born, queues)
        self.workers.append(worker)
        worker.start(self.chance.choice((1, 2, 2, 3)))

    def _server(self) -> None:
        self._born += 1
        server = Server(self, self.state, self.broker, self._born)
        self.servers.append(server)
        server.start()

    def restart(self, dead: Process) -> None:
        """Somebody starts a process like this one."""

        def life() -> Life:
            yield self.within(300, 6000)
            if isinstance(dead, Worker):
                self.workers.remove(dead)
                self._worker(dead.queues)
            elif isinstance(dead, Server):
                self.servers.remove(dead)
                self._server()

        self.begin(Process(self, "supervisor"), life())

    # --- what goes wrong

    def _nemesis(self, until: int) -> Life:
        """Faults, one after another; then none any more."""
        faults = [
            self._kill_worker,
            self._kill_worker,
            self._kill_child,
            self._kill_child,
            self._freeze,
            self._freeze,
            self._kill_server,
            self._silence_store,
            self._silence_history,
            self._silence_broker,
        ]
        if self.chance.random() < 0.5:
            faults += [self._empty, self._go_back]
        while self.now - START < until:
            yield self.within(100, 3000)
            if self.chance.random() < 0.4 and self.state.confirmed:
                self._backup = self._copy()
            self.chance.choice(faults)()
        yield 0
        self._heal()

    def _kill_worker(self) -> None:
        if up := [worker for worker in self.workers if worker.alive]:
            self.fire("worker killed")
            self.chance.choice(up).die("killed")

    def _kill_child(self) -> None:
        if up := [child for worker in self.workers if worker.alive for child in worker.children if child.alive]:
            busy = [child for child in up if child.body]
            child = self.chance.choice(busy or up)
            self.fire("child killed under a body" if child.body else "child killed")
            child.die("killed")

    def _freeze(self) -> None:
        every: list[Process] = [*self.servers, *self.workers]
        every += [child for worker in self.workers for child in worker.children]
        if up := [process for process in every if process.alive]:
            busy = [process for process in up if getattr(process, "body", None)]
            process = self.chance.choice(busy if busy and self.chance.random() < 0.8 else up)
            self.fire(f"{type(process).__name__.lower()} frozen")
            process.freeze(self.now + self.within(1000, 20_000))

    def _kill_server(self) -> None:
        if up := [server for server in self.servers if server.alive]:
            self.fire("server killed")
            self.chance.choice(up).die("killed")

    def _silence_store(self) -> None:
        self._silence(self.state, "state store away")

    def _silence_history(self) -> None:
        self._silence(self.database, "history away")

    def _silence_broker(self) -> None:
        self._silence(self.broker, "broker away")

    def _silence(self, what: Any, told: str) -> None:
        self.fire(told)
        what.away = True

        def life() -> Life:
            yield self.within(500, 12_000)
            what.away = False

        self.begin(Process(self, "operator"), life())

    def _empty(self) -> None:
        self.fire("state store emptied")
        self.checks.losing()
        self.state.engine.empty()
        self.state.confirmed = None
        self.checks.lost(self.checks.stories)

    def _copy(self) -> Any:
        """A backup of the state store, and how far the runs have come in it."""
        stories = {run: story.copy() for run, story in self.checks.stories.items()}
        return self.state.engine.copy(), self.state.confirmed, stories

    def _go_back(self) -> None:
        """The state store is started again from an old file."""
        if self._backup is None:
            return
        self.fire("state store older")
        self.checks.losing()
        self._restarts += 1
        engine, self.state.confirmed, stories = self._backup
        self.state.engine.go_back(engine, self.checks.positions())
        self.state.present = f"redis-{self._restarts}"
        self.checks.lost({run: story.copy() for run, story in stories.items()})

    def _heal(self) -> None:
        """The last fault is over: everybody thaws, everything answers, nobody dies any more."""
        self.note("calm", "from here on")
        self.faults = False
        self.healed = self.now
        self.state.away = self.database.away = self.broker.away = False
        for process in (*self.servers, *self.workers, *(child for worker in self.workers for child in worker.children)):
            process.thaws = self.now
        self.checks.progress = self.now
        self.begin(Process(self, "checker"), self._check_orphans())

    def _check_orphans(self) -> Life:
        """[U-6] What the dead held is free within the lease and two sweeps, and the time that is left to the living."""
        dead_since = self.now
        names = {worker.name for worker in self.workers if worker.alive}
        yield round(SETTINGS.lease * 1000) + 2 * SWEEP + round(2000 * SETTINGS.heartbeat) + 6000
        names |= {worker.name for worker in self.workers if worker.alive}
        self.checks.orphans(names, dead_since)

    # --- from start to end

    def play(self) -> int:
        """Until all is over; how many ms of calm that took."""
        self.start()
        for _ in range(MOST_STEPS):
            self.step()
            if self.checks.problems:
                raise Broken(self.checks.problems[0])
            if self.healed and all(client.over for client in self.clients) and not self.checks.live():
                break
            if self.healed and self.now - self.checks.progress > SILENCE:
                raise Broken(f"[U-1, U-8] stuck: no event for {SILENCE} ms; live are {self.checks.live()}")
        else:
            raise Broken(f"no end after {MOST_STEPS} actions; live are {self.checks.live()}")
        took = self.checks.progress - self.healed
        self._settle()
        self.checks.end()
        return took

    def _settle(self) -> None:
        """The projectors forget what is over."""
        until = self.now + 12_000
        while self.now < until and not self.checks.all_forgotten():
            self.step()
        if self.checks.problems:
            raise Broken(self.checks.problems[0])


@contextmanager
def virtual(world: World) -> Iterator[None]:
    """Umbel's modules see the world's clock and ids; one turn of a projector waits for nothing."""
    with ExitStack() as stack:
        for name in CLOCKS:
            stack.enter_context(patch(name, world))
        for name in IDS:
            stack.enter_context(patch(name, world))
        stack.enter_context(patch("umbel.service.umbel.os", world))
        stack.enter_context(patch("umbel.service.umbel.Store", lambda url: history()))
        stack.enter_context(patch("umbel.service.umbel.Definitions", lambda *_, **__: NO_DEFINITIONS))
        stack.enter_context(patch("umbel.service.umbel.ThreadPoolExecutor", AtOnce))
        stack.enter_context(patch("umbel.keeper.project.GATHER", 0.0))
        stack.enter_context(patch("umbel.engine.portions.MAX_TASKS", 4))
        stack.enter_context(patch("umbel.keeper.project.Projector.wait_caught_up", wait_caught_up))
        # Who asks a server once for what the history shows does not wait for it here: it would wait for ever.
        stack.enter_context(patch("umbel.service.control.monotonic", iter(range(0, 10**9, 100)).__next__))
        yield


def simulate(seed: int) -> Result:
    """Play one seed."""
    logging.disable(logging.CRITICAL)
    world = Simulation(seed)
    problem, calm = "", 0
    try:
        with virtual(world):
            calm = world.play()
    except Broken as error:
        problem = str(error)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__} in {where.name}: {error}"
    finally:
        world.database.world = None
        logging.disable(logging.NOTSET)
    return Result(seed, world.trace, world.counts, problem, calm)
