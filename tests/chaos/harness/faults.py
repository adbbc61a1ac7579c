"""What can be done to a world, each fault by name. Only processes that the world started are ever touched."""

import contextlib
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import kombu
import redis
from amqp.exceptions import AMQPError

from tests.chaos.harness.ledger import Body, Key
from tests.chaos.harness.world import World
from tests.waiting import wait_until

QUEUE: Final = "celery"


@dataclass(slots=True)
class Fault:
    """One that was done. Times are seconds of the monotonic clock."""

    name: str
    at: float
    until: float = 0.0
    hits: list[Key] = field(default_factory=list)
    """Attempts whose process it killed or stopped while their body ran."""
    pids: list[int] = field(default_factory=list)
    note: str = ""
    missed: bool = False
    """Nobody took over from a process that stood still, for as long as it was allowed to take."""
    fired: bool = True
    """False if there was nothing to do it to."""


class Faults:
    """The means. Every method does one fault, from its beginning to its end, and says what it was.

    Args:
        chance: decides whom it hits. quit: set when everything is to end soon.
        canceled: whether the client cancels a run: nobody takes over what is left of that.
    """

    def __init__(
        self, world: World, chance: Random, quit: threading.Event, canceled: Callable[[str], bool] = lambda run: False
    ) -> None:
        self._world = world
        self._chance = chance
        self._quit = quit
        self._canceled = canceled
        self.done: list[Fault] = []

    def do(self, name: str) -> Fault:
        """Do the fault of this name (`-` for `_`), and note it from its first moment."""
        fault = Fault(name, time.monotonic())
        self.done.append(fault)
        method: Callable[[Fault], None] = getattr(self, name.replace("-", "_"))
        try:
            method(fault)
        except (redis.RedisError, AMQPError, OSError, AssertionError) as error:
            fault.note = f"{fault.note} {type(error).__name__}: {error}".strip()
        fault.until = time.monotonic()
        return fault

    # -- workers

    def kill_child(self, fault: Fault) -> None:
        """SIGKILL a pool process in the middle of a body."""
        if (body := self._victim(fault, pools=("prefork",))) is None:
            return
        fault.at = time.monotonic()
        self._world.signal(body.pid, signal.SIGKILL)
        self._landed(fault, [body.pid])

    def kill_worker(self, fault: Fault) -> None:
        """SIGKILL a worker's main process; what is left of its pool goes with it, as with a container."""
        body = self._victim(fault)
        worker = self._world.worker_of(body.pid) if body else None
        if worker is None:
            return
        pids = [*self._world.children(worker), self._world.pid(worker) or 0]
        fault.at = time.monotonic()
        self._world.kill(worker)
        self._landed(fault, pids)
        self._quit.wait(self._chance.uniform(0, 2))
        self._world.start(worker)

    def stop_worker(self, fault: Fault) -> None:
        """SIGTERM: it finishes what runs or hands it back, and is started again."""
        worker = self._chance.choice([each for each in self._world.workers if not self._world.frozen(each)] or [""])
        if not worker:
            fault.fired = False
            return
        fault.note = worker if self._world.terminate(worker) else f"{worker} did not end by itself"
        self._world.start(worker)

    def freeze_child(self, fault: Fault) -> None:
        """SIGSTOP a pool process beyond its lease; SIGCONT when its task runs elsewhere (or half a lease later)."""
        if (body := self._victim(fault, long=True, pools=("prefork",))) is not None:
            self._freeze(fault, body, [body.pid])

    def freeze_worker(self, fault: Fault) -> None:
        """The same with a worker's main process, and (every other time) its whole pool."""
        body = self._victim(fault, long=True)
        worker = self._world.worker_of(body.pid) if body else None
        main = self._world.pid(worker) if worker else None
        if body is None or worker is None or main is None:
            return
        self._freeze(fault, body, [main, *(self._world.children(worker) if self._chance.random() < 0.5 else ())])

    def _freeze(self, fault: Fault, body: Body, pids: list[int]) -> None:
        fault.at = time.monotonic()
        for pid in pids:
            self._world.signal(pid, signal.SIGSTOP)
        fault.pids = pids
        if body.pid in pids:
            self._landed(fault, pids)

        def elsewhere() -> bool:
            bodies = self._world.ledger.of_task(*body.key[:2])
            return self._quit.is_set() or any(each.began > fault.at for each in bodies)

        parts = self._world.parts
        try:
            wait_until(elsewhere, 3 * parts.lease + parts.redispatch_after, "other attempt")
        except AssertionError:
            fault.missed = body.pid in pids
        if self._chance.random() < 0.3:
            self._quit.wait(parts.lease / 2)
        for pid in pids:
            self._world.signal(pid, signal.SIGCONT)

    def _victim(self, fault: Fault, *, long: bool = False, pools: tuple[str, ...] = ()) -> Body | None:
        """A body that runs now and has not been hit before."""
        hit = {key for each in self.done for key in each.hits}
        patient = time.monotonic() + 6

        def found() -> Body | None:
            now = time.monotonic()
            only_long = long or now < patient  # a short one has often ended before the signal comes
            bodies = [
                body
                for body in self._world.ledger.running()
                if body.key not in hit
                and not self._canceled(body.key.run)
                and now - body.began < body.takes
                and (not only_long or body.takes >= 0.5)
                # Some time must be left: it takes a moment to get there.
                and (body.takes < 0.5 or now - body.began < body.takes - 0.3)
            ]
            self._chance.shuffle(bodies)
            bodies.sort(key=lambda body: body.takes < 0.5)
            for body in bodies:
                worker = self._world.worker_of(body.pid)
                if worker is None or self._world.frozen(worker):
                    continue  # a frozen one is to come back as a zombie
                pool = self._world.parts.workers[self._world.workers.index(worker)]
                if not pools or pool in pools:
                    return body
            return None

        with contextlib.suppress(AssertionError):
            body = wait_until(lambda: found() or self._quit.is_set(), 10, "victim")
            if not isinstance(body, bool):
                return body
        fault.fired = False
        return None

    def _landed(self, fault: Fault, pids: list[int]) -> None:
        """What they were running: nothing more comes from them now."""
        fault.pids = pids
        fault.hits = [body.key for body in self._world.ledger.running() if body.pid in pids]

    # -- servers

    def kill_server(self, fault: Fault) -> None:
        """SIGKILL a server, wherever it is."""
        name = self._chance.choice(list(self._world.servers))
        fault.note = name
        self._world.kill(name)
        self._quit.wait(self._chance.uniform(0, 2))
        self._world.start(name)

    def freeze_server(self, fault: Fault) -> None:
        """SIGSTOP a server for longer than the leader's lease, so that the other one takes over."""
        name = self._chance.choice(list(self._world.servers))
        pid = self._world.pid(name)
        if pid is None:
            fault.fired = False
            return
        fault.note = name
        self._world.signal(pid, signal.SIGSTOP)
        self._quit.wait(self._chance.uniform(7, 10))
        self._world.signal(pid, signal.SIGCONT)

    # -- the state store (and broker, if that is Valkey)

    def restart_valkey(self, fault: Fault) -> None:
        """SIGTERM; it comes back with what it had."""
        self._world.terminate("valkey")
        self._quit.wait(self._chance.uniform(0, 2))
        self._world.start("valkey")

    def kill_valkey(self, fault: Fault) -> None:
        """SIGKILL; it comes back with its append-only file."""
        self._world.kill("valkey")
        self._quit.wait(self._chance.uniform(0, 2))
        self._world.start("valkey")

    def empty_valkey(self, fault: Fault) -> None:
        """SIGKILL; it comes back with nothing."""
        self._world.kill("valkey")
        shutil.rmtree(self._world.valkey_data, ignore_errors=True)
        self._world.valkey_data.mkdir()
        self._world.start("valkey")

    def older_valkey(self, fault: Fault) -> None:
        """It comes back as it was one to three seconds ago, from a copy of its append-only files."""
        data, kept = self._world.valkey_data, self._world.home / f"kept-{uuid.uuid4().hex}"
        shutil.copytree(data, kept)
        self._quit.wait(self._chance.uniform(1, 3))
        self._world.kill("valkey")
        fault.at = time.monotonic()
        shutil.rmtree(data)
        kept.rename(data)
        self._world.start("valkey")

    def flush(self, fault: Fault) -> None:
        """FLUSHALL, scripts and messages included."""
        with self._world.state() as client:
            client.flushall()
            client.script_flush()

    def pause_valkey(self, fault: Fault) -> None:
        """CLIENT PAUSE: two to six seconds without an answer."""
        seconds = self._chance.uniform(2, 6)
        fault.note = f"{seconds:.1f} s"
        with self._world.state() as client:
            client.client_pause(round(seconds * 1000))
        self._quit.wait(seconds)

    def lose_replies(self, fault: Fault) -> None:
        """For some seconds, one in twenty answers of the state store does not reach the first worker."""
        self._world.lose_replies(5)
        self._quit.wait(self._chance.uniform(3, 6))
        self._world.lose_replies(0)

    # -- SQL

    def restart_postgres(self, fault: Fault) -> None:
        """As by a crash; down for up to three seconds."""
        assert self._world.postgres is not None
        self._world.postgres.stop()
        self._quit.wait(self._chance.uniform(0, 3))
        self._world.postgres.start()

    # -- messages

    def restart_rabbitmq(self, fault: Fault) -> None:
        """As its service is restarted."""
        assert self._world.rabbitmq is not None
        self._world.rabbitmq.stop()
        self._world.rabbitmq.start()

    def lose_messages(self, fault: Fault) -> None:
        """What waits in the queue is gone."""
        fault.note = f"{len(self._taken(fault, most=40))} lost"

    def double_messages(self, fault: Fault) -> None:
        """What waits in the queue comes back one to four times more, in any order."""
        taken = self._taken(fault, most=40)
        again = [message for message in taken for _ in range(self._chance.randint(2, 5))]
        self._chance.shuffle(again)
        with kombu.Connection(self._world.broker_url) as connection, connection.Producer() as producer:
            for message in again:
                producer.publish(
                    message.body,
                    exchange="",
                    routing_key=QUEUE,
                    headers=message.headers,
                    content_type=message.content_type,
                    content_encoding=message.content_encoding,
                    correlation_id=message.properties.get("correlation_id"),
                    delivery_mode=2,
                )
        fault.note = f"{len(taken)} became {len(again)}"

    def _taken(self, fault: Fault, most: int) -> list[Any]:
        """Messages out of the queue; waits until there are some, since workers are quick."""
        found: list[Any] = []
        with kombu.Connection(self._world.broker_url) as connection, connection.channel() as channel:

            def take() -> Iterator[Any]:
                while len(found) < most and (message := channel.basic_get(QUEUE, no_ack=True)):
                    found.append(message)
                return iter(found)

            with contextlib.suppress(AssertionError):
                wait_until(lambda: list(take()) or self._quit.is_set(), 10, "message")
        fault.fired = bool(found)
        return found
