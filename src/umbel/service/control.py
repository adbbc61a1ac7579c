"""Ending runs before their time, pausing them, and deciding what waits for a person."""

from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from umbel.errors import RunLost, UmbelError, WrongState
from umbel.machine import RUN_TERMINAL, Code, RunState, TaskState
from umbel.service.reading import by_celery, find_task, is_over, require
from umbel.service.restore import restore
from umbel.service.umbel import Umbel, now_ms
from umbel.store import RunRow

PROJECTED: Final = 3.0
"""Seconds to wait until the history shows what the engine has acknowledged."""
_LOOK: Final = 0.5
"""Seconds after which the history is asked without news: another server may be the one that writes it."""


def cancel(umbel: Umbel, run_id: str, *, by: str = "api") -> RunRow:
    """Cancel a run: what has not finished will not start. A finished run stays as it is; one that has failed, and still
    does something, is stopped.

    When this returns, readers see it so.

    Raises:
        RunNotFound: there is no such run.
        StateUnavailable: the state store did not answer; nothing was canceled.
    """
    run = require(umbel, run_id)
    if run.held and umbel.store.end_here(run, now_ms(), by):
        umbel.feed.resync()  # no projector has told of it
        return require(umbel, run.id)
    if is_over(run) and (run.settled or run.stopped):
        return run
    if run.rerun is not None and not run.held:
        restore(umbel.engine, umbel.store, run, umbel.plan)  # else an older epoch would be asked
    code = umbel.engine.cancel(run.id, info={"by": by}).code
    if code is Code.NO_RUN and not is_over(run := require(umbel, run.id)):
        if run.last_seq > 0 and run.rerun is None and umbel.store.end_here(run, now_ms(), by):
            # The state store has lost it; the history is where it can still be ended.
            umbel.feed.resync()
            return require(umbel, run.id)
        # Accepted, and not launched yet. Launching it first leaves one order of events for everyone to see.
        umbel.launch(run)
        code = umbel.engine.cancel(run.id, info={"by": by}).code
    run = once(umbel, run.id, lambda row: row.stopped or (is_over(row) and row.settled))
    if code is Code.OK and run.state not in RUN_TERMINAL:
        run.state = RunState.CANCELED  # acknowledged by the engine; the history is late
    return run


def pause(umbel: Umbel, run_id: str, *, by: str = "api") -> RunRow:
    """Let nothing new of a run begin; what runs goes on to its end.

    Raises:
        RunNotFound: there is no such run.
        WrongState: nothing of it is under way any more, or it has not begun, or Celery's own canvas sends its tasks.
        StateUnavailable: the state store did not answer.
    """
    run = _live(umbel, run_id, "pause")
    if by_celery(run, umbel.plan(run.plan_hash)):
        raise WrongState(
            f"The run {run.id} cannot be paused: Celery's own canvas sends its tasks.",
            hint="Cancel it, or let `engine: relay` run the definition.",
        )
    return _flag(umbel, run_id, True, umbel.engine.pause(run.id, info={"by": by}).code)


def resume(umbel: Umbel, run_id: str, *, by: str = "api") -> RunRow:
    """Let a paused run go on. Raises as `pause`."""
    run = _live(umbel, run_id, "resume")
    if not run.paused:
        raise WrongState(f"The run {run.id} is not paused.")
    code = umbel.engine.resume(run.id, info={"by": by}).code
    run = _flag(umbel, run_id, False, code)
    with suppress(UmbelError):  # the loops send what is left
        umbel.go_on(run.id)
    return run


def decide(umbel: Umbel, run_id: str, key: str, *, approved: bool, comment: str | None, by: str) -> RunRow:
    """Approve or reject a task that waits for a person.

    Raises:
        RunNotFound, TaskNotFound: there is no such task.
        WrongState: it does not wait for anybody.
        StateUnavailable: the state store did not answer; nothing is decided.
    """
    run = require(umbel, run_id)
    index = find_task(umbel, run, key)
    info: dict[str, Any] = {"approved": approved, "by": by, "comment": comment}
    if not approved:
        text = f"Rejected by {by}" + (f": {comment}" if comment else ".")
        info = {**info, "exception": text, "type": "Rejected", "reason": "rejected"}
    answer = umbel.engine.decide(run.id, index, approved=approved, info=info, by=umbel.name)
    if answer.code is not Code.OK:
        rows = umbel.store.tasks(run.id, first=index, below=index + 1)
        state = rows[0].state if rows else TaskState.WAITING
        if answer.code is Code.CANCELED or is_over(run):
            raise WrongState(f"The run {run.id} has ended: {run.state}.", hint=f"`umbel show {run.id}` shows how.")
        raise WrongState(
            f"{key} does not wait for a decision: {state.replace('_', ' ')}.",
            hint="Only a task with `type: approval` can be decided, from when it is asked until somebody decides.",
        )
    umbel.send_released(run, answer.released)

    def decided(row: RunRow) -> bool:
        found = umbel.store.tasks(row.id, first=index, below=index + 1)
        return bool(found) and found[0].state is not TaskState.AWAITING_INPUT

    return once(umbel, run.id, decided)


def once(umbel: Umbel, run_id: str, seen: Callable[[RunRow], bool], seconds: float = PROJECTED) -> RunRow:
    """The run as soon as the history shows what is waited for, or as it is after `seconds`."""
    until = monotonic() + seconds
    with umbel.feed.waiter(run_id, every=True) as waiter:
        while True:
            waiter.again()
            run = require(umbel, run_id)
            left = until - monotonic()
            if left <= 0 or seen(run):
                return run
            waiter.wait(min(left, _LOOK))


def _live(umbel: Umbel, run_id: str, what: str) -> RunRow:
    run = require(umbel, run_id)
    if run.settled or run.stopped or run.state in (RunState.SUCCESS, RunState.CANCELED):
        raise WrongState(f"The run {run.id} has ended ({run.state}); there is nothing to {what}.")
    if run.held:
        raise WrongState(
            f"The run {run.id} waits for others to end; there is nothing to {what} yet.",
            hint=f"`umbel cancel {run.id}` gives it up.",
        )
    return run


def _flag(umbel: Umbel, run_id: str, paused: bool, code: Code) -> RunRow:
    run = require(umbel, run_id)
    if code is Code.FINISHED:
        raise WrongState(f"Nothing of the run {run.id} is under way any more.")
    if code is Code.NO_RUN:
        if run.last_seq > 0 and run.rerun is None:
            raise RunLost(f"The state store has lost run {run.id}.")
        raise WrongState(f"The run {run.id} has not begun yet.", hint="It is launched within seconds; try again then.")
    run = once(umbel, run.id, lambda row: row.paused is paused or row.settled)
    run.paused = paused
    return run
