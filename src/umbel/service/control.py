"""Ending runs before their time."""

from typing import Final

from umbel.errors import RunLost
from umbel.machine import Code, RunState
from umbel.service.reading import is_over, require
from umbel.service.umbel import Umbel
from umbel.store import RunRow

PROJECTED: Final = 3.0
"""Seconds to wait until the history shows a cancel that the engine has acknowledged."""


def cancel(umbel: Umbel, run_id: str, *, by: str = "api") -> RunRow:
    """Cancel a run: what has not finished will not start. A finished run stays as it is.

    When this returns, readers see the run as canceled.

    Raises:
        RunNotFound: there is no such run.
        RunLost: the state store has lost it; there is nothing to cancel.
        StateUnavailable: the state store did not answer; nothing was canceled.
    """
    run = require(umbel, run_id)
    if is_over(run):
        return run
    with umbel.feed.waiter(run.id) as waiter:
        code = umbel.engine.cancel(run.id, info={"by": by}).code
        if code is Code.NO_RUN and not is_over(run := require(umbel, run.id)):
            if run.last_seq > 0:
                # Launched anew it would number its events from 1, which the history has already.
                raise RunLost(f"The state store has lost run {run.id}: it cannot be canceled and will not go on.")
            # Accepted, and not launched yet. Launching it first leaves one order of events for everyone to see.
            umbel.engine.launch(run.id, umbel.plan(run.plan_hash), run.payload, by=umbel.name)
            code = umbel.engine.cancel(run.id, info={"by": by}).code
        run = require(umbel, run.id)
        if not is_over(run):
            waiter.wait(PROJECTED)
            run = require(umbel, run.id)
    if code is Code.OK and not is_over(run):
        run.state = RunState.CANCELED  # acknowledged by the engine; the history is late
    return run
