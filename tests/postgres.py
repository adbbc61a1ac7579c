"""A real PostgreSQL for tests: one server for the session, on a socket in a folder of its own; a schema per test."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.waiting import wait_until

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version, outside of PATH."""

# Nothing here has to survive a power cut; the rest keeps a small server small.
QUICK = ("fsync=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=32MB", "max_connections=200")

SERVERS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
"""For `@pytest.fixture(params=SERVERS)`: the same test on both."""


def program(name: str) -> str | None:
    """One of the server's programs, of the newest version there is."""
    versions = sorted(DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, versions), os.environ.get("PATH", "")]))


def ends_with_the_tests() -> None:
    """For subprocess's preexec_fn: a server does not outlive tests that were killed (Linux only; prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def unprivileged(*names: str) -> dict[str, Any]:
    """For subprocess: servers like this one refuse to be run by root. The first of these users that there is."""
    if os.geteuid():
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = next(known[name] for name in (*names, "nobody") if name in known)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres:
    """A server that runs. `folder` holds its socket, its data and its log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._as_user = unprivileged("postgres")
        if self._as_user:
            os.chown(folder, self._as_user["user"], self._as_user["group"])
        init = [program("initdb"), "-D", str(folder / "data"), "-U", "umbel", "-A", "trust", "-E", "UTF8"]
        said = self._run([*init, "--locale=C", "--no-sync", "--no-instructions"])
        assert said.returncode == 0, said.stderr
        self.start()

    def _run(self, command: list[Any]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, **self._as_user)

    def start(self) -> None:
        """Start it; returns when it answers."""
        settings = [word for setting in QUICK for word in ("-c", setting)]
        command = [program("postgres"), "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses="]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *settings],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                preexec_fn=ends_with_the_tests,
                **self._as_user,
            )
        wait_until(self._answers, 30, "answer of PostgreSQL")

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """At once: sessions are cut off, as by a crash; what was committed is there at the next start."""
        self._process.send_signal(signal.SIGQUIT)  # immediate shutdown, which takes its children along
        self._process.wait(30)

    def execute(self, statement: str) -> None:
        """One statement outside of any test's database."""
        with psycopg.connect(host=str(self.folder), user="umbel", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def database(self) -> str:
        """The URL of a new, empty schema, which is all of a database that a connection sees, and costs no files."""
        name = f"t{uuid.uuid4().hex}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"postgresql://umbel@/postgres?host={self.folder}&options=-csearch_path%3D{name}"


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server of its own; the test is skipped where there is none."""
    if program("postgres") is None or program("initdb") is None:
        pytest.skip("no PostgreSQL server here (on Debian and Ubuntu: apt install postgresql)")
    # Not below pytest's folders: the server's user may not enter them, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="umbel-pg-"))
    server = None
    try:
        server = Postgres(folder)
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the session."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=SERVERS)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes empty databases, of either kind in turn; their URLs."""
    if request.param == "postgres":
        make: Callable[[], str] = request.getfixturevalue("postgres").database
        return make
    return lambda: f"sqlite:///{tmp_path}/{uuid.uuid4().hex}.db"


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """The URL of an empty database, SQLite's and PostgreSQL's in turn."""
    return new_database()
