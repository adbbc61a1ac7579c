"""Schedules on real databases, with several servers and a clock that the test moves."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.postgres import database_url, new_database, postgres
from umbel.errors import HistoryUnavailable
from umbel.keeper.leader import TTL, Leader
from umbel.keeper.schedule import LATE, Scheduler, run_id_of
from umbel.machine import RunState
from umbel.service.catalog import Definitions
from umbel.store import Lease, RunRow, Store, tables

__all__ = ["database_url", "new_database", "postgres"]

START = 1_800_000_000_000
NAME = "a.TICK"


class Clock:
    """Milliseconds that pass when the test says so."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> int:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += round(seconds * 1000)


class Server:
    """The loops of one server that concern schedules, turned by hand."""

    def __init__(
        self, home: Path, url: str, clock: Clock, launch: Callable[[RunRow], object] = lambda run: None
    ) -> None:
        self.store = Store(url)
        self.store.database.upgrade()
        self.definitions = Definitions(home)
        self.leader = Leader(self.store, clock)
        self.schedule = Scheduler(self.store, self.leader, self.definitions, lambda run_id: 0, launch, clock)

    def turn(self) -> float:
        self.leader.turn()
        return self.schedule.turn()

    def runs(self) -> list[RunRow]:
        return self.store.runs_page(page=1, per_page=500)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    define(tmp_path, "periodic: {interval: 10, payload: {from: beat}}")
    return tmp_path


def define(home: Path, *texts: str) -> None:
    names = [NAME, "a.OTHER"]
    lines = [f"{name}: {{tasks: [A], {text}}}\n" for name, text in zip(names, texts, strict=False)]
    (home / "workflows.yml").write_text("".join(lines))


@pytest.fixture
def start(home: Path, database_url: str, clock: Clock) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def one(launch: Callable[[RunRow], object] = lambda run: None) -> Server:
        started.append(Server(home, database_url, clock, launch))
        return started[-1]

    yield one
    for server in started:
        server.store.close()


Start = Callable[..., Server]


def ticks(*seconds: int) -> set[str]:
    """The ids of the runs of these ticks."""
    return {run_id_of(NAME, START + each * 1000) for each in seconds}


def ids(server: Server) -> set[str]:
    return {run.id for run in server.runs()}


def test_a_tick_starts_a_run_with_what_the_schedule_says(start: Start, clock: Clock) -> None:
    launched: list[RunRow] = []
    server = start(launched.append)
    assert server.turn() == 1.0
    assert server.runs() == []
    clock.pass_by(9.5)
    assert server.turn() == 0.5
    clock.pass_by(0.5)
    assert server.turn() == 1.0
    (run,) = server.runs()
    assert (run.definition, run.periodic, run.payload, run.state) == (NAME, True, '{"from":"beat"}', RunState.PENDING)
    assert (run.id, run.created_at) == (run_id_of(NAME, clock.at), clock.at)
    assert launched == [run]
    row = server.store.schedules()[NAME]
    assert (row.last_at, row.last_run, row.next_at) == (clock.at, run.id, clock.at + 10_000)


def test_two_servers_of_which_one_is_killed_start_each_tick_once(start: Start, clock: Clock) -> None:
    chance = random.Random(7)
    launched: list[str] = []
    servers = [start(lambda run: launched.append(run.id)) for _ in range(2)]
    servers[0].turn()
    for second in range(1000):
        clock.pass_by(1)
        if second == 505:
            (leader,) = [server for server in servers if server.leader.lease is not None]
            servers.remove(leader)  # killed: it does not give the lease back
        for server in chance.sample(servers, len(servers)):
            for _ in range(chance.randrange(3)):
                server.turn()
    clock.pass_by(TTL)
    servers[0].turn()
    expected = ticks(*range(10, 1001, 10))
    assert len(expected) == 100
    assert ids(servers[0]) == expected
    assert Counter(launched) == Counter(expected)


