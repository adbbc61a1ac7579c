"""Accepting runs: on disk before anybody hears of them [U-1]; many callers, few transactions."""

import threading
from collections import deque
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, insert, select, tuple_
from sqlalchemy.exc import IntegrityError

from umbel.errors import HistoryUnavailable, IdempotencyConflict, UmbelError
from umbel.machine import RunState
from umbel.store import limits, plans, tables
from umbel.store.database import Database
from umbel.store.reads import run_by_id
from umbel.store.rows import Accepted, NewRun, RunRow

Answer = Accepted | Exception

MAX_BATCH: Final = 200
"""Runs in one transaction: enough to share the flush, few enough to keep the others' wait short."""


@dataclass(slots=True, eq=False)
class _Waiting:
    new: NewRun
    woken: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None


class Acceptance:
    """Inserts runs durably, in group commits.

    The first caller that finds nobody at work becomes the leader: it takes the writer's turn, then writes its own run
    and all that have queued up meanwhile in one transaction. So one caller alone pays one commit and no hand-over
    between threads, and many share the disk's flush.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._led = False

    def accept(self, new: NewRun) -> Accepted:
        """Writes the run (and its plan, if new). When this returns, the run is on disk.

        Raises:
            HistoryUnavailable: the database does not answer. (The run may have been written all the same; the keeper
                launches it then.)
            IdempotencyConflict: the idempotency key came before with another request.
            LimitReached: as many runs as its limit allows are live, and one more is refused; nothing is written.
        """
        mine = _Waiting(new)
        with self._guard:
            self._queue.append(mine)
            lead = not self._led
            self._led = True
        if not lead:
            mine.woken.wait()
        if mine.answer is None:  # the first to come, or woken to lead; either way it is the queue's head now
            self._lead()
        if isinstance(mine.answer, Exception):
            raise mine.answer
        assert mine.answer is not None
        return mine.answer

    def _lead(self) -> None:
        """Commits what is waiting, this caller's own run first, then hands on."""
        batch: list[_Waiting] = []
        try:
            answers = self._commit(batch)
        except BaseException as error:
            if not batch:
                self._take(batch)
            # Even an interrupted leader (KeyboardInterrupt) must not leave its followers waiting.
            failure = error if isinstance(error, Exception) else HistoryUnavailable("The writer was interrupted.")
            answers = [copy(failure) for _ in batch]
            if not isinstance(error, Exception):
                raise
        finally:
            for one, answer in zip(batch, answers, strict=True):
                one.answer = answer
                one.woken.set()
            with self._guard:
                if self._queue:
                    self._queue[0].woken.set()
                else:
                    self._led = False

    def _commit(self, batch: list[_Waiting]) -> Sequence[Answer]:
        try:
            with self._database.write() as connection:
                self._take(batch)
                return insert_runs(connection, [one.new for one in batch])
        except UmbelError:
            raise
        except Exception:
            # One of them cannot be written (an id used twice; text that no database takes; an idempotency key
            # that is new twice at once) and must not take the others with it: one by one.
            return [self._alone(one.new) for one in batch]

    def _take(self, batch: list[_Waiting]) -> None:
        # Only now, with the writer's turn in hand, so that all who came while we waited for it ride along.
        with self._guard:
            while self._queue and len(batch) < MAX_BATCH:
                batch.append(self._queue.popleft())

    def _alone(self, new: NewRun, again: bool = True) -> Answer:
        try:
            with self._database.write() as connection:
                return insert_runs(connection, [new])[0]
        except IntegrityError as error:
            # Another server may have used the idempotency key since we looked; then its run is there now.
            return self._alone(new, again=False) if again and new.idempotency else error
        except Exception as error:
            return error


def insert_runs(connection: Connection, batch: Sequence[NewRun]) -> list[Answer]:
    """Writes runs in a transaction that is open; one answer for each, in order."""
    used = _used_keys(connection, batch)
    limits.lock(connection, {new.limit.key for new in batch if new.limit is not None})
    answers: list[Answer] = []
    fresh: list[tuple[NewRun, RunRow]] = []
    keys: list[dict[str, Any]] = []
    for new in batch:
        key = new.idempotency
        if key is not None:
            earlier = used.get((key.scope, key.key))
            if earlier is not None:
                request_hash, run_id = earlier
                answers.append(
                    _earlier(connection, run_id)
                    if request_hash == key.request_hash
                    else IdempotencyConflict(f"The idempotency key {key.key!r} was used for another request.")
                )
                continue
        row = _row(new)
        if new.limit is not None:
            # What is not written yet has other limits, or none: those with this one were written before.
            refusal = limits.decide(connection, new.limit, row)
            if refusal is not None:
                answers.append(refusal)
                continue
            _insert(connection, [(new, row)])
            if row.state is RunState.CANCELED:
                limits.tell_canceled(connection, row, "limit")
        else:
            fresh.append((new, row))
        if key is not None:
            keys.append(
                {
                    "scope": key.scope,
                    "key": key.key,
                    "request_hash": key.request_hash,
                    "run_id": new.id,
                    "created_at": new.created_at,
                }
            )
        answers.append(Accepted(row, True))
    if fresh:
        _insert(connection, fresh)
    if keys:
        # In one order, or two servers with the same keys would wait for each other.
        connection.execute(insert(tables.idempotency), sorted(keys, key=itemgetter("scope", "key")))
    return answers


def _insert(connection: Connection, fresh: Sequence[tuple[NewRun, RunRow]]) -> None:
    wanted = ((plan, new.created_at) for new, _ in fresh for plan in (*new.plan.subplans, new.plan))
    plans.add_missing(connection, wanted)
    connection.execute(insert(tables.runs), [_values(row) for _, row in fresh])


def _used_keys(connection: Connection, batch: Sequence[NewRun]) -> dict[tuple[str, str], tuple[str, str]]:
    table = tables.idempotency
    wanted = [(new.idempotency.scope, new.idempotency.key) for new in batch if new.idempotency]
    if not wanted:
        return {}
    statement = select(table).where(tuple_(table.c.scope, table.c.key).in_(wanted))
    return {(row.scope, row.key): (row.request_hash, row.run_id) for row in connection.execute(statement)}


def _earlier(connection: Connection, run_id: str) -> Answer:
    row = run_by_id(connection, run_id)
    if row is None:
        return IdempotencyConflict("The run that was started with this idempotency key is no longer in the history.")
    return Accepted(row, False)


def _values(row: RunRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in RunRow.__slots__}
    return {**values, "state": row.state.value}


def _row(new: NewRun) -> RunRow:
    return RunRow(
        id=new.id,
        definition=new.definition,
        project=new.project,
        name=new.name,
        state=RunState.PENDING,
        settled=False,
        payload=new.payload,
        comment=new.comment,
        plan_hash=new.plan.hash,
        partition=new.partition,
        created_at=new.created_at,
        started_at=None,
        finished_at=None,
        updated_at=new.created_at,
        periodic=new.periodic,
        relaunch_of=new.relaunch_of,
        tasks_total=new.plan.tasks,
        tasks_done=0,
        retries=0,
        failed_task=None,
        error=None,
        last_seq=0,
        limit_key=new.limit.key if new.limit else None,
        limit_runs=new.limit.runs if new.limit else None,
        traceparent=new.traceparent,
    )
