"""Events to rows, without a database."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from tests.histories import DIAMOND, NOW, Script, diamond, troubled
from umbel.events import EventRecord, decode
from umbel.machine import EventType, RunState, TaskState
from umbel.store.fold import Changes, Known, Shape, fold
from umbel.store.rows import RunHead

RUN = "7f0d9a6e-0000-4000-8000-000000000001"
SHAPES = {DIAMOND.hash: Shape(tuple(node.key for node in DIAMOND.nodes), DIAMOND.tasks)}


def fresh(*runs: str) -> Known:
    heads = {
        run: RunHead(run, DIAMOND.hash, RunState.PENDING, False, None, None, NOW, 0, 0, None, None, 0, 4)
        for run in runs
    }
    return Known(heads, SHAPES)


def test_a_diamond_that_goes_well() -> None:
    known = fresh(RUN)
    changes = fold(known, diamond(RUN))
    run = known.runs[RUN]
    assert (run.state, run.settled, run.tasks_done, run.retries) == (RunState.SUCCESS, True, 4, 0)
    assert (run.started_at, run.finished_at, run.last_seq) == (NOW + 2000, NOW + 10_000, 11)
    assert [known.tasks[RUN, i].state for i in range(4)] == [TaskState.SUCCESS] * 4
    assert known.tasks[RUN, 3].result == '{"task": 3}'
    assert known.tasks[RUN, 3].key == "D"
    assert [a.outcome for a in changes.attempts.values()] == ["success"] * 4
    assert len(changes.events) == 11


def test_trouble_is_kept_attempt_by_attempt() -> None:
    known = fresh(RUN)
    changes = fold(known, troubled(RUN))
    run = known.runs[RUN]
    assert (run.state, run.settled, run.failed_task, run.error) == (RunState.ERROR, True, "B", "boom")
    assert (run.tasks_done, run.retries) == (3, 1)
    states = [known.tasks[RUN, i].state for i in range(4)]
    assert states == [TaskState.SUCCESS, TaskState.ERROR, TaskState.SUCCESS, TaskState.UPSTREAM_FAILED]
    assert [known.attempts[RUN, 0, 1, n].outcome for n in (1, 2, 3)] == ["lost", "retrying", "success"]
    retried = known.attempts[RUN, 0, 1, 2]
    assert (retried.countdown, retried.due_at, retried.error_type) == (2.0, NOW, "HTTPError")
    late, taken = known.attempts[RUN, 2, 1, 1], known.attempts[RUN, 2, 1, 2]
    assert (late.outcome, late.late_outcome, late.worker) == ("lost", "success", "celery@host")
    assert (taken.outcome, taken.late_outcome, taken.worker) == ("success", None, "celery@other")
    assert [line[4:] for line in changes.logs] == [("stdout", "one"), ("stderr", "two")]
    told = {event.type: event.data for event in changes.events}
    assert told["task.log"] == {"count": 2}
    assert "traceback" not in told["task.failed"]


def test_a_task_poisoned_by_losses_fails_while_its_attempt_stays_lost() -> None:
    known = fresh(RUN)
    script = Script(RUN).add("run.launched", released=[0]).start(0)
    script.add("task.lost", 0, 1, why="died", requeued=False)
    script.add("task.failed", 0, 1, exception="lost 3 times", type="TaskPoisoned", reason="lost", blocked=[1, 2, 3])
    fold(known, script.events)
    assert known.tasks[RUN, 0].state is TaskState.ERROR
    assert known.attempts[RUN, 0, 1, 1].outcome == "lost"


def test_what_cannot_be_used_is_put_aside_and_changes_nothing() -> None:
    known = fresh(RUN)
    bad = [
        decode({b"r": RUN.encode(), b"n": b"x"}),
        EventRecord(RUN, 1, "task.exploded", NOW),
        EventRecord("unknown", 1, "run.launched", NOW, data={"released": [0]}),
        EventRecord(RUN, 1, "run.launched", NOW, data={"released": [9]}),
        EventRecord(RUN, 1, "run.launched", NOW, data={"released": 5}),
        EventRecord(RUN, 1, "run.launched", NOW, data={"released": ["0"]}),
        EventRecord(RUN, 1, "task.started", NOW),
        EventRecord(RUN, 1, "task.started", NOW, 4, 1),
        EventRecord(RUN, 2**70, "run.settled", NOW),
    ]
    before = deepcopy(known)
    changes = fold(known, bad)
    assert len(changes.quarantined) == len(bad)
    assert known == before
    assert (changes.events, changes.runs, changes.tasks) == ([], {}, {})


def test_duplicates_change_nothing() -> None:
    once, twice = fresh(RUN), fresh(RUN)
    events = troubled(RUN)
    fold(once, events)
    changes = fold(twice, [event for event in events for _ in range(2)])
    assert once == twice
    assert changes.duplicates == len(events)
    assert len(changes.events) == len(events)


def merged(known: Known, batches: list[list[EventRecord]]) -> tuple[Known, Changes]:
    """Folds batch by batch, carrying only what would have been written, as SQL does."""
    total = Changes()
    for batch in batches:
        state = deepcopy(known)
        changes = fold(state, batch)
        known.runs.update(changes.runs)
        for place in changes.dropped:
            known.tasks.pop(place, None)
        known.tasks.update(changes.tasks)
        known.attempts.update(changes.attempts)
        total.children.update(changes.children)
        total.events += changes.events
        total.logs += changes.logs
    return known, total


indices = st.integers(0, 9)
pairs = st.tuples(indices, st.integers(0, 9)).map(list)
details = st.fixed_dictionaries(
    {"base": st.integers(3, 8), "count": st.integers(0, 4)},
    optional={
        "released": st.lists(indices, max_size=3),
        "blocked": st.lists(indices, max_size=3),
        "scheduled": st.lists(pairs, max_size=2),
        "skipped": st.lists(indices, max_size=2),
        "reset": st.lists(st.integers(0, 3), max_size=4),
        "again": st.lists(indices, max_size=2),
        "maps": st.lists(st.tuples(st.integers(0, 3), st.integers(4, 8), st.integers(1, 4)).map(list), max_size=2),
        "state": st.sampled_from(["pending", "error"]),
        "run": st.text(max_size=4),
        "task": indices,
        "attempt": st.integers(1, 3),
        "epoch": st.integers(1, 2),
        "exception": st.text(max_size=5),
        "requeued": st.booleans(),
        "reason": st.sampled_from(["lost", "exception"]),
        "countdown": st.floats(0, 10),
        "lines": st.lists(st.tuples(st.integers(0, 9), st.just("stdout"), st.text(max_size=3)).map(list), max_size=2),
        "outcome": st.just("success"),
    },
)
kinds = [*EventType, *[EventType.TASK_EXPANDED] * 4, *[EventType.RUN_RESTORED] * 2]
steps = st.lists(st.tuples(st.sampled_from(kinds), indices, st.integers(1, 3), details), max_size=25)


@given(steps, st.lists(st.integers(1, 6), min_size=1, max_size=30), st.integers(0, 3))
def test_any_split_into_batches_gives_the_same_rows(
    drawn: list[tuple[EventType, int, int, dict[str, object]]], sizes: list[int], replayed: int
) -> None:
    """Even for nonsense: no order of events, however odd, may depend on how the stream was cut."""
    events = [
        EventRecord(RUN, number, kind, NOW + number, task, attempt, data, "1")
        for number, (kind, task, attempt, data) in enumerate(drawn, 1)
    ]
    batches: list[list[EventRecord]] = []
    at = 0
    while at < len(events):
        size = sizes[len(batches) % len(sizes)]
        batches.append(events[max(0, at - replayed) : at + size])  # each batch repeats the end of the one before
        at += size
    whole, split = merged(fresh(RUN), [events]), merged(fresh(RUN), batches)
    assert whole == split


def test_a_finished_task_that_runs_again_counts_as_open_until_it_ends_again() -> None:
    known = fresh(RUN)
    script = Script(RUN).add("run.launched", released=[0]).start(0).add("task.succeeded", 0, 1, "1")
    fold(known, script.events)
    assert known.runs[RUN].tasks_done == 1
    script.add("task.queued", 0, why="again").start(0, 2, epoch=2)
    fold(known, script.events[3:])
    assert known.runs[RUN].tasks_done == 0
    assert known.tasks[RUN, 0].finished_at is None
    script.add("task.succeeded", 0, 2, "2")
    fold(known, script.events[5:])
    assert known.runs[RUN].tasks_done == 1
    assert sorted(known.attempts) == [(RUN, 0, 1, 1), (RUN, 0, 2, 2)]
