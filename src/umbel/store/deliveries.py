"""What webhooks are told: written in the transaction that ends a run, sent afterwards (an outbox).

So a delivery is there if and only if the history has the end, whatever crashes; its id depends on nothing but run and
epoch, so that whoever writes it again writes nothing.
"""

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, insert, or_, select, update

from umbel.definition import Webhook
from umbel.machine import RunState
from umbel.store import plans, tables
from umbel.store.database import Database
from umbel.store.leases import Lease, holds
from umbel.store.listing import read_cursor
from umbel.store.rows import DeliveryAttempt, DeliveryRow, End
from umbel.store.sql import upsert
from umbel.store.values import clean

EVENTS: Final = {RunState.SUCCESS: "success", RunState.ERROR: "failure", RunState.CANCELED: "cancel"}
"""What `events` of a webhook calls each end."""
TYPES: Final = {RunState.SUCCESS: "run.succeeded", RunState.ERROR: "run.failed", RunState.CANCELED: "run.canceled"}
WINDOW: Final = 200
"""Due deliveries that are looked at to choose from."""

_table: Final = tables.deliveries
_log: Final = tables.delivery_attempts
_ROW: Final = tuple(name for name in DeliveryRow.__slots__ if name != "log")


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One attempt to be made. `body` is JSON; `number` counts the attempts of the present series, from 1."""

    id: str
    run_id: str
    url: str
    body: str
    headers: Mapping[str, str]
    attempt: int
    number: int
    until_at: int


class Deliveries:
    """The outbox and its log. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim_deliveries(
        self, lease: Lease, now: int, hold: int, series: int, limit: int, per_url: int, besides: Collection[str] = ()
    ) -> list[DueDelivery]:
        """Begins attempts at what is due; nothing without the lease.

        Args:
            now: ms.
            hold: ms after which an attempt whose end nobody noted is followed by another.
            series: ms after its first attempt in which a delivery is tried.
            limit: most attempts.
            per_url: most attempts to one URL.
            besides: not to these URLs.
        """
        due = select(_table).where(_table.c.due_at <= now)
        if besides:
            due = due.where(_table.c.url.not_in(besides))
        due = due.order_by(_table.c.due_at, _table.c.created_at, _table.c.id).limit(WINDOW)
        with self._database.read() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            if not holds(connection, lease):
                return []
            chosen = _choose(connection.execute(due).mappings(), limit, per_url)
            headers = _headers(connection, {row["run_id"] for row in chosen})
            claimed: list[DueDelivery] = []
            for row in chosen:
                attempt, until = row["attempts"] + 1, row["until_at"] or now + series
                change = update(_table).where(_table.c.id == row["id"])
                connection.execute(change.values(attempts=attempt, due_at=now + hold, until_at=until))
                begun = {"delivery_id": row["id"], "attempt": attempt, "run_id": row["run_id"], "at": now, "answer": ""}
                connection.execute(insert(_log).values(begun))
                about = headers.get(row["run_id"], {})
                number = attempt - row["earlier"]
                claimed.append(
                    DueDelivery(row["id"], row["run_id"], row["url"], row["body"], about, attempt, number, until)
                )
        return claimed

    def end_attempt(self, id: str, done: DeliveryAttempt, status: str, at: int, due_at: int | None) -> None:
        """Notes how an attempt went.

        Args:
            id: the delivery.
            done: the attempt.
            status: what the delivery is after it: pending, delivered or failed.
            at: now, in ms.
            due_at: when the next attempt is made, in ms, if one is.
        """
        with self._database.write() as connection:
            noted = update(_log).where(_log.c.delivery_id == id, _log.c.attempt == done.attempt)
            values = {"status": done.status, "took": done.took, "error": clean(done.error)}
            connection.execute(noted.values(**values, answer=clean(done.answer)))
            # What has arrived has arrived; any other end counts only if no later attempt has begun.
            same = [_table.c.id == id, _table.c.status == "pending"]
            if status != "delivered":
                same.append(_table.c.attempts == done.attempt)
            finished = None if status == "pending" else at
            connection.execute(update(_table).where(*same).values(status=status, due_at=due_at, finished_at=finished))

    def redeliver(self, run_id: str, id: str, at: int) -> DeliveryRow | None:
        """Lets a new series of attempts begin at once; None if the run has no such delivery."""
        mine = (_table.c.id == id, _table.c.run_id == run_id)
        with self._database.write() as connection:
            anew = {"status": "pending", "due_at": at, "until_at": None, "finished_at": None}
            connection.execute(update(_table).where(*mine).values(**anew, earlier=_table.c.attempts))
            found = _rows(connection, select(*(_table.c[name] for name in _ROW)).where(*mine))
        return found[0] if found else None

    def deliveries_of(self, run_id: str) -> list[DeliveryRow]:
        """What was to be told of the ends of a run, the newest first."""
        newest = (_table.c.epoch.desc(), _table.c.id)
        asked = select(*(_table.c[name] for name in _ROW)).where(_table.c.run_id == run_id).order_by(*newest)
        with self._database.read() as connection:
            return _rows(connection, asked)

    def deliveries(
        self, status: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[DeliveryRow], str | None]:
        """A page of all deliveries, the newest first, and the cursor of the next one.

        Raises:
            BadRequest: the cursor is none that an earlier page gave.
        """
        wanted: list[ColumnElement[bool]] = [] if status is None else [_table.c.status == status]
        if cursor is not None:
            at, id = read_cursor(cursor)
            wanted.append(or_(_table.c.created_at < at, and_(_table.c.created_at == at, _table.c.id < id)))
        asked = select(*(_table.c[name] for name in _ROW)).where(*wanted)
        asked = asked.order_by(_table.c.created_at.desc(), _table.c.id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            found = _rows(connection, asked)
        last = found[limit - 1] if len(found) > limit else None
        return found[:limit], f"{last.created_at}.{last.id}" if last else None


def note(connection: Connection, ends: Sequence[End], webhooks: Mapping[str, Webhook] | None = None) -> None:
    """Writes what is to be told of the ends of runs, in the transaction that writes these.

    Args:
        ends: whose runs have their rows, and those their plans.
        webhooks: by run, if they are known; the plans say it otherwise.
    """
    if webhooks is None:
        webhooks = _webhooks(connection, {end.run for end in ends})
    told = [end for end in ends if (hook := webhooks.get(end.run)) and EVENTS[end.state] in hook.events]
    if not told:
        return
    runs = tables.runs
    names = ("id", "definition", "created_at", "started_at")
    asked = select(*(runs.c[name] for name in names)).where(runs.c.id.in_({end.run for end in told}))
    about = {row.id: row for row in connection.execute(asked)}
    rows = [_row(end, about[end.run], webhooks[end.run].url) for end in told]
    connection.execute(upsert(connection.dialect.name, _table, update=()), rows)


def delivery_id(run_id: str, epoch: int) -> str:
    """The id of the only message that tells of this end."""
    return str(uuid.UUID(bytes=hashlib.sha256(f"webhook {run_id} {epoch}".encode()).digest()[:16], version=4))


def _row(end: End, run: Any, url: str) -> dict[str, Any]:
    """No payload, result or error text: what a run is about stays where one has to be let in."""
    body = {
        "type": TYPES[end.state],
        "timestamp": _utc(end.at),
        "data": {
            "run_id": end.run,
            "definition": run.definition,
            "state": end.state.value,
            "epoch": end.epoch,
            "created_at": _utc(run.created_at),
            "started_at": _utc(run.started_at),
            "finished_at": _utc(end.at),
            "failed_task": end.failed_task,
        },
    }
    return {
        "id": delivery_id(end.run, end.epoch),
        "run_id": end.run,
        "epoch": end.epoch,
        "event": EVENTS[end.state],
        "url": url,
        "body": json.dumps(body),
        "status": "pending",
        "created_at": end.at,
        "due_at": 0,  # at once: the end's time is by the state store's clock, which may be ahead of the servers'
        "until_at": None,
        "finished_at": None,
        "attempts": 0,
        "earlier": 0,
    }


def _utc(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _webhooks(connection: Connection, ids: Collection[str]) -> dict[str, Webhook]:
    runs = tables.runs
    found = connection.execute(select(runs.c.id, runs.c.plan_hash).where(runs.c.id.in_(ids))).all()
    known = plans.load(connection, {row.plan_hash for row in found})
    return {
        row.id: hook for row in found if row.plan_hash in known and (hook := known[row.plan_hash].webhook) is not None
    }


def _headers(connection: Connection, ids: Collection[str]) -> dict[str, Mapping[str, str]]:
    return {run: hook.headers for run, hook in _webhooks(connection, ids).items()} if ids else {}


def _choose(due: Iterable[Any], limit: int, per_url: int) -> list[Any]:
    """The first that are due, but not more than `per_url` of each URL: a slow receiver must not keep the others."""
    chosen: list[Any] = []
    uses: dict[str, int] = {}
    for row in due:
        uses[row["url"]] = uses.get(row["url"], 0) + 1
        if uses[row["url"]] <= per_url and len(chosen) < limit:
            chosen.append(row)
    return chosen


def _rows(connection: Connection, asked: Select[Any]) -> list[DeliveryRow]:
    found = {row.id: DeliveryRow(*row) for row in connection.execute(asked)}
    names = ("attempt", "at", "status", "took", "error", "answer")
    log = select(_log.c.delivery_id, *(_log.c[name] for name in names)).where(_log.c.delivery_id.in_(found))
    for row in connection.execute(log.order_by(_log.c.delivery_id, _log.c.attempt)) if found else ():
        found[row.delivery_id].log.append(DeliveryAttempt(*row[1:]))
    return list(found.values())
