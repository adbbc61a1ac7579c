"""Plans, kept once each under their content hash."""

from collections.abc import Iterable
from functools import lru_cache
from operator import itemgetter

from sqlalchemy import Connection, select

from umbel.plan.model import Plan
from umbel.store import tables
from umbel.store.sql import upsert


def add_missing(connection: Connection, plans: Iterable[tuple[Plan, int]]) -> None:
    """Inserts the plans that are not there yet; each comes with the time of its first run (ms)."""
    wanted = {plan.hash: (plan, at) for plan, at in plans}
    found = connection.scalars(select(tables.plans.c.hash).where(tables.plans.c.hash.in_(wanted)))
    missing = wanted.keys() - set(found)
    if missing:
        rows = [
            {"hash": key, "definition": plan.definition, "body": plan.to_json(), "created_at": at}
            for key, (plan, at) in sorted(wanted.items(), key=itemgetter(0))  # servers that cross would deadlock
            if key in missing
        ]
        connection.execute(upsert(connection.dialect.name, tables.plans, update=()), rows)


def load(connection: Connection, hashes: Iterable[str]) -> dict[str, Plan]:
    """The plans with these hashes; those that are not there are left out."""
    statement = select(tables.plans.c.body).where(tables.plans.c.hash.in_(set(hashes)))
    return {plan.hash: plan for plan in map(_parse, connection.scalars(statement))}


@lru_cache(maxsize=256)
def _parse(body: str) -> Plan:
    return Plan.from_json(body)
