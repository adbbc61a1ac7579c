"""Migrations: from nothing to the newest revision, by anybody, at any time."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from umbel.errors import HistoryUnavailable
from umbel.store import Store
from umbel.store.tables import metadata

UPGRADE = "import sys; from umbel.store import Store; Store(sys.argv[1]).database.upgrade()"


def test_from_empty_to_what_the_code_works_with(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/umbel.db")
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


def test_several_processes_may_upgrade_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/umbel.db"
    started = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, url], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 3, said
    store = Store(url)
    store.database.check()
    assert store.last_event() == 0
    store.close()


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/umbel.db")
    with store.database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE tasks (in_the_way INTEGER)")
    with pytest.raises(HistoryUnavailable, match="tasks"):
        store.database.upgrade()
    with store.database.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    assert names == ["tasks"]
    store.close()


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """celery-director's has tables `tasks` and `users` too, and Alembic's own with a revision of its."""
    store = Store(f"sqlite:///{tmp_path}/director.db")
    with store.database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('2ac615d6850b')")
    with pytest.raises(HistoryUnavailable, match=r"2ac615d6850b.*another program") as caught:
        store.database.upgrade()
    assert "UMBEL_DATABASE_URL" in caught.value.hint
    with store.database.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    assert names == ["alembic_version"]
    store.close()
