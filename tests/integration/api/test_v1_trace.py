"""`GET /api/v1/runs/{id}/trace` where nothing is recorded. (What is recorded: tests/acceptance/test_xray.py.)"""

from tests.integration.api.test_v1_runs import start
from tests.serving import Served


def test_nothing_is_recorded_unless_it_is_asked_for(server: Served) -> None:
    run = start(server, "demo.DIAMOND").id
    answer = server.http.get(f"/api/v1/runs/{run}/trace")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["recording"], found["records"], found["total"], found["engine"]) == ("off", [], 0, "relay")
    assert "UMBEL_XRAY=messages" in found["hint"]


def test_what_cannot_be_answered(server: Served) -> None:
    assert server.http.get("/api/v1/runs/00000000-0000-4000-8000-000000000000/trace").status_code == 404
    run = start(server, "demo.DIAMOND").id
    assert server.http.get(f"/api/v1/runs/{run}/trace?kinds=gossip").status_code == 400
    assert server.http.get(f"/api/v1/runs/{run}/trace?limit=0").status_code == 422
