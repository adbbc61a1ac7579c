"""Migrations: from nothing to the newest revision, by anybody, at any time."""

import subprocess
import sys
import uuid

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Connection, Float, Integer, MetaData, inspect

from tests.histories import DIAMOND, diamond, new_run
from tests.postgres import database_url, new_database, postgres
from umbel.errors import HistoryUnavailable
from umbel.machine import RunState
from umbel.store import Store
from umbel.store.database import alembic_config
from umbel.store.tables import metadata

__all__ = ["database_url", "new_database", "postgres"]

UPGRADE = "import sys; from umbel.store import Store; Store(sys.argv[1]).database.upgrade()"


def names(store: Store) -> list[str]:
    """The tables there are."""
    with store.database.read() as connection:
        return inspect(connection).get_table_names()


def test_from_empty_to_what_the_code_works_with(database_url: str) -> None:
    store = Store(database_url)
    with pytest.raises(HistoryUnavailable, match="revision none") as caught:
        store.database.check()
    assert "umbel db upgrade" in caught.value.hint
    store.database.upgrade()
    store.database.check()
    store.database.upgrade()
    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    store.close()


def test_several_processes_may_upgrade_at_once(database_url: str) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, database_url], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 3, said
    store = Store(database_url)
    store.database.check()
    assert store.last_event() == 0
    store.close()


def test_a_failed_migration_leaves_nothing_behind(database_url: str) -> None:
    store = Store(database_url)
    with store.database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE tasks (in_the_way INTEGER)")
    with pytest.raises(HistoryUnavailable, match="tasks"):
        store.database.upgrade()
    assert names(store) == ["tasks"]
    store.close()


def test_the_database_of_another_program_is_left_alone(database_url: str) -> None:
    """celery-director's has tables `tasks` and `users` too, and Alembic's own with a revision of its."""
    store = Store(database_url)
    with store.database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('2ac615d6850b')")
    with pytest.raises(HistoryUnavailable, match=r"2ac615d6850b.*another program") as caught:
        store.database.upgrade()
    assert "UMBEL_DATABASE_URL" in caught.value.hint
    assert names(store) == ["alembic_version"]
    store.close()


def _fill(connection: Connection) -> str:
    """One row in every table there is, as a first version may have left them; the id of the run."""
    run_id = str(uuid.uuid4())
    reflected = MetaData()
    reflected.reflect(connection)
    for table in reflected.sorted_tables:
        if table.name == "alembic_version":
            continue
        if table.name == "counters":
            connection.execute(table.update(), {"value": 1})
            continue
        row = {
            column.name: (False if isinstance(column.type, Boolean) else 1)
            if isinstance(column.type, Boolean | Integer | Float)
            else "x"
            for column in table.columns
            if not column.nullable and (table.name, column.name) != ("logs", "id")
        }
        named = {"run_id": run_id, "plan_hash": DIAMOND.hash, "state": "canceled", "stream_id": "0-0"}
        row.update({name: value for name, value in named.items() if name in row})
        if table.name == "runs":
            row["id"] = run_id
        if table.name == "plans":
            row.update(hash=DIAMOND.hash, body=DIAMOND.to_json())
        if table.name == "tasks":
            row["state"] = "success"
        connection.execute(table.insert(), row)
    return run_id


def test_every_revision_takes_filled_tables_to_the_next(database_url: str) -> None:
    store = Store(database_url)
    config = alembic_config()
    revisions = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    assert len(revisions) >= 5
    with store.database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revisions[0])
        run_id = _fill(connection)
    for revision in revisions[1:]:
        with store.database.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    store.database.check()
    run = store.run(run_id)
    assert run is not None
    assert (run.state, run.stopped, run.epoch) == (RunState.CANCELED, True, 1)
    assert [task.key for task in store.tasks(run_id)] == ["x"]
    fresh = store.accept(new_run()).run.id
    store.apply(0, diamond(fresh), store.position(0), "9-9")
    assert [event.id for event in store.events(fresh)] == list(range(2, 13))
    store.close()
