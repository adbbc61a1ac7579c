"""The processes of one slice: Valkey, SQL, broker, servers and workers, all real, under Umbel's own supervisor."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Literal
from urllib.parse import urlsplit

import redis

from tests.chaos.harness import shapes
from tests.chaos.harness.ledger import Ledger
from tests.postgres import Postgres, running_postgres
from tests.rabbitmq import RabbitMQ, running_rabbitmq
from tests.waiting import wait_until
from umbel.errors import StackError
from umbel.stack.folder import hold
from umbel.stack.options import StackOptions
from umbel.stack.parts import build
from umbel.stack.ports import free_ports
from umbel.stack.probes import redis_ping
from umbel.stack.process import Part
from umbel.stack.supervisor import Supervisor
from umbel.store import Database

SITE = Path(__file__).parent / "site"
ROOT = Path(__file__).parents[3]
PROXY = Path(__file__).parent / "proxy.py"


@dataclass(frozen=True)
class Parts:
    """What a slice is made of. Times are seconds."""

    aof: Literal["everysec", "always", "none"] = "everysec"
    sql: Literal["sqlite", "postgres"] = "sqlite"
    broker: Literal["valkey", "rabbitmq"] = "valkey"
    servers: int = 1
    workers: tuple[str, ...] = ("prefork", "prefork")
    """The pool of each; two processes, or four threads."""
    lossy: bool = False
    """The first worker reaches the state store through a proxy that can lose answers."""
    skew: float = 0.0
    """Python's wall clock of the workers is wrong by so much: the first one's is ahead, the others' behind."""
    heartbeat: float = 2.0
    lease: float = 8.0
    redispatch_after: float = 15.0
    live_ttl: float = 5.0
    plant: str = ""
    """Name of a bug that is put into every process (plants.py)."""

    @classmethod
    def by_chance(cls, chance: Random, **fixed: object) -> "Parts":
        """Any of the combinations, with what is not `fixed` chosen."""
        chosen = {
            "aof": chance.choice(("everysec", "everysec", "always", "none")),
            "sql": chance.choice(("sqlite", "postgres")),
            "broker": chance.choice(("valkey", "valkey", "valkey", "rabbitmq")),
            "servers": chance.choice((1, 2)),
            "workers": chance.choice((("prefork",) * 2, ("prefork", "prefork", "threads"), ("prefork",) * 3)),
            "lossy": chance.random() < 0.5,
            "skew": chance.choice((0.0, 3600.0)),
        }
        return cls(**{**chosen, **fixed})  # type: ignore[arg-type]


