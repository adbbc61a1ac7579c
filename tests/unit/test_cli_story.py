"""The sentences and the tree that are made of a run's events."""

import io
from typing import Any

from rich.console import Console

from tests.fake_server import Events, run, task
from umbel.cli.live import Tree
from umbel.cli.story import Story, depths_of
from umbel.service.models import Event, RunDetail

HTTP_500 = {"type": "HTTPError", "exception": "500 Server Error: INTERNAL SERVER ERROR for url: http://x"}


def told(*events: dict[str, Any], **changes: Any) -> tuple[Story, list[str]]:
    story = Story(RunDetail.model_validate(run(**changes)))
    sentences = [story.apply(Event.model_validate(each)) for each in events]
    return story, [line for sentence in sentences for line in sentence.splitlines()]


def drawn(story: Story, width: int = 100, height: int = 30) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, legacy_windows=False)
    console.print(Tree(story))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_run_that_fails_after_retries() -> None:
    event = Events()
    retry = {**HTTP_500, "countdown": 3, "due": 1795366714000, "max_retries": 3}
    story, sentences = told(
        event("run.launched", released=["TASK_A"]),
        event("task.started", "TASK_A", "running"),
        event("task.succeeded", "TASK_A", "success", released=["TASK_B", "TASK_C"]),
        event("task.started", "TASK_B", "running"),
        event("task.retrying", "TASK_B", "retrying", **retry, retries=1),
        event("task.queued", "TASK_B", "queued", why="due"),
        event("task.started", "TASK_B", "running", attempt=2),
        event("task.failed", "TASK_B", "error", attempt=2, **HTTP_500, blocked=["TASK_D"]),
        event("run.failed", state="error", task="TASK_B"),
    )
    assert sentences == [
        "TASK_A started",
        "TASK_A succeeded in 0.10 s",
        "TASK_B started",
        "TASK_B failed: HTTP 500, attempt 2 of 4 in 3.0 s",
        "TASK_B started, attempt 2",
        "TASK_B failed: HTTP 500, after 2 attempts",
        "TASK_D will not run: it needs TASK_B",
        "run failed after 0.90 s; 1 other task goes on",
    ]
    assert [line.split(maxsplit=3)[:3] for line in drawn(story)[1:]] == [
        ["✓", "TASK_A", "success"],
        ["✗", "TASK_B", "error"],
        ["○", "TASK_C", "queued"],
        ["·", "TASK_D", "upstream"],
    ]


def test_of_how_many_attempts_is_left_out_when_it_is_not_known() -> None:
    event = Events()
    _, sentences = told(event("task.retrying", "TASK_B", "retrying", type="KeyError", exception="'x'", retries=2))
    assert sentences == ["TASK_B failed: KeyError: 'x', attempt 3 in 0.0 s"]


def test_losses_and_late_results() -> None:
    event = Events()
    _, sentences = told(
        event("task.started", "TASK_A", "running"),
        event("task.lost", "TASK_A", "queued", why="the worker is gone", losses=1),
        event("task.started", "TASK_A", "running", attempt=2),
        event("task.fenced", "TASK_A", None, attempt=1, outcome="success"),
    )
    assert sentences == [
        "TASK_A started",
        "TASK_A lost its worker: the worker is gone; queued again",
        "TASK_A started, attempt 2",
        "TASK_A: a late outcome of attempt 1 was refused",
    ]


def test_in_a_canceled_run_what_had_not_ended_is_canceled() -> None:
    event = Events()
    story, sentences = told(
        event("task.succeeded", "TASK_A", "success", released=["TASK_B", "TASK_C"]),
        event("run.canceled", state="canceled", by="api"),
    )
    assert sentences[-1] == "run canceled after 0.20 s"
    assert [row.state for row in story.rows.values()] == ["success", "canceled", "canceled", "canceled"]


