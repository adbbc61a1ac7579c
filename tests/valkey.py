"""A real Valkey for tests: the embedded binary, in memory only, on a socket of its own."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.waiting import wait_until
from umbel.stack.valkey import binary


def _answers(process: "subprocess.Popen[bytes]", client: "redis.Redis") -> bool:
    if process.poll() is not None:
        raise AssertionError(f"Valkey ended with {process.returncode}")
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextlib.contextmanager
def running_valkey(folder: Path) -> Iterator[str]:
    """Its URL."""
    path = folder / "s"  # a socket's path must be short; it is quicker than TCP, which counts in thousands of calls
    settings = {"port": "0", "unixsocket": str(path), "dir": str(folder), "save": "", "appendonly": "no"}
    process = subprocess.Popen(
        [binary(), *(word for name, value in settings.items() for word in (f"--{name}", value))],
        stdout=subprocess.DEVNULL,
    )
    url = f"unix://{path}?db=0"
    try:
        with redis.Redis.from_url(url) as client:
            wait_until(lambda: _answers(process, client), 20, "answer of Valkey")
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for the session; a test that uses it flushes it first."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def valkey(valkey_url: str) -> Iterator["redis.Redis"]:
    """A client of an empty database."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
        yield client
