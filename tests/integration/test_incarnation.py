"""A state store that was started again is closed until it is compared with the history."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.valkey import valkey, valkey_url  # fixtures
from umbel.engine.engine import Engine
from umbel.engine.incarnation import CONFIRMED
from umbel.engine.keys import prefix
from umbel.errors import StateUnavailable
from umbel.keeper.confirm import Confirm
from umbel.keeper.feed import Feed
from umbel.keeper.project import Projector
from umbel.plan.model import Node, Plan
from umbel.settings import load_settings
from umbel.store import NewRun, Store

__all__ = ["valkey", "valkey_url"]

PLAN = Plan("demo.ONE", (Node(0, "A", "a"),))


@pytest.fixture
def open_engine(valkey: "redis.Redis", valkey_url: str) -> Iterator[Engine]:
    with closing(Engine.open(load_settings(state_url=valkey_url), if_confirmed=False)) as engine:
        yield engine


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{tmp_path}/umbel.db")) as store:
        store.database.prepare()
        yield store


def confirming(engine: Engine, store: Store) -> tuple[Confirm, Projector]:
    projector = Projector(0, engine, store, Feed())
    projector.start()
    return Confirm(store, engine.incarnation, engine.drop, [projector]), projector


def launch(engine: Engine, store: Store, run: str) -> None:
    store.accept(NewRun(run, "demo.ONE", "demo", "ONE", PLAN, "{}", 0, 1))
    engine.launch(run, PLAN, "{}", by="s")


def test_only_a_server_gets_in(valkey: "redis.Redis", valkey_url: str, open_engine: Engine) -> None:
    settings = load_settings(state_url=valkey_url)
    with closing(Engine.open(settings)) as engine:
        engine.ping()  # nobody has confirmed anything
        valkey.set(CONFIRMED, "another Redis")
        engine.ping()  # its connection is older than that
    with closing(Engine.open(settings)) as engine:
        for ask in (engine.ping, lambda: engine.launch("r", PLAN, "{}", by="s")):
            with pytest.raises(StateUnavailable, match="closed until a server has compared it"):
                ask()
        open_engine.incarnation.confirm(open_engine.incarnation.life().present)
        engine.ping()


def test_runs_that_are_behind_are_dropped(valkey: "redis.Redis", open_engine: Engine, store: Store) -> None:
    """[U-5] [U-12] Not those that have come as far, unless they are over, nor those that the history does not know."""
    for run in ("behind", "even", "over"):
        launch(open_engine, store, run)
    open_engine.cancel("over")
    open_engine.launch("unknown", PLAN, "{}", by="s")
    confirm, projector = confirming(open_engine, store)
    try:
        assert confirm.turn()
        assert confirm.dropped == 0
        valkey.hincrby(f"{prefix(0)}run:behind", "seq", -1)
        assert confirm.turn()
        assert confirm.dropped == 0, "this Redis was compared already"
        valkey.set(CONFIRMED, "another Redis")
        assert confirm.turn()
    finally:
        projector.stop()
    assert confirm.dropped == 1
    assert open_engine.knows(["behind", "even", "unknown", "over"]) == [False, True, True, False]
    assert open_engine.drop("even", 1, 1) == "exists"
    assert open_engine.drop("even", 2, 0) == "ok", "what it has of an earlier epoch counts for nothing"
    assert open_engine.incarnation.life().confirmed == open_engine.incarnation.life().present


def test_events_come_after_those_that_were_read(valkey: "redis.Redis", open_engine: Engine) -> None:
    """[U-9] Though the clock of this Redis is behind, and whether the stream is there or not."""
    for run, position in (("a", "99999999999999-3"), ("b", "99999999999999-9")):
        open_engine.incarnation.keep_ahead(0, position)
        open_engine.incarnation.keep_ahead(0, "5-0")
        open_engine.launch(run, PLAN, "{}", by="s")
        assert [event.run for _, event in open_engine.read_events(0, position, 10, 0)] == [run]
