"""The main claim of `umbel check-app`, with a real worker and a real kill -9: what it calls lost is lost, what it calls
safe is run again. Celery only; no part of Umbel runs here."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.valkey import valkey, valkey_url
from tests.waiting import wait_until

if TYPE_CHECKING:
    import redis

__all__ = ["valkey", "valkey_url"]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(60)]

APP = """
import os
import redis
from celery import Celery

app = Celery("killed", broker=os.environ["BROKER"])
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)
app.conf.worker_lost_wait = 0.1  # seconds that the main process waits for a last word of a dead child
if os.environ["VISIBILITY"]:
    app.conf.broker_transport_options = {
        "visibility_timeout": int(os.environ["VISIBILITY"]),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }

def tell():
    "Say who runs this, and wait for leave to end."
    with redis.Redis.from_url(os.environ["STORE"], socket_timeout=None) as client:
        client.rpush("began", f"{tell.name} {os.getpid()}")
        client.blpop(["leave"])
        client.rpush("ended", tell.name)

@app.task
def by_default():
    tell.name = "by_default"
    tell()

@app.task(acks_late=True)
def late():
    tell.name = "late"
    tell()

@app.task(acks_late=True, reject_on_worker_lost=True)
def safe():
    tell.name = "safe"
    tell()
"""


class World:
    """A folder with the app, a broker, and what tasks say."""

    def __init__(self, folder: Path, store: "redis.Redis", url: str) -> None:
        (folder / "killed.py").write_text(APP)
        self.folder = folder
        self.store = store
        socket = url.removeprefix("unix://").partition("?")[0]
        self.environment = {
            **os.environ,
            "STORE": url,
            "BROKER": f"redis+socket://{socket}?virtual_host=0",
            "VISIBILITY": "",
        }

    def celery(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "killed", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @contextmanager
    def worker(self, name: str, processes: int = 1) -> "Iterator[subprocess.Popen[bytes]]":
        options = ["-c", str(processes), "-n", name, "--without-gossip", "--without-mingle", "--without-heartbeat"]
        process = self.celery("worker", *options)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def send(self, *names: str) -> None:
        code = "import sys, killed\nfor name in sys.argv[1:]: getattr(killed, name).delay()"
        subprocess.run(
            [sys.executable, "-c", code, *names], cwd=self.folder, env=self.environment, check=True, timeout=30
        )

    def began(self) -> tuple[str, int]:
        """The next task that begins, and the process it is in."""
        name, pid = wait_until(lambda: self.store.lpop("began"), 30, "task that begins").decode().split()
        return name, int(pid)

    def end(self, name: str) -> None:
        """Let the running task end."""
        self.store.rpush("leave", "go")
        assert wait_until(lambda: self.store.lpop("ended"), 30, "task that ends").decode() == name

    def held(self) -> tuple[int, int]:
        """Messages that wait, and messages that are fetched and not acknowledged."""
        return int(self.store.llen("celery")), int(self.store.hlen("unacked"))


@pytest.fixture
def world(tmp_path: Path, valkey: "redis.Redis", valkey_url: str) -> World:
    return World(tmp_path, valkey, valkey_url)


def test_kill_9_of_a_pool_process(world: World) -> None:
    with world.worker("one@here", processes=3):
        world.send("by_default", "late", "safe")
        running = dict(world.began() for _ in range(3))
        assert running.keys() == {"by_default", "late", "safe"}
        wait_until(lambda: world.held() == (0, 2), what="acknowledgement of by_default")
        for pid in running.values():
            os.kill(pid, signal.SIGKILL)
        assert world.began()[0] == "safe"
        world.end("safe")
        wait_until(lambda: world.held() == (0, 0), what="empty broker")
    assert not world.store.llen("began"), "by_default and late are lost: the broker is empty, and they never ended"


def test_kill_9_of_a_whole_worker(world: World) -> None:
    world.environment["VISIBILITY"] = "1"
    with world.worker("one@here", processes=2) as worker:
        world.send("by_default", "safe")
        assert {world.began()[0], world.began()[0]} == {"by_default", "safe"}
        wait_until(lambda: world.held() == (0, 1), what="acknowledgement of by_default")
        worker.kill()
        worker.wait()
    assert world.held() == (0, 1), "the broker knows nothing of by_default any more, and still has safe"
    with world.worker("heir@here"):
        assert world.began()[0] == "safe"
        world.end("safe")
        wait_until(lambda: world.held() == (0, 0), what="empty broker")
    assert not world.store.llen("began")