def test_what_a_newer_server_says_does_no_harm() -> None:
    event = Events()
    story, sentences = told(
        event("task.paused", "TASK_A", "paused"),
        event("task.started", "TASK_X", "running"),
        event("run.moved", state="moved", released=["TASK_Z"], blocked=4),
    )
    assert sentences == []
    assert {row.state for row in story.rows.values()} == {"waiting"}


def test_a_tree_that_is_too_long_shows_what_matters() -> None:
    event = Events()
    tasks = [task(f"t{index}", index, []) for index in range(100)]
    story, _ = told(
        event("task.started", "t50", "running"),
        event("task.failed", "t99", "error", **HTTP_500),
        tasks=tasks,
    )
    lines = drawn(story, height=20)
    assert "1 of 100 tasks" in lines[0]
    assert [line.split()[1] for line in lines[1:3]] == ["t99", "t50"]
    assert lines[3] == "  … and 98 more"


def test_long_lines_are_cut_not_wrapped() -> None:
    event = Events()
    story, _ = told(event("task.failed", "TASK_A", "error", type="E", exception="long " * 50))
    assert len(drawn(story, width=60)) == 5


def test_depth_is_the_longest_path() -> None:
    needs = {"d": ["c", "a"], "c": ["b"], "b": ["a"], "a": [], "alone": []}
    tasks = RunDetail.model_validate(
        run(tasks=[task(key, index, some) for index, (key, some) in enumerate(needs.items())])
    ).tasks
    assert depths_of(tasks) == {"d": 3, "c": 2, "b": 1, "a": 0, "alone": 0}


def test_a_map_is_told_as_one_task_with_a_count() -> None:
    event = Events()
    items = [f"TASK_A[{n}]" for n in range(3)]
    story, sentences = told(
        event("run.launched", released=["TASK_A"]),
        event("task.started", "TASK_A", "running"),
        event("task.expanded", "TASK_A", "expanded", base=4, count=3, released=items),
        event("task.started", items[0], "running"),
        event("task.succeeded", items[0], "success"),
        event("task.failed", items[1], "error", type="ValueError", exception="boom"),
    )
    assert sentences == ["TASK_A started", "TASK_A has 3 items", "TASK_A[1] failed: ValueError: boom"]
    assert "2 of 3 items, 1 failed" in drawn(story)[1]
    more = [
        event("run.restored", state="pending", epoch=2, reset=["TASK_A", "TASK_B"], maps=["TASK_A"]),
        event("task.started", "TASK_A", "running", attempt=2),
        event("task.expanded", "TASK_A", "expanded", attempt=2, base=4, count=3, released=[items[1]]),
        event("task.succeeded", items[1], "success"),
        event("task.succeeded", items[2], "success"),
        event("task.started", "TASK_A", "running", attempt=3),
    ]
    again = [story.apply(Event.model_validate(each)) for each in more]
    assert [each for each in again if each] == [
        "run begins again, epoch 2: TASK_A, TASK_B run again",
        "TASK_A started, attempt 2",
        "TASK_A goes on with 2 items of 3",
        "TASK_A gathers the results of 3 items",
    ]


def test_decisions_sub_runs_pauses_and_deadlines_are_told() -> None:
    event = Events()
    story, sentences = told(
        event("run.launched", scheduled=["TASK_A"], skipped=["TASK_B"]),
        event("task.asked", "TASK_C", "awaiting_input", due=1795366714000),
        event("task.spawned", "TASK_D", "expanded", run="abc", definition="demo.SUB"),
        event("run.paused", by="ana"),
        event("run.resumed"),
        event("run.failed", state="error", reason="deadline"),
        event("run.stopped", reason="deadline"),
    )
    assert sentences[0].startswith("TASK_C waits for a decision until ")
    assert sentences[0].endswith(f"`umbel approve {story.run.id} TASK_C`, or reject")
    assert sentences[1:4] == [
        "TASK_D started the run abc of demo.SUB",
        "run paused by ana: nothing new begins",
        "run resumed",
    ]
    assert sentences[4].endswith(": it took longer than its deadline")
    assert [row.state for row in story.rows.values()] == ["canceled", "skipped", "canceled", "canceled"]
