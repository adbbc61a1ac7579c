"""A simulated server: the real container and its loops, without their threads."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, Final

from tests.sim.store import Broker, Door, StateStore
from tests.sim.worker import run_loops
from tests.sim.world import Process, World, loop
from umbel.keeper.loop import ThreadLoop
from umbel.service.umbel import Umbel

NO_DEFINITIONS: Final = SimpleNamespace(catalog=SimpleNamespace(definitions={}, problems=()), plans={})
LOOPS: Final = {"confirm": 500, "relaunch": 5000, "held": 4000, "leader": 15_000}
"""Those that take turns besides the projectors, and the least pause (ms) between two: each costs a look at the SQL."""


class AtOnce:
    """An executor without threads."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def submit(self, call: Any, *args: Any) -> Future[None]:
        """Done when this returns."""
        future: Future[None] = Future()
        call(*args)
        future.set_result(None)
        return future


class Server(Process):
    """One server process."""

    def __init__(self, world: World, state: StateStore, broker: Broker, number: int) -> None:
        super().__init__(world, f"s{number}")
        self.broker, self.number = broker, number
        engine, keepers = Door(state, self), Door(state, self, if_confirmed=False)
        with world.as_(self):
            self.umbel = Umbel(
                engine.settings,
                engine,  # type: ignore[arg-type]
                self.publish,
                loops=False,
                now=lambda: world.now,
                keepers=keepers,  # type: ignore[arg-type]
            )

    def start(self) -> None:
        """All its loops begin."""
        for each in self.umbel.keeper._loops:
            assert isinstance(each, ThreadLoop)
            pause = LOOPS.get(each.name) or (each.name.startswith("project") and self.world.within(200, 1500))
            if pause:
                self.world.begin(self, loop(each.turn, pause), self.world.within(0, 300))
        self.world.begin(self, run_loops(self.world, self.umbel._loops))

    def publish(self, items: Any) -> None:
        """To the broker."""
        self.broker.publish(self, items)

    def ended(self) -> None:
        """Somebody starts another one."""
        self.world.restart(self)  # type: ignore[attr-defined]


def wait_caught_up(projector: Any, since: float, timeout: float) -> bool:
    """There is only one thread: who waits for a projector takes its turns."""
    for _ in range(20):
        if projector._caught_up_at >= since:
            return True
        try:
            projector.turn()
        except Exception as error:
            if not hasattr(error, "code"):
                raise
            return False
    return False
