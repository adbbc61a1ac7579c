"""The databases of a lesson's scene: emptied if a scene has left them, left alone if they are anybody else's."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import redis

from tests.valkey import running_valkey
from umbel.demo.plain import stage
from umbel.demo.plain.app import JOURNAL
from umbel.demo.plain.stage import OURS


@pytest.fixture
def databases(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[redis.Redis]]:
    """Broker and results of the plain app."""
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        broker, results = (redis.Redis.from_url(url.replace("db=0", f"db={db}")) for db in (5, 6))
        channel = SimpleNamespace(default_channel=SimpleNamespace(client=broker))
        backend = SimpleNamespace(client=results)
        app = SimpleNamespace(connection_for_read=lambda: channel, backend=backend)
        monkeypatch.setattr("umbel.demo.plain.stage.plain.app", app)
        monkeypatch.setenv(JOURNAL, "")
        with broker, results:
            yield [broker, results]


def test_what_a_scene_has_left_is_emptied(databases: list[redis.Redis]) -> None:
    for _ in range(2):
        with stage.stage() as found:
            assert [found.keys(each) for each in databases] == [[], []]
            for each in databases:
                each.set("left", 1)


def test_what_is_anybody_elses_stays(databases: list[redis.Redis]) -> None:
    broker, results = databases
    results.set("theirs", 1)
    with pytest.raises(RuntimeError, match="database 6 of this Redis holds keys"), stage.stage():
        pass
    assert (results.get("theirs"), broker.exists(OURS)) == (b"1", 0)
