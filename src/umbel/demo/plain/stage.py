"""What a scene is played on: two empty databases, workers, a journal of what the tasks did; and whoever watches."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from umbel.demo.plain import app as plain

Line = dict[str, Any]

OURS = "umbel:scene"
"""The key by which a scene knows a database that may be emptied."""


class Stage:
    """One scene's processes. Made by `stage`, which clears it.

    Raises:
        RuntimeError: a database holds what no scene has left there.
    """

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "journal"
        self._journal.touch()
        os.environ[plain.JOURNAL] = str(self._journal)
        self._folder = folder
        self._workers: list[subprocess.Popen[bytes]] = []
        self._begun = time.monotonic()
        self.broker: Any = plain.app.connection_for_read().default_channel.client
        """A client of the broker's database."""
        self.results: Any = plain.app.backend.client
        """A client of the database with results."""
        self._db = str(self.broker.connection_pool.connection_kwargs["db"])
        for client in (self.broker, self.results):
            if client.dbsize() and not client.exists(OURS):
                db = client.connection_pool.connection_kwargs["db"]
                raise RuntimeError(f"database {db} of this Redis holds keys that are no scene's: it is not emptied")
        for client in (self.broker, self.results):
            client.flushdb()
            client.set(OURS, 1)

    def say(self, who: str, says: str) -> None:
        """Tell whoever watches."""
        print(json.dumps({"who": who, "says": says}), flush=True)

    def worker(self, concurrency: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker; returns when it takes messages."""
        number = len(self._workers) + 1
        log = (self._folder / f"worker{number}.log").open("ab")
        program = [sys.executable, "-P", "-m", "umbel.demo.plain.worker", "-c", str(concurrency)]
        program += ["-n", f"plain{number}@%h", "-l", "WARNING"]
        # The pipe's other end stays open as long as this process lives.
        process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        log.close()
        self._workers.append(process)
        self.until(lambda: self._takes(process), 30, "worker that takes messages")
        return process

    def _takes(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether a worker waits for messages: a connection of its own is in BRPOP. A scene starts one at a time."""
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended with status {process.returncode}")
        waiting = sum(each["cmd"] == "brpop" and each["db"] == self._db for each in self.broker.client_list())
        alive = sum(each.poll() is None for each in self._workers)
        return bool(waiting >= alive)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """`kill -9` of a worker's main process; the kernel ends its pool with it."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def kill_child(self, pid: int) -> None:
        """`kill -9` of one process of a worker's pool."""
        os.kill(pid, signal.SIGKILL)

    def lines(self, what: str, task: str | None = None) -> list[Line]:
        """What the journal has: `begins`, `ends` or `calls`, of all tasks or of one."""
        whole = self._journal.read_text(encoding="utf-8").rpartition("\n")[0]  # the last line may still be written
        found = [json.loads(line) for line in whole.splitlines()]
        return [each for each in found if each["what"] == what and task in (None, each["task"], each["id"])]

    def until(self, there: Callable[[], Any], seconds: float, what: str) -> Any:
        """Wait for something, and return it.

        Raises:
            RuntimeError: it did not come in time.
        """
        found = self.seen(there, seconds)
        if not found:
            raise RuntimeError(f"no {what} within {seconds:g} s")
        return found

    def seen(self, there: Callable[[], Any], seconds: float) -> Any:
        """Wait for something at most so long; what it is, or nothing."""
        deadline = time.monotonic() + seconds
        while not (found := there()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def unchanged(self, value: Callable[[], int], seconds: float = 0.5) -> int:
        """A number, once it has stayed the same for so long."""
        found, since = value(), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.02)
            if (now := value()) != found:
                found, since = now, time.monotonic()
        return found

    def unacked(self) -> int:
        """Messages that were taken and are not acknowledged."""
        return int(self.broker.hlen("unacked"))

    def waiting(self) -> int:
        """Messages in the queue."""
        return int(self.broker.llen("celery"))

    def keys(self, client: Any) -> list[str]:
        """The keys of a database, but for those that Celery and this stage keep for themselves."""
        names = sorted(each.decode() for each in client.scan_iter())
        return [each for each in names if not each.startswith("_kombu") and each != OURS]

    def clear(self) -> None:
        """End every worker at once."""
        for process in self._workers:
            if process.poll() is None:
                self.kill(process)

    def last_words(self) -> Iterable[str]:
        """The last line of each worker's log."""
        for path in sorted(self._folder.glob("*.log")):
            yield from path.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage, cleared at the end whatever happened on it."""
    with tempfile.TemporaryDirectory(prefix="umbel-scene-") as folder:
        found = Stage(Path(folder))
        try:
            yield found
        finally:
            found.clear()
