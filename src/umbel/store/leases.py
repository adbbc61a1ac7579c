"""Leases: which of several servers does what only one may do."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, case, or_, select, text, update

from umbel.store import tables
from umbel.store.database import Database
from umbel.store.sql import upsert

_leases = tables.leases


@dataclass(frozen=True, slots=True)
class Lease:
    """The proof that `owner` held the lease `name`. `epoch` is raised whenever another owner takes it: what is written
    together with `holds` is refused to whoever has lost it without knowing."""

    name: str
    owner: str
    epoch: int


class Leases:
    """Lends leases. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def clock(self) -> int:
        """The present in ms UTC by the database's clock, which all servers share (a SQLite file is on one machine)."""
        if self._database.sqlite:
            return time.time_ns() // 1_000_000
        with self._database.read() as connection:
            return int(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000")) or 0)

    def take_lease(self, name: str, owner: str, now: int, ttl: int) -> Lease | None:
        """Takes or renews the lease for `ttl` ms from `now`; None while somebody else has it."""
        with self._database.read() as connection:
            row = connection.execute(select(_leases).where(_leases.c.name == name)).one_or_none()
        if row is not None and row.owner not in (None, owner) and row.expires_at > now:
            return None
        free = or_(_leases.c.owner == owner, _leases.c.owner.is_(None), _leases.c.expires_at <= now)
        epoch = case((_leases.c.owner == owner, _leases.c.epoch), else_=_leases.c.epoch + 1)
        take = update(_leases).where(_leases.c.name == name, free)
        with self._database.write() as connection:
            if row is None:
                insert = upsert(connection.dialect.name, _leases, update=())
                connection.execute(insert.values(name=name, owner=None, epoch=0, expires_at=0))
            if not connection.execute(take.values(owner=owner, epoch=epoch, expires_at=now + ttl)).rowcount:
                return None
            taken: int = connection.execute(select(_leases.c.epoch).where(_leases.c.name == name)).scalar_one()
        return Lease(name, owner, taken)

    def give_back(self, lease: Lease) -> None:
        """Lets the next one take the lease at once."""
        mine = (_leases.c.name == lease.name, _leases.c.epoch == lease.epoch, _leases.c.owner == lease.owner)
        with self._database.write() as connection:
            connection.execute(update(_leases).where(*mine).values(owner=None))


def holds(connection: Connection, lease: Lease) -> bool:
    """Whether the lease is still that of its owner, and stays so until this transaction ends."""
    mine = (_leases.c.name == lease.name, _leases.c.epoch == lease.epoch)
    # SQLite has one writer at a time; PostgreSQL keeps the row as it is for us.
    return connection.scalar(select(_leases.c.epoch).where(*mine).with_for_update(read=True)) is not None
