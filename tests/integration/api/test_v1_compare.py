"""`/api/v1`: a run beside another one, what lists say of payloads, and relaunching with another payload."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.test_v1_runs import echo, get, problem, start
from tests.serving import Call, Fail, Served, serving
from umbel.secrets import MARK, new_key
from umbel.service.models import Comparison, RunList

WORKFLOW = """
secret.RUN:
  schema:
    type: object
    properties:
      n: {type: integer}
      deep: {type: array, items: {type: object, properties: {token: {type: string, writeOnly: true, minLength: 6}}}}
  tasks: [A]
"""


def compared(server: Served, run: str, other: str = "last_success") -> Comparison:
    answer = server.http.get(f"/api/v1/runs/{run}/compare/{other}")
    assert answer.status_code == 200, answer.text
    return Comparison.model_validate_json(answer.content)


def ended(server: Served, work: Any = echo, definition: str = "demo.DIAMOND", **more: Any) -> str:
    run = start(server, definition, **more)
    server.work(work)
    server.settled(run.id)
    return run.id


def no_b(call: Call) -> Any:
    return Fail("no B today\nsecond line") if call.node.key == "B" else {"otherwise": call.node.key}


def test_a_failed_run_beside_the_last_success(server: Served) -> None:
    ended(server, payload={"size": 1})
    good = ended(server, payload={"size": 1})
    bad = ended(server, no_b, payload={"size": 2, "a/b": "new"})
    ended(server)  # later: not what the failed one is compared with
    found = compared(server, bad)
    assert (found.run.id, found.other.id) == (bad, good)
    assert found.first_difference == "B"
    assert found.verdict == (
        "B is the first task that ended otherwise: error here (RuntimeError: no B today), success there;"
        " the payload differs at 2 places; the plan is the same."
    )
    assert [(each.pointer, each.kind, each.before, each.after) for each in found.payload] == [
        ("/size", "changed", "1", "2"),
        ("/a~1b", "added", None, '"new"'),
    ]
    assert [each.key for each in found.tasks] == ["A", "B", "C", "D"]
    assert [each.differs for each in found.tasks] == [["result"], ["state"], ["result"], ["state", "attempts"]]
    b = found.tasks[1]
    assert b.run is not None
    assert b.other is not None
    assert (b.run.state, b.other.state, b.run.error, b.other.error) == (
        "error",
        "success",
        "RuntimeError: no B today",
        None,
    )
    assert b.other.duration is not None
    assert b.other.queue_wait is not None
    assert b.other.worker == "w1@host"
    assert [(each.name, each.host, each.attempts, each.other_attempts) for each in found.workers] == [
        ("w1@host", "host", 3, 4)
    ]


def test_a_run_beside_any_other(server: Served) -> None:
    one, diamond = ended(server, definition="demo.ONE"), start(server).id
    found = compared(server, diamond, one)
    assert not found.plan.same
    assert found.plan.hash != found.plan.other_hash
    assert (found.plan.added, found.plan.removed) == (["B", "C", "D"], [])
    assert found.first_difference == "A"
    assert found.verdict.endswith("the other is a run of demo.ONE.")
    assert found.tasks[1].other is None
    same = compared(server, one, one)
    assert (same.first_difference, same.payload, same.plan.same) == (None, [], True)
    assert problem(server.http.get(f"/api/v1/runs/{one}/compare/nobody"), 404).code == "UMB-020"


def test_a_run_before_which_none_succeeded(home: Path, server: Served) -> None:
    first = start(server, "demo.GPU").id
    found = problem(server.http.get(f"/api/v1/runs/{first}/compare/last_success"), 404)
    assert found.detail == "No earlier run of demo.GPU has succeeded."


def test_lists_show_how_payloads_begin(server: Served) -> None:
    ids = [
        start(server, "demo.ONE", comment="briefly", payload=payload).id
        for payload in ({}, {"x": "é\n\u202e"}, {"long": "x" * 5000})
    ]
    page = RunList.model_validate_json(server.http.get("/api/v1/runs?q=briefly").content)
    told = {run.id: run.payload_brief for run in page.items}
    assert [told[each] for each in ids[:2]] == ["{}", '{"x":"é\\n\\u202e"}']
    long = told[ids[2]]
    assert long is not None
    assert (len(long), long[:11], long[-1]) == (120, '{"long":"xx', "…")
    assert server.http.get(f"/api/v1/runs/{ids[1]}").json()["payload_brief"] is None


def test_relaunch_with_another_payload(server: Served) -> None:
    run = start(server, payload={"size": 7}, comment="first")
    path = f"/api/v1/runs/{run.id}/relaunch"
    answer = server.http.post(path, json={"payload": {"size": 8}, "comment": "second"})
    again = get(server, answer.json()["id"])
    assert (again.relaunch_of, again.payload, again.comment) == (run.id, {"size": 8}, "second")
    refused = problem(server.http.post(path, json={"payload": {"size": "big"}}), 422)
    assert refused.code == "UMB-012"


@pytest.fixture(scope="module")
def sealing(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("sealing")
    (home / "workflows.yml").write_text(WORKFLOW)
    folder = tmp_path_factory.mktemp("sealed")
    with serving(home, folder, f"{valkey_url[:-1]}4", secret_key=new_key()) as served:
        yield served


def kept(server: Served, run: str) -> Any:
    row = server.umbel.store.run(run)
    assert row is not None
    return json.loads(row.payload)


def test_secrets_stay_where_they_are(sealing: Served) -> None:
    canaries = ["canary-one", "canary-two", "canary-three"]
    first = start(sealing, "secret.RUN", payload={"n": 1, "deep": [{"token": each} for each in canaries[:2]]})
    path = f"/api/v1/runs/{first.id}/relaunch"
    seen = sealing.http.get(f"/api/v1/runs/{first.id}").json()["payload"]
    assert seen == {"n": 1, "deep": [{"token": "***"}, {"token": "***"}]}
    same = sealing.http.post(path, json={"payload": seen}).json()["id"]
    changed = {"n": 2, "deep": [{"token": each} for each in canaries[1:]]}
    second = sealing.http.post(path, json={"payload": changed}).json()["id"]
    before, after = kept(sealing, first.id), kept(sealing, second)
    assert kept(sealing, same) == before
    assert after["n"] == 2
    assert after["deep"][1]["token"][MARK] != before["deep"][1]["token"][MARK]
    for wrong, status in (
        ({**seen, "n": 2}, 400),  # who changes something might send them elsewhere
        ({"n": 1, "deep": [seen["deep"][0], {"token": canaries[2]}]}, 400),
        ({"n": 1, "deep": [{"token": "***"}] * 3}, 400),
        ({"n": 1, "deep": [{"token": "short"}]}, 422),
        ({"n": 1, "deep": [before["deep"][0]]}, 400),  # only the server may write what is sealed
    ):
        refused = problem(sealing.http.post(path, json={"payload": wrong}), status)
        assert "canary" not in (refused.detail or "")
    answers = [
        sealing.http.get(f"/api/v1/runs/{second}/compare/{first.id}"),
        sealing.http.get("/api/v1/runs"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert not any(word in answer.text for word in (*canaries, MARK, before["deep"][0]["token"][MARK][:20]))
    # Whether two secrets are equal is told to nobody.
    assert [each["pointer"] for each in answers[0].json()["payload"]] == ["/n"]
    assert {run["payload_brief"] for run in answers[1].json()["items"]} == {
        f'{{"n":{n},"deep":[{{"token":"***"}},{{"token":"***"}}]}}' for n in (1, 2)
    }
