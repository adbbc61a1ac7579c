"""The commands against a stand-in for the server: what they ask, what they print, how they exit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.fake_server import RUN_ID, Events, Fake, fake_server, run, stream, task
from umbel.cli.main import app
from umbel.cli.output import console
from umbel.settings import get_settings

RUN = f"/api/v1/runs/{RUN_ID}"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    with fake_server() as fake:
        monkeypatch.setenv("UMBEL_URL", fake.url)
        yield fake


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    get_settings.cache_clear()
    console.cache_clear()
    yield
    get_settings.cache_clear()
    console.cache_clear()


def umbel(*arguments: str, status: int = 0, stdin: str = "") -> str:
    """What the command prints, standard error included."""
    done = CliRunner().invoke(app, arguments, input=stdin)
    assert done.exit_code == status, done.output
    assert "Traceback" not in done.output
    return done.output


def ended(fake: Fake, state: str, *events: dict[str, Any], **changes: Any) -> None:
    fake.on(f"GET {RUN}", run(), run(state=state, **changes))
    fake.on(f"GET {RUN}/events", stream(list(events)))


@pytest.mark.parametrize(
    ("payload", "stdin"), [('{"raw": "hi"}', ""), ("-", '{"raw": "hi"}'), ("@payload.json", "")], ids=["text", "-", "@"]
)
def test_run_prints_the_id(
    fake: Fake, payload: str, stdin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("payload.json").write_text('{"raw": "hi"}')
    fake.on("POST /api/v1/runs", run(), status=201)
    assert umbel("run", "demo.PIPELINE", payload, "--idempotency-key", "k", stdin=stdin) == f"{RUN_ID}\n"
    assert fake.asked[0].body == {"definition": "demo.PIPELINE", "payload": {"raw": "hi"}}
    assert fake.asked[0].headers["Idempotency-Key"] == "k"


@pytest.mark.parametrize("payload", ["{", "[1]", "@nothing.json", "-"])
def test_a_payload_that_is_no_object_is_refused(fake: Fake, payload: str) -> None:
    assert umbel("run", "demo.PIPELINE", payload, status=1).startswith("umbel: ")
    assert fake.asked == []


@pytest.mark.parametrize(("state", "status"), [("success", 0), ("error", 1), ("canceled", 2)])
def test_watching_exits_with_the_runs_state(fake: Fake, state: str, status: int) -> None:
    event = Events()
    kind = {"success": "run.succeeded", "error": "run.failed", "canceled": "run.canceled"}[state]
    ended(fake, state, event("task.started", "TASK_A", "running"), event(kind, state=state), result={"x": 1})
    fake.on("POST /api/v1/runs", run(), status=201)
    told = umbel("run", "demo.PIPELINE", "--watch", status=status)
    assert told.startswith(f"run {RUN_ID} of demo.PIPELINE\n")
    assert "  0.10 s  TASK_A started\n" in told
    assert ('"x": 1' in told) is (state == "success")


def test_relaunch_can_watch_the_new_run(fake: Fake) -> None:
    ended(fake, "success", Events()("run.succeeded", state="success"))
    fake.on("POST /api/v1/runs/old/relaunch", run(), status=201)
    assert RUN_ID in umbel("relaunch", "old", "--watch")
    assert umbel("relaunch", "old") == f"{RUN_ID}\n"


def test_watch_prints_json_lines(fake: Fake) -> None:
    event = Events()
    events = [event("task.started", "TASK_A", "running"), event("run.canceled", state="canceled")]
    ended(fake, "canceled", *events)
    lines = umbel("watch", RUN_ID, "--json", status=2).splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["task.started", "run.canceled"]


def test_list(fake: Fake) -> None:
    failed = run(id="1" * 36, state="error", tasks_done=3, failed_task="TASK_B", error="500 Server Error: X for url")
    fake.on(
        "GET /api/v1/runs?status=error%2Csuccess&limit=2", {"items": [failed, run(comment="hm")], "next_cursor": "c"}
    )
    told = umbel("list", "--status", "error", "--status", "success", "--limit", "2").splitlines()
    assert told[0].split() == ["ID", "DEFINITION", "STATE", "CREATED", "TOOK", "TASKS", "NOTE"]
    assert told[1].split()[:3] == ["1" * 36, "demo.PIPELINE", "error"]
    assert told[1].endswith("3/4    TASK_B: HTTP 500")
    assert told[2].endswith("0/4    hm")
    assert "there are more" in told[3]


def test_list_of_nothing_and_of_a_state_that_is_none(fake: Fake) -> None:
    fake.on("GET /api/v1/runs?limit=20", {"items": []})
    assert umbel("list") == "no runs\n"
    assert "status" in umbel("list", "--status", "broken", status=1)


def test_show(fake: Fake) -> None:
    attempt = {
        "attempt": 1,
        "outcome": "retrying",
        "worker": "w@h",
        "pid": 7,
        "started_at": "2026-11-22T16:58:34Z",
        "finished_at": "2026-11-22T16:58:35Z",
        "error": {"type": "HTTPError", "message": "500 Server Error: X for url"},
        "countdown": 3,
    }
    attempts = [attempt, {**attempt, "attempt": 2, "outcome": "success", "error": None, "countdown": None}]
    tasks = [task("TASK_A", 0, [], state="success", attempts=attempts), task("TASK_D", 1, ["TASK_A"])]
    found = run(state="success", comment="why", result=[1], tasks=tasks, tasks_done=1, tasks_total=2)
    fake.on(f"GET {RUN}", found)
    told = umbel("show", RUN_ID)
    assert told.startswith(f"demo.PIPELINE  {RUN_ID}  success  1.00 s  1 of 2 tasks done\n")
    assert 'payload: {"raw": "hello world"}\n' in told
    assert "TASK_A  success  2" in told
    assert "needs TASK_A" in told
    assert "retrying  after 1.00 s  HTTP 500  next in 3.0 s  w@h pid 7\n" in told
    assert "result: [\n  1\n]" in told
    assert json.loads(umbel("show", RUN_ID, "--json"))["tasks"][0]["attempts"][0]["countdown"] == 3


def test_diagnose(fake: Fake) -> None:
    fake.on(
        f"GET {RUN}/diagnosis",
        {
            "run_id": RUN_ID,
            "state": "error",
            "verdict": "TASK_B failed.",
            "root_cause": {"task": "TASK_B", "type": "KeyError", "message": "'x'", "file_line": "tasks/a.py:3"},
            "chain": ["TASK_D never ran: needs TASK_B"],
            "attempts": [{"task": "TASK_B", "attempt": 1, "outcome": "retrying", "ran": 0.5, "wait": 3, "error": "no"}],
            "waiting": [{"task": "TASK_C", "reason": "runs"}],
            "suggested_actions": [
                {"tool": "relaunch_run", "arguments": {"run_id": RUN_ID}, "why": "again"},
                {"tool": "sing", "arguments": {"song": 1}, "why": "calm"},
            ],
            "left_out": 2,
        },
    )
    assert umbel("diagnose", RUN_ID).splitlines() == [
        "TASK_B failed.",
        "  cause: TASK_B: KeyError: 'x'  at tasks/a.py:3",
        "  TASK_B attempt 1: retrying after 0.50 s: no, then waited 3.00 s",
        "  TASK_D never ran: needs TASK_B",
        "  TASK_C: runs",
        f"  next: umbel relaunch {RUN_ID}  (again)",
        '  next: sing {"song": 1}  (calm)',
        "  … and 2 more",
    ]


def test_logs_of_all_pages(fake: Fake) -> None:
    line = {
        "id": 5,
        "task": "TASK_A",
        "attempt": 2,
        "at": "2026-11-22T16:58:34Z",
        "stream": "stdout",
        "line": "\x1b[1mhi",
    }
    fake.on(f"GET {RUN}/tasks/TASK_A/logs", {"items": [line], "next_after": 5})
    fake.on(f"GET {RUN}/tasks/TASK_A/logs?after=5", {"items": [{**line, "id": 6, "line": "[x]"}], "next_after": None})
    told = umbel("logs", RUN_ID, "--task", "TASK_A").splitlines()
    assert [each.split("  ", 1)[1] for each in told] == ["TASK_A#2  stdout  \ufffd[1mhi", "TASK_A#2  stdout  [x]"]


def test_logs_are_followed_to_the_end(fake: Fake) -> None:
    def line(number: int) -> dict[str, Any]:
        at = "2026-11-22T16:58:34Z"
        return {"id": number, "task": "TASK_A", "attempt": 1, "at": at, "stream": "stdout", "line": f"line {number}"}

    event = Events()
    fake.on(f"GET {RUN}", run(last_event=0))
    fake.on(f"GET {RUN}/events", stream([event("task.log", "TASK_A"), event("run.settled")]))
    fake.on(f"GET {RUN}/logs", {"items": [line(1)]})
    fake.on(f"GET {RUN}/logs?after=1", {"items": [line(2)]})
    fake.on(f"GET {RUN}/logs?after=2", {"items": []})
    lines = umbel("logs", RUN_ID, "--follow", "--json").splitlines()
    assert [json.loads(each)["line"] for each in lines] == ["line 1", "line 2"]


def test_cancel(fake: Fake) -> None:
    fake.on(f"POST {RUN}/cancel", run(state="canceled"))
    assert umbel("cancel", RUN_ID) == f"demo.PIPELINE  {RUN_ID}  canceled  1.00 s  0 of 4 tasks done\n"


def test_definitions(fake: Fake) -> None:
    one = {
        "name": "demo.ONE",
        "description": "Does",
        "tasks": [{"key": "a", "task": "t", "queue": "q"}],
        "schema": {"x": 1},
    }
    bad = {"name": "demo.TWO", "problems": ["it is broken"]}
    fake.on("GET /api/v1/definitions", {"items": [one, bad], "problems": ["workflows.yml:3:1: no"]})
    fake.on("GET /api/v1/definitions/demo.ONE", one)
    told = umbel("definitions")
    assert "demo.ONE  1      Does\n" in told
    assert "cannot be started: it is broken\n" in told
    assert told.endswith("problem: workflows.yml:3:1: no\n")
    assert 'payload must fit: {\n  "x": 1\n}' in umbel("definitions", "demo.ONE")
    assert json.loads(umbel("definitions", "demo.ONE", "--json"))["schema"] == {"x": 1}


def test_an_error_is_a_sentence_and_a_hint(fake: Fake) -> None:
    fake.problem(f"GET {RUN}", 404, "UMB-020", "There is no \x1b[31mrun.", "Look.")
    assert umbel("show", RUN_ID, status=1) == "umbel: There is no \ufffd[31mrun.\nhint: Look.\n"


def test_no_server_is_a_sentence_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBEL_URL", "http://127.0.0.1:1")
    assert "hint: Is a server running" in umbel("list", status=1)


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBEL_PORT", "many")
    assert umbel("list", status=1).startswith("umbel: UMBEL_PORT: ")


def test_a_bug_is_a_sentence_too_and_a_traceback_for_those_who_ask(monkeypatch: pytest.MonkeyPatch, fake: Fake) -> None:
    monkeypatch.setattr("umbel.client.Client.list_runs", lambda *_, **__: 1 / 0)
    assert umbel("list", status=1).startswith("umbel: ZeroDivisionError: division by zero\nhint: UMBEL_DEBUG=1")
    monkeypatch.setenv("UMBEL_DEBUG", "1")
    assert isinstance(CliRunner().invoke(app, ["list"]).exception, ZeroDivisionError)


def test_a_wrong_command_line_exits_with_2() -> None:
    assert "No such option" in umbel("list", "--nonsense", status=2)


def test_the_server_listens_on_this_machine_only() -> None:
    assert "this machine only, not on 0.0.0.0" in umbel("server", "--host", "0.0.0.0", status=1)


def test_the_worker_gets_celerys_options_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[str] = []
    monkeypatch.setattr("umbel.celery.worker.main", lambda argv, settings: got.extend(argv) or 3)
    given = ["-c", "2", "-P", "solo", "-Ofair", "--loglevel=INFO", "-Q", "a,b", "-h", "--without-mingle"]
    umbel("worker", *given, status=3)
    assert got == given


def test_the_database_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBEL_DATABASE_URL", f"sqlite:///{tmp_path / 'history.db'}")
    assert umbel("db", "current", status=1).startswith("schema empty, this version needs ")
    assert "(was empty)" in umbel("db", "upgrade")
    assert "(nothing to do)" in umbel("db", "upgrade")
    umbel("db", "current")
    now = json.loads(umbel("db", "current", "--json"))
    assert now["schema"] == now["needed"]
    assert json.loads(umbel("db", "upgrade", "--json")) == {**now, "was": now["schema"]}


def test_the_schema_of_an_empty_database_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBEL_DATABASE_URL", f"sqlite:///{tmp_path / 'history.db'}")
    assert json.loads(umbel("db", "current", "--json", status=1))["schema"] is None
    assert json.loads(umbel("db", "upgrade", "--json"))["was"] is None


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://me:secret@host/db", "postgresql://me:secret@host:port/db", "sqlite+secretless:///x"],
)
def test_what_is_no_address_of_a_database(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("UMBEL_DATABASE_URL", url)
    told = umbel("db", "current", status=1)
    assert told.startswith("umbel: UMBEL_DATABASE_URL")
    assert "secret@" not in told


@pytest.mark.parametrize("url", ["foo://me:secret@host", "amqp://me:secret@host:port"])
def test_a_server_without_an_address_of_a_broker(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("UMBEL_BROKER_URL", url)
    told = umbel("server", "--port", "0", status=1)
    assert told.startswith("umbel: UMBEL_BROKER_URL: ")
    assert "secret" not in told


def test_the_demo_knows_its_scenarios() -> None:
    assert "happy, flaky, slow, down, partial_fail" in umbel("demo", "--scenario", "funny", status=1)


def test_dev_needs_a_folder(tmp_path: Path) -> None:
    assert "there is no folder" in umbel("dev", str(tmp_path / "nothing"), "--port", "0", status=1)


def test_help_says_what_there_is() -> None:
    told = umbel("--help")
    assert "..." not in told.split("Commands:")[1]
    assert "umbel " in umbel("--version")


def test_retry_says_what_runs_again(fake: Fake) -> None:
    would = [
        {"key": "B", "state": "error", "attempts": 4, "repeats": False},
        {"key": "M", "state": "error", "attempts": 2, "repeats": True, "items": 3, "items_kept": 9997},
    ]
    answer = {**run(state="error"), "preview": True, "would_run": would, "kept": ["A"], "repeats": ["M"]}
    fake.on(f"POST {RUN}/retry?preview=true", answer)
    said = umbel("retry", RUN_ID, "--preview", "--task", "B")
    assert fake.asked[-1].body == {"tasks": ["B"]}
    assert "would run again:" in said
    assert "3 items, 9,997 kept; succeeded before: what it did is done a second time" in said
    assert "keep their results: A" in said


def test_pause_resume_approve_reject(fake: Fake) -> None:
    for word in ("pause", "resume"):
        fake.on(f"POST {RUN}/{word}", run(state="running"))
        assert umbel(word, RUN_ID).startswith(f"demo.PIPELINE  {RUN_ID}  running")
    for word in ("approve", "reject"):
        fake.on(f"POST {RUN}/tasks/ASK/{word}", run(state="running"))
        umbel(word, RUN_ID, "ASK", "--comment", "as agreed")
        assert fake.asked[-1].body == {"comment": "as agreed"}
