"""Every way in which a task can end, on every pool: recorded once, soon, and never stuck. [U-2] [U-3] [U-4] [U-8]

All runs are started when the worker is up; each test then looks at its own. There is no server.
"""

import json
import math
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from celery import Celery

from tests.chaos.lab import Lab, open_lab
from tests.waiting import wait_until
from umbel.engine.wire import Item
from umbel.events import EventRecord
from umbel.plan.model import task_id

pytestmark = pytest.mark.slow

LIMITS = {"UMBEL_MAX_RESULT_BYTES": "20000", "UMBEL_MAX_LOG_BYTES": "2000", "UMBEL_HEARTBEAT": "0.5"}
LATE = {**LIMITS, "UMBEL_GO_STRAIGHT_ON": "false", "LAB_LATE": "1"}

POOLS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "prefork": (("-P", "prefork", "-c", "3"), LIMITS),
    "late": (("-P", "prefork", "-c", "3", "-E", "--max-tasks-per-child", "1"), LATE),  # late acks, a process per task
    "threads": (("-P", "threads", "-c", "3"), LIMITS),
    "gevent": (("-P", "gevent", "-c", "10"), LIMITS),
    "solo": (("-P", "solo"), LIMITS),
}
PROCESSES = {"prefork", "late"}
"""Pools that run a body in a process of its own."""

ERRORS = {
    "letters": ("ValueError", "Zürich, 東京, 🦀", "exception"),
    "surrogate": ("ValueError", "half \\ud800 a letter", "exception"),
    "mute": ("Mute", "<Mute whose text cannot be shown>", "exception"),
    "locked": ("Locked", "locked", "exception"),
    "below": ("Below", "under Exception", "exception"),
    "memory": ("MemoryError", "too much", "exception"),
    "ignore": ("TaskRejected", "The task raised celery's Ignore, which leaves no result.", "rejected"),
    "reject": ("TaskRejected", "The task raised celery's Reject, which leaves no result.", "rejected"),
    "requeue": ("TaskRejected", "The task raised celery's Reject, which leaves no result.", "rejected"),
    "sys_exit": ("SystemExit", "The task called sys.exit(3).", "exit"),
    "interrupt": ("KeyboardInterrupt", "", "exception"),
}
UNFIT = {"object": "TypeError", "big": "ResultTooLarge", "surrogate": "UnicodeEncodeError"}
"""Results that cannot be kept, and the error that says so."""

STARTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "echo": (("ECHO", "ECHO"), {"n": [1, "zwei", None]}),
    "limited": (("ECHO", "LIMITED"), {}),
    **{name.lower(): ((name,), {}) for name in ("RETRY", "RETRY_ARGS", "RETRY_ETA", "RETRY_ODD_ARGS", "CALLS")},
    **{name.lower(): ((name, "ECHO"), {}) for name in ("AUTO", "EXHAUSTED", "EXHAUSTED_OWN", "NO_THROW")},
    **{f"error {name}": (("ERROR", "ECHO"), {"error": name}) for name in [*ERRORS, "long"]},
    **{f"result {name}": (("RESULT", "ECHO"), {"result": name}) for name in [*UNFIT, "letters", "nan"]},
    "types": (("RESULT", "TYPES"), {"result": "types"}),
    **{f"output {who}": (("OUTPUT",), {"who": who}) for who in ("one", "two", "three")},
    **{f"hooks {what}": (("HOOKED",), {"hook": what}) for what in ("succeeds", "retries", "fails", "raises")},
}
PROCESS_STARTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "soft": (("SOFT", "ECHO"), {}),
    "hard": (("HARD", "ECHO"), {}),
    "die exit": (("DIE",), {"die": "exit"}),
    "die kill": (("DIE",), {"die": "kill"}),
}


class Runs(NamedTuple):
    """A lab, and the runs that were started in it."""

    lab: Lab
    pool: str
    ids: dict[str, str]

    def end(self, name: str, timeout: float = 30) -> list[EventRecord]:
        """All events of a run that has ended."""
        assert "worker" in self.lab.stack.pids, "the worker has died"
        self.lab.settled(self.ids[name], timeout)
        return self.lab.events(self.ids[name])

    def result(self, name: str, task: int = 0) -> Any:
        """What a task returned."""
        (event,) = [e for e in self.end(name) if e.type == "task.succeeded" and e.task == task]
        return json.loads(event.value or "")

    def error(self, name: str, *, killed: bool = False) -> tuple[str, str, str]:
        """Type, text and reason of the one error that ended a run.

        A process that is being `killed` may still ask for more time, and be told (task.fenced) that it is late.
        """
        events = self.end(name)
        (event,) = [e for e in events if e.type == "task.failed"]
        odd = {"task.lost", "task.retrying"} if killed else {"task.lost", "task.retrying", "task.fenced"}
        assert Counter(e.type for e in events if e.type in odd) == Counter(
            {"task.retrying": event.attempt - 1} if event.attempt and event.attempt > 1 else {}
        )
        return event.data["type"], event.data["exception"], event.data["reason"]