@dataclass
class World:
    """What runs, and the means to disturb it. Made by `open_world`."""

    parts: Parts
    home: Path
    supervisor: Supervisor
    servers: dict[str, str]
    """Name and URL of each."""
    workers: tuple[str, ...]
    state_url: str
    broker_url: str
    database_url: str
    valkey_data: Path
    postgres: Postgres | None
    rabbitmq: RabbitMQ | None
    ledger: Ledger
    pool: ThreadPoolExecutor
    """Its threads last as long as the world. A server started with PR_SET_PDEATHSIG (tests/postgres.py) ends with the
    thread that has started it."""
    died: list[str] = field(default_factory=list)
    """Parts that ended although nothing had been done to them."""

    def __post_init__(self) -> None:
        self._starts: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._down: set[str] = set()  # someone has ended them, and will start them
        self._frozen: set[int] = set()
        self._seen: dict[str, int] = {}

    # -- processes

    def pid(self, name: str) -> int | None:
        """Of a part, None while it is down."""
        return self.supervisor.pid(name)

    def children(self, worker: str) -> list[int]:
        """The pool processes of a worker."""
        main = self.pid(worker)
        found: list[int] = []
        # Any of its threads may have forked them: the pool's own starts those that follow dead ones.
        for listed in Path(f"/proc/{main}/task").glob("*/children") if main else ():
            with contextlib.suppress(OSError):
                found += map(int, listed.read_text().split())
        return found

    def worker_of(self, pid: int) -> str | None:
        """Which worker a process belongs to, if it is one of ours."""
        for worker in self.workers:
            if pid == self.pid(worker) or pid in self.children(worker):
                return worker
        return None

    def signal(self, pid: int, number: int) -> bool:
        """Send a signal to a process of ours; False if it is gone."""
        if number == signal.SIGSTOP:
            self._frozen.add(pid)
        elif number == signal.SIGCONT:
            self._frozen.discard(pid)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def frozen(self, worker: str) -> bool:
        """Whether it, or a process of its pool, is stopped."""
        return bool(self._frozen.intersection([self.pid(worker), *self.children(worker)]))

    def kill(self, name: str) -> None:
        """kill -9, and stay down until `start`."""
        with self._lock:
            self._down.add(name)
            self._seen.pop(name, None)
        with contextlib.suppress(StackError):
            self.supervisor.signal(name, signal.SIGKILL)

    def terminate(self, name: str, grace: float = 20.0) -> bool:
        """SIGTERM; whether it ended by itself. Stays down until `start`."""
        with self._lock:
            self._down.add(name)
            self._seen.pop(name, None)
        pid = self.pid(name)
        if pid is None:
            return True
        with contextlib.suppress(StackError):
            self.supervisor.signal(name, signal.SIGTERM)
        try:
            wait_until(lambda: self.pid(name) != pid, grace, f"end of {name}")
        except AssertionError:
            self.kill(name)
            return False
        return True

    def start(self, name: str) -> None:
        """Start it again; returns when it is ready, or has not become so: then it is tried again by `keep_up`."""
        with contextlib.suppress(StackError):
            self.supervisor.start_part(name)
        with self._lock:
            self._down.discard(name)

    def keep_up(self) -> None:
        """What should be up and is not is started, in the background."""
        for name in self.supervisor.names:
            with self._lock:
                under_way = name in self._down or (name in self._starts and not self._starts[name].done())
            pid = self.pid(name)
            if pid is not None:
                self._seen[name] = pid
            elif not under_way:
                if name in self._seen:
                    self.died.append(name)
                    del self._seen[name]
                self._starts[name] = self.pool.submit(self.start, name)

    def heal(self) -> None:
        """Everything runs again; waits until all parts are ready."""
        for pid in list(self._frozen):
            self.signal(pid, signal.SIGCONT)
        with self._lock:
            self._down.clear()
        if self.parts.lossy:
            self.lose_replies(0)

        def all_up() -> bool:
            self.keep_up()
            return all(self.pid(name) is not None for name in self.supervisor.names) and all(
                start.done() for start in self._starts.values()
            )

        wait_until(all_up, 120, "healed world")

    def close(self) -> None:
        """Nothing is started any more, and nothing stays frozen: it could not end."""
        for pid in list(self._frozen):
            self.signal(pid, signal.SIGCONT)

    # -- stores

    @contextmanager
    def state(self, timeout: float = 10.0) -> Iterator["redis.Redis"]:
        """A client of the state store."""
        with redis.Redis.from_url(self.state_url, socket_timeout=timeout, decode_responses=True) as client:
            yield client

    def lose_replies(self, percent: int) -> None:
        """Of so many percent of the requests to the state store, the first worker does not get the answer."""
        (self.home / "loses").write_text(str(percent))