def test_servers_that_work_at_the_same_moment_start_each_tick_once(start: Start, clock: Clock) -> None:
    """The second believes to be the leader, too: a lease that it lost long ago."""
    launched: list[str] = []
    servers = [start(lambda run: launched.append(run.id)) for _ in range(2)]
    servers[0].turn()
    together = threading.Barrier(2)

    def turn(server: Server) -> None:
        server.leader.lease = servers[0].leader.lease
        together.wait(10)
        server.schedule.turn()

    with ThreadPoolExecutor(2) as pool:
        for _ in range(25):
            clock.pass_by(10)
            list(pool.map(turn, servers))
    assert Counter(launched) == Counter(ticks(*range(10, 251, 10)))
    assert ids(servers[0]) == set(launched)


def test_who_lost_the_lease_writes_nothing(start: Start, clock: Clock) -> None:
    old, new = start(), start()
    old.turn()
    stale = old.leader.lease
    clock.pass_by(TTL)
    new.turn()
    assert new.leader.lease is not None
    assert stale is not None
    assert new.leader.lease.epoch == stale.epoch + 1
    clock.pass_by(4)
    new.leader.turn()
    old.schedule.turn()
    assert old.leader.lease == stale
    assert old.runs() == []
    old.leader.turn()
    assert old.leader.lease is None
    new.turn()
    assert ids(new) == ticks(10)


def test_a_server_that_stops_leaves_the_lease_at_once(start: Start) -> None:
    first, second = start(), start()
    first.turn()
    second.turn()
    assert (first.leader.lease is None, second.leader.lease is None) == (False, True)
    first.leader.stop()
    second.turn()
    assert second.leader.lease is not None