FEW = {"prefork", "threads"}
"""Pools that `make test` has; `make test-parts` has the others."""


@pytest.fixture(
    scope="module", params=[pytest.param(pool, marks=() if pool in FEW else pytest.mark.long) for pool in POOLS]
)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    arguments, env = POOLS[request.param]
    with open_lab(tmp_path_factory.mktemp(request.param), *arguments, "--loglevel", "INFO", **env) as lab:
        starts = {**STARTS, **PROCESS_STARTS} if request.param in PROCESSES else STARTS
        ids = {name: lab.chain(*tasks, **payload) for name, (tasks, payload) in starts.items()}
        yield Runs(lab, request.param, ids)
        worker = lab.engine.workers()[0]["worker"]
        wait_until(lambda: not lab.engine.held(worker), 30, "end of everything that was started")
        assert "worker" in lab.stack.pids, "the worker has died"


def test_director_arguments(runs: Runs) -> None:
    first, second = runs.result("echo", 0), runs.result("echo", 1)
    run = runs.ids["echo"]
    assert (first["given"], first["run"], first["payload"]) == (None, run, {"n": [1, "zwei", None]})
    assert (second["given"], second["run"], second["payload"]) == (first, run, first["payload"])


def test_several_parents_are_a_list(runs: Runs) -> None:
    run = runs.lab.start()
    assert runs.lab.settled(run) == "run.succeeded"
    (end,) = [e for e in runs.lab.events(run) if e.type == "task.succeeded" and e.task == 3]
    assert [each["task"] for each in json.loads(end.value or "")["given"]] == ["B", "C"]


def test_straight_on_only_where_allowed(runs: Runs) -> None:
    """The same message runs the next task, unless the setting or a time limit forbids it."""
    straight = runs.result("echo", 0)["message"] == runs.result("echo", 1)["message"]
    assert straight == (runs.pool != "late")
    assert runs.result("limited", 0)["message"] != runs.result("limited", 1)["message"]


def test_autoretry(runs: Runs) -> None:
    events = runs.end("auto", 20)
    assert [e.data["countdown"] for e in events if e.type == "task.retrying"] == [1, 2]
    assert {e.data["type"] for e in events if e.type == "task.retrying"} == {"KeyError"}
    assert runs.result("auto") == {"id": task_id(runs.ids["auto"], 0), "retries": 2, "given": None}
    begun = [(each["retries"], each["id"]) for each in runs.lab.said(runs.ids["auto"]) if each["task"] == "AUTO"]
    assert begun == [(retries, task_id(runs.ids["auto"], 0)) for retries in range(3)]


@pytest.mark.parametrize("name", ["retry", "retry_eta"])
def test_retry_pause(runs: Runs, name: str) -> None:
    events = runs.end(name)
    (retrying,) = [e for e in events if e.type == "task.retrying"]
    (queued,) = [e for e in events if e.type == "task.queued"]
    assert 0.1 < retrying.data["countdown"] <= 0.5
    assert queued.at >= retrying.data["due"]
    assert runs.end(name)[-2].type == "run.succeeded"


def test_retry_with_other_arguments(runs: Runs) -> None:
    assert runs.result("retry_args") == {
        "given": "other",
        "extra": {"__type__": "base64", "__value__": "bW9yZQ=="},
    } or (runs.result("retry_args") == {"given": "other", "extra": {"__type__": "bytes", "__value__": "more"}})


def test_retry_with_arguments_that_are_not_json(runs: Runs) -> None:
    kind, _, reason = runs.error("retry_odd_args")
    assert (kind, reason) == ("TypeError", "result")


def test_retries_run_out(runs: Runs) -> None:
    kind, text, _ = runs.error("exhausted")
    assert kind == "MaxRetriesExceededError"
    assert "EXHAUSTED" in text
    assert runs.error("exhausted_own") == ("ValueError", "my own", "exception")


