"""Two versions side by side: `python -m tests.chaos.mixed --old REVISION`.

Runs are under way while the server is replaced by the newer version, then the worker, as in a rolling upgrade; and once
the other way round, the workers first. Every run must end well, and each body run once. Both versions use the installed
dependencies; REVISION is anything that git knows.
"""

import argparse
import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.chaos.lab import PROJECT
from tests.waiting import wait_until
from umbel.stack.options import StackOptions
from umbel.stack.ports import free_ports
from umbel.stack.run import run_stack

ROOT = Path(__file__).parents[2]
RUNS = 20
"""Runs started in each state of the site; half of them are held in a body while it changes."""


def sources(revision: str, folder: Path) -> Path:
    """The product as it was then."""
    packed = subprocess.run(["git", "archive", revision, "src"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


class Site:
    """A Valkey, and a server and a worker of either version."""

    def __init__(self, home: Path, urls: dict[str, str]) -> None:
        (self.port,) = free_ports(1)
        self.home = home
        self._env = {**os.environ, **urls, "UMBEL_HOME": str(PROJECT), "LAB_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self.runs: list[str] = []
        (home / "ledger").touch()

    def put(self, part: str, version: Path) -> None:
        """Replace a part, the old one ending as at a deployment: SIGTERM, and it finishes what it does."""
        self.stop(part)
        arguments = {"server": ["--port", str(self.port)], "worker": ["-c", "8", "--loglevel", "WARNING"]}[part]
        with (self.home / f"{part}.log").open("ab") as log:
            self._parts[part] = subprocess.Popen(
                [sys.executable, "-P", "-m", "umbel", part, *arguments],
                env={**self._env, "PYTHONPATH": str(version)},
                stdout=log,
                stderr=log,
            )
        wait_until(self._ready if part == "server" else self._works, 60, f"the {part}")

    def stop(self, part: str) -> None:
        """SIGTERM; what is still held then is killed, since nobody lets it go."""
        process = self._parts.pop(part, None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(3 if part == "worker" else 20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ready(self) -> bool:
        assert self._parts["server"].poll() is None, (self.home / "server.log").read_text()[-2000:]
        try:
            return self.http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _works(self) -> bool:
        assert self._parts["worker"].poll() is None, (self.home / "worker.log").read_text()[-2000:]
        if "server" not in self._parts:
            return True
        return any(each["alive"] for each in self.http.get("/api/v1/workers").json()["items"])

    def start(self) -> list[str]:
        """Some runs that go through, some that are held in B, some whose A is waiting for its retry."""
        held = []
        for number in range(RUNS):
            payload = {"hold": ["B"]} if number % 2 else {"do": {"A": {"retry": 2}}}
            answer = self.http.post("/api/v1/runs", json={"definition": "lab.DIAMOND", "payload": payload})
            answer.raise_for_status()
            self.runs.append(answer.json()["id"])
            if number % 2:
                held.append(self.runs[-1])
        wait_until(lambda: self.bodies("start")[held[0], "B"], 60, "a body that is held")
        return held

    def let_go(self, held: list[str]) -> None:
        for run in held:
            (self.home / f"{run}.B.go").touch()

    def bodies(self, wanted: str) -> "Counter[tuple[str, str]]":
        lines = map(str.split, (self.home / "ledger").read_text().splitlines())
        return Counter((run, task) for word, task, run, *_ in lines if word == wanted)

    def ends(self) -> None:
        """Every run, and each of its bodies."""
        for run in self.runs:
            answer = self.http.get(f"/api/v1/runs/{run}/wait", params={"timeout": 50}).json()
            assert answer["state"] == "success", f"run {run}: {answer['state']}, {answer.get('error')}"
            assert [task["state"] for task in answer["tasks"]] == ["success"] * 4
        once = {(run, task): 1 for run in self.runs for task in "ABCD"}
        assert self.bodies("end") >= Counter(once), "a body that did not end"

    def close(self) -> None:
        for part in ("worker", "server"):
            self.stop(part)
        self.http.close()


@contextmanager
def site(home: Path) -> Iterator[Site]:
    home.mkdir()
    options = StackOptions(project=PROJECT, data=home / "data", port=0, start=frozenset())
    with run_stack(options, lambda line: None) as stack:
        one = Site(
            home,
            {
                "UMBEL_BROKER_URL": stack.urls.broker,
                "UMBEL_STATE_URL": stack.urls.state,
                "UMBEL_DATABASE_URL": f"sqlite:///{home}/umbel.db",
            },
        )
        try:
            yield one
        finally:
            one.close()


def roll(home: Path, old: Path, new: Path, order: tuple[str, str]) -> int:
    """From old to new, one part after the other, with runs under way; how many runs."""
    with site(home) as one:
        one.put("server", old)
        one.put("worker", old)
        for part in order:
            held = one.start()
            one.put(part, new)
            one.let_go(held)
            one.let_go(one.start())
        one.ends()
        return len(one.runs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mixed", description=__doc__)
    parser.add_argument("--old", required=True, help="revision of the older version")
    options = parser.parse_args()
    new = ROOT / "src"
    with tempfile.TemporaryDirectory(prefix="umbel-mixed-") as folder:
        old = sources(options.old, Path(folder) / "old")
        for order in (("server", "worker"), ("worker", "server")):
            began = time.monotonic()
            runs = roll(Path(folder) / order[0], old, new, order)
            print(f"{order[0]} first: {runs} runs, all well, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
