"""100,000 events into a history in PostgreSQL that is restarted on the way: does it catch up, and is it right?

A real Valkey, a real PostgreSQL, a real server; the worker is this process, which claims and ends tasks as fast as it
can, since what is measured is the way of the events and not the running of bodies.
"""

import json
import math
import shutil
import threading
import time
import uuid
from collections import deque
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import create_engine, text

from bench.sides import PROJECT
from tests.postgres import Postgres, program
from umbel.engine.engine import Engine, Token
from umbel.engine.keys import prefix
from umbel.machine import Code
from umbel.plan.model import Node, Plan
from umbel.settings import load_settings
from umbel.stack.options import StackOptions
from umbel.stack.run import run_stack
from umbel.store import NewRun, Store

WIDTH = 100
EVENTS_OF_A_RUN = 2 * (WIDTH + 1) + 3
THREADS = 4
AWAY = 5.0
"""Seconds that PostgreSQL is away."""
PACE = 1000.0
"""Events in a second: some 500 tasks, where the programme's steady load is 150."""
CLOSE = 2.0
"""Seconds of lag that count as caught up."""

PLAN = Plan(
    "bench.FAN",
    (*(Node(n, f"t{n}", "A") for n in range(WIDTH)), Node(WIDTH, "end", "A", tuple(range(WIDTH)))),
)


class Worker:
    """Runs the tasks of fans, in threads: as fast as it can, or at a `pace` of events in a second."""

    def __init__(self, engine: Engine, runs: list[str], pace: float = math.inf) -> None:
        self._engine = engine
        self._runs = deque(runs)
        self._pace = pace
        self._began = time.monotonic()
        self.calls = 0
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}") for n in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        while True:
            try:
                run = self._runs.popleft()
            except IndexError:
                return
            for index in range(WIDTH + 1):
                time.sleep(max(0.0, self._began + self.calls / self._pace - time.monotonic()))
                claim = self._engine.claim(run, index, 1, worker="bench", pid=1)
                if claim.code is not Code.OK:
                    raise RuntimeError(f"task {index} of run {run} is not to be had: {claim.code}")
                self._engine.succeed(Token(run, index, 1, claim.attempt), json.dumps(index), by="bench")
                self.calls += 2

    @property
    def works(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)


class Lag:
    """How far the history is behind the stream, in seconds, sampled in a thread."""

    def __init__(self, client: "redis.Redis", database: str) -> None:
        self._client: Any = client
        self._sql = create_engine(database.replace("postgresql://", "postgresql+psycopg://"), pool_pre_ping=True)
        self.samples: list[tuple[float, float]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="lag")
        self._thread.start()

    def now(self) -> float | None:
        """None while PostgreSQL is away."""
        last = self._client.xinfo_stream(f"{prefix(0)}events")["last-generated-id"].decode()
        try:
            with self._sql.connect() as connection:
                read = connection.scalar(text("SELECT stream_id FROM positions WHERE partition = 0")) or "0-0"
        except Exception:
            return None
        return 0.0 if read == last else max(0.0, time.time() - int(read.split("-")[0]) / 1000)

    def _sample(self) -> None:
        while not self._end.wait(0.1):
            if (lag := self.now()) is not None:
                self.samples.append((time.monotonic(), lag))

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self.samples.append((time.monotonic(), self.now() or 0.0))
        self._sql.dispose()

    def caught_up(self, after: float) -> float:
        """Seconds from `after` (monotonic) until the lag was small for the first time."""
        return next((at - after for at, lag in self.samples if at > after and lag < CLOSE), float("inf"))


def projection(data: Path, events: int = 100_000) -> None:
    """Prints the figures, at a steady pace and as fast as this machine can; raises AssertionError if history and engine
    differ."""
    if program("postgres") is None:
        print("\nprojection: SKIPPED, there is no PostgreSQL here")
        return
    folder = data / "pg"
    folder.mkdir()
    data.chmod(0o711)
    postgres = Postgres(folder)
    try:
        database = postgres.database()
        options = StackOptions(
            project=PROJECT, data=data / "stack", port=0, start=frozenset({"server"}), database_url=database
        )
        store = Store(database)
        store.database.upgrade()
        with run_stack(options, lambda line: None) as stack:
            settings = load_settings(state_url=stack.urls.state, broker_url=stack.urls.broker, database_url=database)
            for pace in (PACE, math.inf):
                _measure(postgres, store, Engine.open(settings), stack.urls.state, database, events, pace)
        store.close()
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(
    postgres: Postgres, store: Store, engine: Engine, state: str, database: str, events: int, pace: float
) -> None:
    runs = [str(uuid.uuid4()) for _ in range(-(-events // EVENTS_OF_A_RUN))]
    for run in runs:
        store.accept(NewRun(run, PLAN.definition, "bench", "FAN", PLAN, "{}", 0, time.time_ns() // 1_000_000))
        engine.launch(run, PLAN, "{}", by="bench")
    client = redis.Redis.from_url(state)
    lag = Lag(client, database)
    began, worker = time.monotonic(), Worker(engine, runs, pace)
    third = len(runs) * 2 * (WIDTH + 1) // 3
    backs = []
    for pause, upto in ((AWAY, third), (0.0, 2 * third)):
        while worker.works and worker.calls < upto:
            time.sleep(0.05)
        postgres.stop()
        time.sleep(pause)
        postgres.start()
        backs.append(time.monotonic())
    while worker.works:
        time.sleep(0.05)
    ended = time.monotonic()
    while lag.now() != 0.0:
        time.sleep(0.05)
    done = time.monotonic()
    lag.close()
    total = _compare(store, client, runs)
    print(
        f"\nprojection of {total:,} events into PostgreSQL, killed and started again twice (away {AWAY:g} s, and 0 s)"
    )
    rate, rest = total / (ended - began), done - ended
    print(f"  made {'as fast as it can be' if math.isinf(pace) else f'at a pace of {pace:,.0f} a second'}")
    print(f"  made in {ended - began:.1f} s, {rate:,.0f} a second; all in {rest:.2f} s after the last")
    print(
        f"  lag under {CLOSE:g} s again {' and '.join(f'{lag.caught_up(at):.2f}' for at in backs)} s after it was back"
    )
    print(f"  greatest lag {max(each for _, each in lag.samples):.1f} s")
    print("  history equals engine: every event once, in order, all tasks done")
    client.close()


def _compare(store: Store, client: Any, runs: list[str]) -> int:
    total = 0
    for run in runs:
        known = client.hmget(f"{prefix(0)}run:{run}", "seq", "state", "settled")
        row = store.run(run)
        assert row is not None
        seqs = [event.seq for event in store.events(run)]
        assert seqs == list(range(1, int(known[0]) + 1)), f"run {run}: {len(seqs)} events of {known[0]}"
        assert (
            (row.state, row.settled, row.tasks_done)
            == ("success", True, WIDTH + 1)
            == (
                known[1].decode(),
                known[2] == b"1",
                WIDTH + 1,
            )
        )
        assert all(task.state == "success" and task.attempts == 1 for task in store.tasks(run))
        total += len(seqs)
    return total