def test_retry_without_raising(runs: Runs) -> None:
    """`self.retry(throw=False)` means another attempt, whatever the body returns after it."""
    assert runs.result("no_throw") == "second"
    assert [e.type for e in runs.end("no_throw") if e.task == 0].count("task.started") == 2


@pytest.mark.parametrize("name", ERRORS)
def test_errors(runs: Runs, name: str) -> None:
    assert runs.error(f"error {name}") == ERRORS[name]
    (failed,) = [e for e in runs.end(f"error {name}") if e.type == "task.failed"]
    assert failed.data["blocked"] == [1]
    if ERRORS[name][2] != "rejected":
        assert "tasks/outcomes.py" in failed.data["traceback"].replace("\\", "/")
        failed.data["traceback"].encode()


def test_a_long_error_is_cut(runs: Runs) -> None:
    kind, text, _ = runs.error("error long")
    (failed,) = [e for e in runs.end("error long") if e.type == "task.failed"]
    assert kind == "ValueError"
    assert len(text) < 20_000
    assert len(failed.data["traceback"]) < 100_000


@pytest.mark.parametrize("name", UNFIT)
def test_results_that_cannot_be_kept(runs: Runs, name: str) -> None:
    kind, _, reason = runs.error(f"result {name}")
    assert (kind, reason) == (UNFIT[name], "result")


def test_results_that_python_knows_and_json_does_not(runs: Runs) -> None:
    assert runs.result("types", 1) == ["datetime", "date", "bytes", "Decimal", "UUID"]
    assert runs.result("result letters", 1)["given"] == "Zürich, 東京, 🦀"
    assert math.isnan(runs.result("result nan", 1)["given"]["loss"])


def test_output_of_each_attempt(runs: Runs) -> None:
    for who in ("one", "two", "three"):
        lines: dict[int | None, list[tuple[str, str]]] = {1: [], 2: []}
        for event in runs.end(f"output {who}"):
            if event.type == "task.log":
                lines[event.attempt] += [(stream, text) for _, stream, text in event.data["lines"]]
        common = [
            ("stderr", f"complained {who}"),
            ("warning", f"logged {who}"),
            ("info", f"task logged {who}"),
        ]
        assert lines[1] == [("stdout", f"printed {who} 0"), *common]
        assert lines[2][:4] == [("stdout", f"printed {who} 1"), *common]
        (last,) = lines[2][4:]
        assert last[1].endswith("zz [output limit reached, the rest is dropped]")
        assert len(last[1]) < 2100


@pytest.mark.parametrize(
    ("what", "hooks"),
    [
        ("succeeds", "prerun before_start __call__ on_success success after_return postrun"),
        ("fails", "prerun before_start __call__ on_failure after_return postrun"),
        ("retries", "prerun before_start __call__ on_retry postrun"),
        ("raises", "prerun before_start __call__ on_success postrun"),
    ],
)
def test_hooks_and_signals(runs: Runs, what: str, hooks: str) -> None:
    """A task class of its own without super(), a Request of its own, and the signals see the true arguments."""
    name, run = f"hooks {what}", runs.ids[f"hooks {what}"]
    events = runs.end(name)
    heard = [each for each in runs.lab.said(run) if each["word"] != "own request"]
    expected = hooks.split()
    if what == "retries":
        expected += ["prerun", "before_start", "__call__", "on_success", "success", "after_return", "postrun"]
    assert [each["word"] for each in heard] == expected
    assert {each["id"] for each in heard if "id" in each} == {task_id(run, 0)}
    assert all(each["args"] == [None] for each in heard)
    assert all(each["kwargs"] == {"payload": {"hook": what}, "workflow_id": run} for each in heard)
    assert runs.lab.said(run, "own request")
    assert events[-2].type == ("run.failed" if what in {"fails", "raises"} else "run.succeeded")


def test_ordinary_celery_tasks_beside(runs: Runs) -> None:
    """A body may call other tasks; these keep Celery's own semantics, result backend included."""
    called = runs.result("calls")
    wait_until(lambda: len(runs.lab.said(runs.ids["calls"], "plain")) == 2, 20, "two plain tasks")
    url = runs.lab.stack.urls.broker  # with an app of its own, since an app keeps its first backend
    answer = Celery(broker=url, backend=url, set_as_current=False).AsyncResult(called)
    assert answer.get(timeout=20) == {"run": runs.ids["calls"]}
    keys = {key.decode() for key in answer.backend.client.scan_iter("celery-task-meta-*")}
    unknown = "celery-task-meta-x"  # Celery's word on the message for NOT_THERE below
    assert keys - {unknown} == {f"celery-task-meta-{called}"}  # nothing of Umbel's own


