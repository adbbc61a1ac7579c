"""`GET /api/v1/health`: the installation as the server sees it; and runs that do not go on."""

import pytest
import redis

from tests.serving import Served
from umbel.client import Client
from umbel.errors import BrokerUnavailable, StateUnavailable
from umbel.service import health
from umbel.service.doctor import history
from umbel.service.models import Health


def test_the_server_says_what_is_wrong(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEPT", -1.0)
    with Client(str(server.http.base_url)) as client:
        found = client.get_health()
    assert isinstance(found, Health)
    assert {"broker", "state store", "database", "workers", "runs"} <= set(found.checked)
    ids = {each.id for each in found.findings}
    assert "broker-unavailable" in ids, "in these tests there is none"
    assert "server-cannot-publish" not in ids
    assert not found.ok

    def refuse(items: object) -> None:
        raise BrokerUnavailable("refused")

    monkeypatch.setattr(server.umbel.publish, "_publish", refuse)
    with pytest.raises(BrokerUnavailable):
        server.umbel.publish([])
    worst = server.http.get("/api/v1/health").json()["findings"][0]
    assert worst["id"] == "server-cannot-publish"
    assert "refused" in worst["what"]
    server.umbel.publish.trouble = None


def test_runs_that_do_not_go_on(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def ids() -> dict[str, str]:
        return {each.id: each.what for each in history.check_runs(server.umbel.settings).findings}

    run = server.http.post("/api/v1/runs", json={"definition": "demo.ONE"}).json()["id"]
    server.projected(run, "run.launched")
    assert not ids()
    server.umbel.store.pause("demo.ONE", "never", None, paused=True)
    assert "demo.ONE" in ids()["schedule-paused"]
    server.umbel.store.pause("demo.ONE", "never", None, paused=False)
    monkeypatch.setattr(history, "LATE", -1000)
    monkeypatch.setattr(history, "SILENT", -1000)
    assert "runs-silent" in ids()
    assert "runs-lost" not in ids()

    def away(*_: object, **__: object) -> None:
        raise StateUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(server.engine, "launch", away)
        late = server.http.post("/api/v1/runs", json={"definition": "demo.ONE"}).json()["id"]
        assert late in ids()["runs-not-launched"]
    with redis.Redis.from_url(server.umbel.settings.state_url) as client:
        client.delete(f"umbel:{{0}}:run:{run}")
        assert "runs-lost" in ids()
    for each in (run, late):
        server.http.post(f"/api/v1/runs/{each}/cancel")