def _environment(parts: Parts, home: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UMBEL_", "DIRECTOR_"))}
    env |= {
        "CHAOS_HOME": str(home),
        "UMBEL_HEARTBEAT": str(parts.heartbeat),
        "UMBEL_LEASE": str(parts.lease),
        "UMBEL_REDISPATCH_AFTER": str(parts.redispatch_after),
        "UMBEL_LIVE_TTL": str(parts.live_ttl),
    }
    if parts.plant or parts.skew:
        path = [str(SITE), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        env |= {"PYTHONPATH": os.pathsep.join(path), "UMBEL_TEST_PLANT": parts.plant}
    return env


def _worker_arguments(name: str, pool: str) -> tuple[str, ...]:
    common = ("--loglevel", "INFO", "--without-mingle", "--without-gossip", "-n", f"{name}@%h")
    return (*(("-c", "2") if pool == "prefork" else ("-P", pool, "-c", "4")), *common)


def _valkey(part: Part, aof: str) -> Part:
    words = {"always": {"everysec": "always"}, "none": {"yes": "no"}}.get(aof, {})
    keys = ("--appendfsync", "--appendonly")
    argv = [words.get(word, word) if part.argv[at - 1] in keys else word for at, word in enumerate(part.argv)]
    return replace(part, argv=tuple(argv))


def _proxy(port: int, target: str, control: Path) -> Part:
    control.write_text("0")
    program = (sys.executable, str(PROXY), str(port), str(urlsplit(target).port), str(control))
    return Part("proxy", program, ready=redis_ping(port), after=("valkey",))


@contextmanager
def open_world(parts: Parts, home: Path) -> Iterator[World]:
    """Everything up and ready; all of it ends with the block. `home` is new."""
    project = shapes.make_project(home / "project")
    with ExitStack() as ending:
        threads = ThreadPoolExecutor(16, "world")
        ending.callback(threads.shutdown)
        postgres = ending.enter_context(running_postgres()) if parts.sql == "postgres" else None
        rabbitmq = ending.enter_context(running_rabbitmq()) if parts.broker == "rabbitmq" else None
        env = _environment(parts, home)
        data = home / "data"
        lock = ending.enter_context(hold(data))
        options = StackOptions(
            project=project,
            data=data,
            port=0,
            broker_url=rabbitmq.url if rabbitmq else None,
            database_url=postgres.database() if postgres else None,
            env=env,
        )
        (valkey, server, _), urls = build(options, data, lock)
        database = Database(urls.database)
        database.upgrade()
        database.close()
        valkey = _valkey(valkey, parts.aof)
        there = replace(options, broker_url=urls.broker, state_url=urls.state, database_url=urls.database)
        made: list[Part] = [valkey, server]
        servers = {"server": urls.server}
        for number in range(1, parts.servers):
            (other,), more = build(replace(there, start=frozenset({"server"})), data, lock)
            made.append(replace(other, name=f"server{number}", after=("valkey", "server")))
            servers[f"server{number}"] = more.server
        state = urls.state
        if parts.lossy:
            made.append(_proxy(free := free_ports(1)[0], state, home / "loses"))
            state = f"redis://127.0.0.1:{free}/1"
        names = tuple(f"worker{number}" for number in range(len(parts.workers)))
        for number, (name, pool) in enumerate(zip(names, parts.workers, strict=True)):
            first = number == 0
            skew = {"UMBEL_TEST_SKEW": str(parts.skew if first else -parts.skew)} if parts.skew else {}
            (worker,), _ = build(
                replace(
                    there,
                    start=frozenset({"worker"}),
                    state_url=state if first else urls.state,
                    worker_args=_worker_arguments(name, pool),
                    env={**env, **skew},
                ),
                data,
                lock,
            )
            made.append(replace(worker, name=name, after=(*worker.after, "proxy"), grace=10.0))
        made = [replace(part, restart=False, start_timeout=45.0) for part in made]
        supervisor = Supervisor(made, home / "logs", lambda line: None)
        ending.callback(supervisor.stop)
        world = World(
            parts,
            home,
            supervisor,
            servers,
            names,
            urls.state,
            urls.broker,
            urls.database,
            data / "valkey",
            postgres,
            rabbitmq,
            Ledger(home / "ledger"),
            threads,
        )
        ending.callback(world.close)
        supervisor.start()
        yield world
