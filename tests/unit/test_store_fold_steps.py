"""Events of maps, sub-runs, approvals, pauses and new epochs to rows, without a database."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.histories import NOW, Script
from umbel.events import EventRecord
from umbel.machine import RunState, TaskState
from umbel.plan.model import Node, Plan
from umbel.store.fold import Changes, Known, Shape, fold
from umbel.store.rows import MapRow, RunHead, maps_of

RUN = "7f0d9a6e-0000-4000-8000-000000000001"
CHILD = "7f0d9a6e-0000-4000-8000-000000000002"
PLAN = Plan(
    "demo.STEPS",
    (
        Node(0, "list", "LIST"),
        Node(1, "score", "SCORE", (0,), map="${tasks.list.result}"),
        Node(2, "ask", "umbel.step", (1,), approval=True),
        Node(3, "HOOK", "HOOK", hook="failure"),
    ),
    deadline=60,
)
BASE = 4
SHAPES = {PLAN.hash: Shape(tuple(node.key for node in PLAN.nodes), PLAN.tasks, PLAN.deadline)}


def fresh() -> Known:
    head = RunHead(RUN, PLAN.hash, RunState.PENDING, False, None, None, NOW, 0, 0, None, None, 0, PLAN.tasks)
    return Known({RUN: head}, SHAPES)


def mapped(*ends: str) -> Script:
    """The list is made, and the map expanded into as many items as `ends`, which end so."""
    script = Script(RUN).add("run.launched", released=[0]).start(0).add("task.succeeded", 0, 1, "[]", released=[1])
    items = [BASE + n for n in range(len(ends))]
    script.start(1).add("task.expanded", 1, 1, base=BASE, count=len(ends), released=items)
    for item, end in zip(items, ends, strict=True):
        script.start(item).add(f"task.{end}", item, 1, '"one"' if end == "succeeded" else None, exception="boom")
    return script


def failed() -> Script:
    """Of three items the second fails, and with it the map and the run."""
    script = mapped("succeeded", "failed", "succeeded").add("run.failed", task=BASE + 1, released=[3])
    script.start(3).add("task.succeeded", 3, 1, "null").start(1, 2)
    return script.add("task.failed", 1, 2, exception="1 of 3 failed", blocked=[2]).add("run.settled")


def states(known: Known) -> dict[str, str]:
    return {row.key: row.state.value for row in sorted(known.tasks.values(), key=lambda row: row.idx)}


def test_the_items_of_a_map_are_tasks_of_the_run() -> None:
    known = fresh()
    fold(known, mapped("succeeded", "failed", "skipped").events)
    run = known.runs[RUN]
    assert (run.tasks_total, run.tasks_done, maps_of(run.maps)) == (6, 4, (MapRow(1, BASE, 3, 1),))
    assert states(known) == {
        "list": "success",
        "score": "expanded",
        "score[0]": "success",
        "score[1]": "error",
        "score[2]": "skipped",
    }
    assert known.attempts[RUN, 1, 1, 1].outcome == "expanded"


def test_a_failed_item_names_the_run_and_a_deadline_is_told() -> None:
    known = fresh()
    fold(known, failed().events)
    run = known.runs[RUN]
    assert (run.state, run.failed_task, run.error, run.settled) == (RunState.ERROR, "score[1]", "boom", True)
    assert run.deadline_at == NOW + 61_000
    known = fresh()
    script = Script(RUN).add("run.launched", released=[0]).start(0).add("run.failed", reason="deadline")
    fold(known, script.add("run.stopped", reason="deadline").events)
    run = known.runs[RUN]
    assert (run.state, run.stopped, run.failed_task) == (RunState.ERROR, True, None)
    assert "60 s" in (run.error or "")
    assert "acks_late" not in (run.error or "")


def test_a_deadline_of_a_celery_canvas_says_what_celery_does_not_do() -> None:
    shape = replace(SHAPES[PLAN.hash], native=True)
    known = replace(fresh(), shapes={PLAN.hash: shape})
    fold(known, Script(RUN).add("run.launched").start(0).add("run.failed", reason="deadline").events)
    assert "unless the task has acks_late" in (known.runs[RUN].error or "")


def test_a_new_epoch_keeps_the_items_that_succeeded() -> None:
    known = fresh()
    script = failed()
    told = {"epoch": 2, "reset": [1, 2], "maps": [[1, BASE, 3]], "again": [], "state": "pending"}
    script.add("run.restored", **told)
    fold(known, script.events)
    run = known.runs[RUN]
    assert (run.state, run.epoch, run.settled, run.stopped, run.finished_at) == (
        RunState.PENDING,
        2,
        False,
        False,
        None,
    )
    assert (run.failed_task, run.error, run.tasks_done, run.tasks_total) == (None, None, 3, 6)
    assert states(known) == {
        "list": "success",
        "score": "waiting",
        "ask": "waiting",
        "score[0]": "success",
        "score[2]": "success",
    }
    assert (known.tasks[RUN, 1].attempts, known.tasks[RUN, 1].exception) == (2, None)
    at = len(script.events)
    script.start(1, 3, epoch=2).add("task.expanded", 1, 3, base=BASE, count=3, released=[BASE + 1])
    script.start(BASE + 1, 2, epoch=2).add("task.succeeded", BASE + 1, 2, "1", released=[1])
    fold(known, script.events[at:])
    assert (known.runs[RUN].tasks_done, known.runs[RUN].tasks_total) == (4, 6)
    assert sorted(place[2:] for place in known.attempts if place[1] == BASE + 1) == [(1, 1), (2, 2)]


def test_a_list_of_another_length_begins_anew() -> None:
    known = fresh()
    script = failed().add("run.restored", epoch=2, reset=[1, 2], maps=[[1, BASE, 3]], again=[])
    script.start(1, 3, epoch=2).add("task.expanded", 1, 3, base=7, count=2, released=[7, 8])
    fold(known, script.events)
    assert states(known) == {"list": "success", "score": "expanded", "ask": "waiting", "score[0]": "queued"} | {
        "score[1]": "queued"
    }
    assert (known.runs[RUN].tasks_done, known.runs[RUN].tasks_total) == (1, 5)
    assert [entry.live for entry in maps_of(known.runs[RUN].maps)] == [0, 1]


def test_an_epoch_that_runs_all_again_forgets_the_items() -> None:
    known = fresh()
    script = failed().add("run.restored", epoch=2, reset=[0, 1, 2], maps=[])
    changes = fold(known, script.events)
    assert states(known) == {"list": "waiting", "score": "waiting", "ask": "waiting"}
    assert (known.runs[RUN].tasks_done, known.runs[RUN].tasks_total) == (0, 3)
    assert changes.dropped == {(RUN, index) for index in (3, 4, 5, 6)}


def test_what_waits_for_a_person_or_a_moment() -> None:
    known = fresh()
    script = Script(RUN).add("run.launched", scheduled=[[0, NOW + 9]]).add("task.queued", 0, why="due").start(0)
    script.add("task.succeeded", 0, 1, "[]", skipped=[1], released=[2])
    script.start(2).add("task.asked", 2, 1, due=NOW + 99).add("run.paused")
    fold(known, script.events[:1])
    assert (known.tasks[RUN, 0].state, known.tasks[RUN, 0].due_at) == (TaskState.SCHEDULED, NOW + 9)
    fold(known, script.events[1:])
    assert states(known) == {"list": "success", "score": "skipped", "ask": "awaiting_input"}
    assert (known.tasks[RUN, 1].result, known.tasks[RUN, 2].due_at) == ("null", NOW + 99)
    assert (known.runs[RUN].paused, known.attempts[RUN, 2, 1, 1].outcome) == (True, "asked")
    at = len(script.events)
    script.add("run.resumed").add("task.succeeded", 2, 1, '{"approved": true}').add("run.succeeded").add("run.settled")
    fold(known, script.events[at:])
    assert (known.runs[RUN].paused, known.tasks[RUN, 2].due_at, known.runs[RUN].tasks_done) == (False, None, 3)
    assert known.attempts[RUN, 2, 1, 1].outcome == "success"


def test_a_run_that_a_task_has_started_becomes_known_by_its_first_event() -> None:
    known = fresh()
    script = Script(RUN).add("run.launched", released=[0]).start(0)
    script.add("task.spawned", 0, 1, run=CHILD, definition="demo.SUB")
    about: dict[str, Any] = {"plan": PLAN.hash, "definition": "demo.SUB", "parent": {"run": RUN, "task": 0}}
    child = EventRecord(CHILD, 1, "run.launched", NOW + 5, None, None, {**about, "released": [0]}, '{"x": 1}')
    changes = fold(known, [*script.events, child])
    made = changes.children[CHILD]
    assert (made.definition, made.payload, made.parent_run, made.parent_task) == ("demo.SUB", '{"x": 1}', RUN, "list")
    assert (known.runs[CHILD].last_seq, known.tasks[CHILD, 0].state) == (1, TaskState.QUEUED)
    assert (known.tasks[RUN, 0].child, known.tasks[RUN, 0].state) == (CHILD, TaskState.EXPANDED)
    for odd in ({"parent": {"run": RUN}}, {"parent": {"run": "x", "task": 0}}, {"plan": "x"}, {"definition": ""}):
        bad = EventRecord(CHILD[:-1] + "9", 1, "run.launched", NOW, None, None, {**about, **odd}, "{}")
        assert [why for _, why in fold(known, [bad]).quarantined] == ["unknown run"]


def test_any_split_gives_the_same_rows() -> None:
    script = failed().add("run.restored", epoch=2, reset=[1, 2], maps=[[1, BASE, 3]], again=[BASE])
    script.start(1, 3, epoch=2).add("task.expanded", 1, 3, base=7, count=2, released=[7, 8]).add("run.stopped")
    whole = fresh()
    fold(whole, script.events)
    for size in (1, 2, 3, 7):
        known = fresh()
        for at in range(0, len(script.events), size):
            state = deepcopy(known)
            changes: Changes = fold(state, script.events[at : at + size])
            for place in changes.dropped:
                known.tasks.pop(place, None)
            known.runs.update(changes.runs)
            known.tasks.update(changes.tasks)
            known.attempts.update(changes.attempts)
        assert known == whole


def test_a_hook_that_was_called_when_the_run_was_lost_stays_called() -> None:
    known = fresh()
    script = mapped("failed").add("run.failed", task=BASE, released=[3]).start(3)
    script.add("run.restored", epoch=2, reset=[1, 2], maps=[], again=[], state="error", lost=True)
    fold(known, script.events)
    run = known.runs[RUN]
    assert (states(known)["HOOK"], known.tasks[RUN, 3].attempts) == ("waiting", 1)
    assert (run.state, run.failed_task, run.finished_at) == (RunState.ERROR, "score[0]", script.events[-3].at)
    at = len(script.events)
    fold(known, script.add("run.advanced", released=[3]).events[at:])
    assert states(known)["HOOK"] == "queued"
    known = fresh()
    script = Script(RUN).add("run.launched").add("run.succeeded", released=[3]).start(3)
    end = script.add("task.succeeded", 3, 1, "1").events[1].at
    fold(known, script.add("run.restored", epoch=2, reset=[], maps=[], again=[], state="success", lost=True).events)
    assert (known.runs[RUN].state, known.runs[RUN].finished_at) == (RunState.SUCCESS, end)
    assert states(known) == {"HOOK": "success"}


def test_a_retry_that_keeps_a_failed_task_ends_when_it_settles() -> None:
    known = fresh()
    script = failed().add("run.restored", epoch=2, reset=[2], maps=[], again=[], state="error")
    fold(known, script.events)
    run = known.runs[RUN]
    assert (run.state, run.failed_task, run.finished_at) == (RunState.ERROR, "score[1]", None)
    at = len(script.events)
    fold(known, script.add("run.settled").events[at:])
    assert run.finished_at == script.events[-1].at


def test_a_run_that_settles_is_not_paused_any_more() -> None:
    known = fresh()
    fold(known, failed().events[:-1])
    at = len(failed().events) - 1
    tail = Script(RUN)
    tail.events += failed().events[:-1]
    tail.add("run.paused").add("run.settled")
    fold(known, tail.events[at:])
    assert (known.runs[RUN].settled, known.runs[RUN].paused) == (True, False)


def test_a_task_whose_run_failed_names_the_cause() -> None:
    known = fresh()
    known.runs[CHILD] = replace(known.runs[RUN], id=CHILD, failed_task="score[1]", error="boom")
    script = Script(RUN).add("run.launched", released=[0]).start(0).add("task.spawned", 0, 1, run=CHILD)
    told = {"exception": f"The run {CHILD} that it started ended as error.", "type": "RunFailed", "reason": "run"}
    fold(known, script.add("task.failed", 0, 1, **told, run=CHILD).add("run.failed", task=0).events)
    assert known.runs[RUN].error == f"{told['exception']} score[1]: boom"
    assert known.tasks[RUN, 0].exception == known.runs[RUN].error
