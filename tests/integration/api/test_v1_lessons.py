"""Lessons over HTTP, on a server that is not there to be learnt from: read, but not run."""

from tests.serving import Served


def test_lessons_can_be_read_everywhere(server: Served) -> None:
    found = server.http.get("/api/v1/lessons").json()
    assert found["runnable"] is False
    assert "umbel demo" in found["hint"]
    assert found["items"][3]["slug"] == "04-chord"
    lesson = server.http.get("/api/v1/lessons/4").json()
    assert lesson["slug"] == "04-chord"
    assert lesson["next"] == "05-chord-in-chain"
    assert lesson["predict"]["right"] in [each["name"] for each in lesson["predict"]["options"]]
    assert [(each["name"], each["question"]) for each in lesson["steps"]] == [
        ("canvas", None),
        ("relay", None),
        ("larger", "larger"),
    ]
    assert "${" not in lesson["happened"]
    assert "(#claim:counted)" in lesson["happened"]


def test_a_lesson_in_chinese_is_there_or_is_english(server: Served) -> None:
    lesson = server.http.get("/api/v1/lessons/4?lang=zh").json()
    assert lesson["language"] == "zh"
    assert lesson["title"]
    assert server.http.get("/api/v1/lessons/4?lang=tlh").status_code == 422


def test_nothing_is_run_and_what_is_not_there_is_said(server: Served) -> None:
    refused = server.http.post("/api/v1/lessons/4/steps/canvas", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "UMB-045")
    assert "umbel demo" in refused.json()["hint"]
    missing = server.http.get("/api/v1/lessons/40")
    assert (missing.status_code, missing.json()["code"]) == (404, "UMB-059")
    step = server.http.post("/api/v1/lessons/4/steps/nothing", json={})
    assert step.status_code == 404
    assert "canvas, relay, larger" in step.json()["hint"]
    forgotten = server.http.get("/api/v1/lessons/1/steps/prefetch/runs/00000000-0000-4000-8000-000000000000")
    assert forgotten.status_code == 404


def test_a_check_without_runs_says_what_is_missing(server: Served) -> None:
    check = server.http.post("/api/v1/lessons/4/check", json={"answers": {"key": "x"}}).json()
    assert check["passed"] is False
    assert [each["why"] for each in check["verdicts"]] == ["Its step has not been run yet."] * 2
    assert {each["holds"] for each in check["claims"]} == {None}