def test_a_leader_that_cannot_reach_the_database_is_none(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start()
    server.turn()

    def refuse(*_: object) -> Lease:
        raise HistoryUnavailable("away")

    monkeypatch.setattr(server.store, "take_lease", refuse)
    with pytest.raises(HistoryUnavailable):
        server.leader.turn()
    assert server.leader.lease is None
    assert server.schedule.turn() == 1.0


@pytest.mark.parametrize(("catchup", "found"), [("none", []), ("last", [60]), ("all", [40, 60])])
def test_what_was_missed_while_no_server_was_up(
    catchup: str, found: list[int], start: Start, clock: Clock, home: Path
) -> None:
    define(home, f"periodic: {{interval: 20, catchup: {catchup}}}")
    before = start()
    before.turn()
    clock.pass_by(20)
    before.turn()
    clock.pass_by(55)
    after = start()
    after.turn()
    assert ids(after) == ticks(20, *found)
    clock.pass_by(5)
    after.turn()
    assert ids(after) == ticks(20, *found, 80)


@pytest.mark.parametrize(("late", "found"), [(LATE, [40]), (LATE + 0.001, [])])
def test_a_restart_is_no_downtime(late: float, found: list[int], start: Start, clock: Clock, home: Path) -> None:
    define(home, "periodic: {interval: 40}")
    before = start()
    before.turn()
    before.leader.stop()
    clock.pass_by(40 + late)
    after = start()
    after.turn()
    assert ids(after) == ticks(*found)


def test_without_catching_up_what_is_late_is_left_out(start: Start, clock: Clock, home: Path) -> None:
    define(home, "periodic: {interval: 60}")
    start().turn()
    clock.pass_by(60 * 4 + LATE + 1)
    after = start()
    after.turn()
    after.turn()
    assert after.runs() == []
    row = after.store.schedules()[NAME]
    assert (row.skipped_at, row.skipped_why) == (START + 240_000, "missed")
    assert row.next_at == START + 300_000


def test_catching_up_goes_in_batches(start: Start, clock: Clock, home: Path) -> None:
    define(home, "schedule: {cron: '* * * * *', catchup: all}", "periodic: {interval: 30m, catchup: last}")
    start().turn()
    clock.pass_by(3601)
    after = start()
    found = [(after.turn(), Counter(run.definition for run in after.runs())) for _ in range(4)]
    assert [count for _, count in found] == [{NAME: count, "a.OTHER": 1} for count in (20, 40, 60, 60)]
    assert [pause for pause, _ in found] == [0.0, 0.0, 1.0, 1.0]


def test_a_server_that_slept_has_been_down(start: Start, clock: Clock, home: Path) -> None:
    define(home, "periodic: {interval: 1m}")
    server = start()
    server.turn()
    clock.pass_by(3600 + 30)
    server.turn()
    assert server.runs() == []


def test_overlap_skip_waits_for_the_run_before(start: Start, clock: Clock, home: Path) -> None:
    define(home, "periodic: {interval: 10, overlap: skip}")
    server = start()
    server.turn()
    for _ in range(3):
        clock.pass_by(10)
        server.turn()
    assert ids(server) == ticks(10)
    row = server.store.schedules()[NAME]
    assert (row.skipped_at, row.skipped_why, row.last_at) == (START + 30_000, "overlap", START + 10_000)
    settle(server)
    clock.pass_by(10)
    server.turn()
    assert ids(server) == ticks(10, 40)


def settle(server: Server) -> None:
    with server.store.database.write() as connection:
        connection.execute(tables.runs.update().values(settled=True))


def test_a_run_that_somebody_started_does_not_count_as_overlap(start: Start, clock: Clock, home: Path) -> None:
    define(home, "periodic: {interval: 10, overlap: skip}")
    server = start()
    server.turn()
    clock.pass_by(10)
    server.turn()
    with server.store.database.write() as connection:
        connection.execute(tables.runs.update().values(periodic=False))
    clock.pass_by(10)
    server.turn()
    assert ids(server) == ticks(10, 20)


def test_pause_and_resume(start: Start, clock: Clock) -> None:
    server = start()
    server.turn()
    server.store.pause(NAME, "every 10 s", None, paused=True)
    clock.pass_by(35)
    server.turn()
    assert server.runs() == []
    server.store.pause(NAME, "every 10 s", START + 40_000, paused=False)
    server.turn()
    assert server.runs() == []
    clock.pass_by(5)
    server.turn()
    assert ids(server) == ticks(40)


def test_a_pause_just_before_the_tick_counts(start: Start, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start()
    server.turn()
    clock.pass_by(10)
    rows = server.store.schedules()
    server.store.pause(NAME, "every 10 s", None, paused=True)
    monkeypatch.setattr(server.store, "schedules", lambda: rows)
    server.turn()
    assert server.runs() == []


def test_a_changed_schedule_begins_anew(start: Start, clock: Clock, home: Path) -> None:
    server = start()
    server.turn()
    define(home, "periodic: {interval: 25, catchup: all}")
    server.definitions.reload()
    clock.pass_by(20)
    server.turn()
    assert server.runs() == []
    clock.pass_by(5)
    server.turn()
    assert ids(server) == ticks(25)


def test_a_schedule_that_was_gone_begins_anew_but_not_after_a_mistake(start: Start, clock: Clock, home: Path) -> None:
    good = "periodic: {interval: 10, catchup: all}"
    define(home, good)
    server = start()
    server.turn()
    for bad, missed in (("periodic: {interval: soon}", True), ("queue: q", False)):
        define(home, bad)
        server.definitions.reload()
        clock.pass_by(10)
        server.turn()
        define(home, good)
        server.definitions.reload()
        server.turn()
        assert len(server.runs()) == 1, missed
    assert ids(server) == ticks(10)


def test_the_same_tick_again_finds_its_run(start: Start, clock: Clock) -> None:
    """As after a database that was put back from a copy without its newest schedule rows."""
    server = start()
    server.turn()
    clock.pass_by(10)
    server.turn()
    with server.store.database.write() as connection:
        connection.execute(tables.schedules.update().values(next_at=START + 10_000))
    server.turn()
    assert ids(server) == ticks(10)