def test_a_message_five_times(runs: Runs) -> None:
    """Duplicates, an old epoch, an unknown run: claim refuses them all."""
    lab = runs.lab
    run = lab.chain("RETRY", "ECHO")
    plan = next(e.data["plan"] for e in lab.events(run) if e.type == "run.launched")
    lab.dispatcher.publish([Item(run, 0, 1, plan)] * 5 + [Item(run, 0, 0, plan), Item(run, 1, 1, plan)])
    lab.dispatcher.publish([Item("b0000000-0000-4000-8000-000000000000", 0, 1, plan)])
    assert lab.settled(run) == "run.succeeded"
    assert [(e.task, e.attempt) for e in lab.events(run) if e.type == "task.started"] == [(0, 1), (0, 2), (1, 1)]
    assert [each["word"] for each in lab.said(run)] == ["begin"] * 3


def test_messages_that_are_not_ours(runs: Runs) -> None:
    """Garbage, pickle, YAML, a mark that is none, a task nobody knows: the worker stays."""
    lab = runs.lab
    trap = lab.home / "unpickled"
    pickled = b"cos\nsystem\n(S'touch " + os.fsencode(trap) + b"'\ntR."
    good = {"lang": "py", "task": "ECHO", "id": "x", "root_id": "x", "argsrepr": "", "kwargsrepr": "", "origin": "?"}
    body = '[[],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'
    with lab.app.producer_or_acquire() as producer:

        def send(text: Any, content_type: str = "application/json", encoding: str = "utf-8", **headers: Any) -> None:
            producer.publish(
                text, "celery", exchange="", content_type=content_type, content_encoding=encoding, headers=headers
            )

        send(pickled, "application/x-python-serialize", "binary", **good)
        send(f"!!python/object/apply:os.system ['touch {trap}']", "application/x-yaml", **good)
        send("{[", **good)
        send("nothing", "text/plain")
        send("[1, 2]")
        send(body, **{**good, "task": "NOT_THERE", "umbel": {"run": "x", "task": 0, "epoch": 1}})
        for mark in ({}, {"run": 1, "task": "x", "epoch": None}, [1], "x", 7):
            send(body, **good, umbel=mark)
    run = lab.chain("ECHO")
    assert lab.settled(run) == "run.succeeded"
    assert not trap.exists()


def test_output_and_cancel_while_the_body_runs(runs: Runs) -> None:
    """Output arrives before the body ends; a cancel ends the body, and the worker is free for others."""
    lab = runs.lab
    run = lab.chain("HELD", "ECHO")
    log = lab.wait_event(run, "task.log")
    assert [line[1:] for line in log.data["lines"]] == [["stdout", "before the gate"]]
    (begun,) = lab.said(run, "begin")
    lab.engine.cancel(run)
    assert lab.settled(run, timeout=10) == "run.canceled"
    assert [e.data["outcome"] for e in lab.events(run) if e.type == "task.fenced"] == ["error"]
    wait_until(lambda: lab.said(run, "left"), 10, "end of the body")
    if runs.pool in PROCESSES:
        wait_until(lambda: not _alive(begun["pid"]), 10, "end of the process")
    following = lab.chain("ECHO", "ECHO")
    assert lab.settled(following) == "run.succeeded"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def needs_processes(runs: Runs) -> None:
    if runs.pool not in PROCESSES:
        pytest.skip("Celery has this only where each body has a process")


def test_soft_time_limit(runs: Runs) -> None:
    needs_processes(runs)
    assert runs.error("soft") == ("SoftTimeLimitExceeded", "SoftTimeLimitExceeded()", "exception")


def test_hard_time_limit(runs: Runs) -> None:
    needs_processes(runs)
    text = "The task ran longer than its hard time limit of 1 s."
    assert runs.error("hard", killed=True) == ("TimeLimitExceeded", text, "time_limit")


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_process_dies(runs: Runs, how: str) -> None:
    needs_processes(runs)
    events = runs.end(f"die {how}")
    (lost,) = [e for e in events if e.type == "task.lost"]
    assert (lost.attempt, lost.data["losses"], lost.data["requeued"]) == (1, 1, True)
    assert runs.result(f"die {how}") == "lived"
    assert [each["retries"] for each in runs.lab.said(runs.ids[f"die {how}"])] == [0, 0]
