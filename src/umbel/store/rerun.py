"""New epochs of a run: what is to run again is on disk before anything does."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import update

from umbel.errors import RunNotFound, WrongState
from umbel.machine import RunState
from umbel.store import limits, tables
from umbel.store.database import Database
from umbel.store.reads import run_by_id
from umbel.store.rows import Limit, RunRow


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a new epoch runs again: the nodes `reset`; of the `maps` (node, base, size) among them only the items that
    have not succeeded, and those of `again`. `state` is error if a failed task is kept; `paused`: nothing begins.
    `lost`: the epoch before was lost while it was under way, so the hooks that it has called stay called."""

    reset: tuple[int, ...]
    maps: tuple[tuple[int, int, int], ...] = ()
    again: tuple[int, ...] = ()
    state: RunState = RunState.PENDING
    by: str = ""
    paused: bool = False
    lost: bool = False

    def details(self) -> dict[str, Any]:
        """What the event `run.restored` says besides."""
        return asdict(self)

    def to_json(self) -> str:
        """As a column of the run's row keeps it."""
        return json.dumps(self.details())

    @staticmethod
    def from_json(text: str) -> "Rerun":
        """What `to_json` wrote."""
        data = json.loads(text)
        maps = tuple((node, base, size) for node, base, size in data["maps"])
        return Rerun(
            tuple(data["reset"]),
            maps,
            tuple(data["again"]),
            RunState(data["state"]),
            data["by"],
            data["paused"],
            data.get("lost", False),
        )


class Reruns:
    """Writes what new epochs are to do. Raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask_rerun(self, run_id: str, partition: int, epoch: int, rerun: Rerun, at: int, limit: Limit | None) -> RunRow:
        """Begins a new epoch in the history, if the run still is settled in `epoch`. The engine has to hear of it.

        Args:
            partition: the run's.
            at: now, in ms.
            limit: what its definition says; the run may have to wait (`held`).

        Raises:
            RunNotFound: the run is gone.
            WrongState: it has gone on meanwhile.
            LimitReached: others are live, and this one may not wait for them.
        """
        table = tables.runs
        with self._database.write() as connection:
            limits.disturb(connection, partition)  # first: what a projector writes now, it wrote before we read
            run = run_by_id(connection, run_id)
            if run is None:
                raise RunNotFound(f"There is no run {run_id}.")
            if not run.settled or run.epoch != epoch:
                raise WrongState(f"The run {run_id} has gone on meanwhile.", hint="Look at it again.")
            run.epoch, run.rerun, run.state, run.settled = epoch + 1, rerun.to_json(), rerun.state, False
            run.stopped = run.paused = run.evicted = False
            run.updated_at, run.finished_at = at, None
            if rerun.state is not RunState.ERROR:
                run.failed_task = run.error = None
            if limit is not None:
                run.limit_key, run.limit_runs = limit.key, limit.runs
                if limit.on_limit == "cancel_newest":
                    limit = Limit(limit.key, limit.runs, "skip")
                refusal = limits.decide(connection, limit, run)
                if refusal is not None:
                    raise refusal
            values = {name: getattr(run, name) for name in _CHANGED}
            connection.execute(update(table).where(table.c.id == run_id).values(**values, state=run.state.value))
        return run

    def ask_rebuild(self, run: RunRow, rerun: Rerun, at: int) -> RunRow | None:
        """Begins a new epoch of a run that was under way when the state store lost it; None if it has gone on since it
        was read. Raises HistoryUnavailable."""
        table, tries = tables.runs, tables.attempts
        with self._database.write() as connection:
            limits.disturb(connection, run.partition)
            as_read = (table.c.id == run.id, table.c.epoch == run.epoch, table.c.last_seq == run.last_seq)
            change = update(table).where(*as_read, ~table.c.settled, table.c.rerun.is_(None))
            values = {"epoch": run.epoch + 1, "rerun": rerun.to_json(), "updated_at": at}
            if not connection.execute(change.values(values)).rowcount:
                return None
            lost = update(tries).where(tries.c.run_id == run.id, tries.c.outcome == "running")
            why = "The state store lost the run."
            connection.execute(lost.values(outcome="lost", finished_at=at, exception=why))
            return run_by_id(connection, run.id)


_CHANGED = (
    "epoch",
    "rerun",
    "settled",
    "stopped",
    "paused",
    "evicted",
    "held",
    "updated_at",
    "finished_at",
    "failed_task",
    "error",
    "limit_key",
    "limit_runs",
)
