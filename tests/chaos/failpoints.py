"""Failpoints on real processes: a server and a worker are broken at every point, in every way, under every shape.

The long form is every case by itself: `python -m tests.chaos.failpoints --slice 3/10 --report points.jsonl`. A call
with the same report leaves out what it has. `--only POINT` runs the cases of one point. The short form is in
test_failpoints.py.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import redis

from tests.waiting import wait_until
from umbel.engine.keys import prefix
from umbel.errors import StackError
from umbel.failpoints import ENV
from umbel.machine import EventType, RunState
from umbel.stack.options import StackOptions
from umbel.stack.run import Stack, run_stack
from umbel.store import Store

PROJECT: Final = Path(__file__).parent / "points"
ACTIONS: Final = ("kill", "raise", "sleep:1", "drop-reply")
SHAPES: Final = ("CHAIN", "FAN", "JOIN", "RETRY", "CANCEL")
VERBS: Final = "claim succeed retry expand promote advance beat sweep launch cancel forget"
PARTS: Final = (
    "claimed body-done recorded straight-on publishing published promoted run-accepted run-launched events-read"
    " events-written run-forgotten stream-trimmed before-commit after-commit before-lease lease-taken tick-written"
    " expand-portion advance-portion taken-over child-gone launching-again"
)
POINTS: Final = (*PARTS.split(), *(f"{when}-{verb}" for verb in VERBS.split() for when in ("before", "after")))
RARE: Final = {"taken-over": "claimed", "child-gone": "claimed", "launching-again": "run-accepted"}
"""Points that are passed only after another one has killed somebody."""
OUTCOMES: Final = frozenset({EventType.TASK_SUCCEEDED, EventType.TASK_FAILED, EventType.TASK_SKIPPED})
SPEED: Final = {"UMBEL_LEASE": "3", "UMBEL_HEARTBEAT": "0.7", "UMBEL_REDISPATCH_AFTER": "3"}


@dataclass(frozen=True)
class Case:
    """What breaks where, while runs of these shapes are under way."""

    points: tuple[tuple[str, str], ...]
    shapes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(f'{point}={action}' for point, action in self.points)} under {' '.join(self.shapes)}"


class Site:
    """One stack, used for case after case; parts that a case has killed are started again."""

    def __init__(self, stack: Stack, armed: Path, store: Store) -> None:
        self.stack, self.armed, self.store = stack, armed, store
        self.state = redis.Redis.from_url(stack.urls.state)

    def play(self, case: Case, patience: float = 60) -> set[str]:
        """Play it, and look at what has become of the runs; the points that were hit.

        Raises:
            AssertionError: a promise was broken.
        """
        for point, action in case.points:
            (self.armed / point).write_text(action)
        runs = {self._start(shape): shape for shape in case.shapes}
        for run, shape in runs.items():
            if shape == "CANCEL":
                self._post(f"/api/v1/runs/{run}/cancel", {})
        until = time.monotonic() + patience
        for run, shape in runs.items():
            while not self._settled(run):
                self._mend()
                assert time.monotonic() < until, f"{case}: run {run} ({shape}) is stuck: {self.store.run(run)}"
                time.sleep(0.05)
        hit = {point for point, _ in case.points if not (self.armed / point).exists()}
        for point, _ in case.points:
            (self.armed / point).unlink(missing_ok=True)
        self._mend()
        for run, shape in runs.items():
            self._check(case, run, shape)
        return hit

    def _start(self, shape: str) -> str:
        key = str(uuid.uuid4())
        body = {"definition": f"p.{shape}", "payload": {"rows": list(range(50))}}
        return str(self._post("/api/v1/runs", body, {"Idempotency-Key": key})["id"])

    def _post(self, path: str, body: object, headers: dict[str, str] | None = None) -> dict[str, object]:
        """Asked again until there is an answer."""

        def answer() -> httpx.Response | None:
            self._mend()
            try:
                found = httpx.post(f"{self.stack.urls.server}{path}", json=body, headers=headers, timeout=10)
            except httpx.TransportError:
                return None
            assert found.status_code < 400 or found.status_code >= 500, found.text
            return found if found.status_code < 400 else None

        found = wait_until(answer, 30, f"answer to POST {path}")
        assert found is not None
        return dict(found.json())

    def _mend(self) -> None:
        for part in {"server", "worker"} - self.stack.pids.keys():
            with suppress(StackError):
                self.stack.start(part)

    def _settled(self, run: str) -> bool:
        row = self.store.run(run)
        return row is not None and row.settled

    def _check(self, case: Case, run: str, shape: str) -> None:
        """[U-1] [U-2] [U-9] It has ended well, each task is recorded once, and the history is what the engine says."""
        row, events = self.store.run(run), self.store.events(run, limit=10_000)
        assert row is not None
        wanted = {RunState.CANCELED, RunState.SUCCESS} if shape == "CANCEL" else {RunState.SUCCESS}
        assert row.state in wanted, f"{case}: {row}"
        assert [event.seq for event in events] == list(range(1, row.last_seq + 1)), f"{case}: events of {run}"
        ended = Counter(event.idx for event in events if event.type in OUTCOMES)
        assert set(ended.values()) <= {1}, f"{case}: recorded twice: {ended}"
        if row.state is RunState.SUCCESS:
            assert len(ended) == row.tasks_total, f"{case}: {len(ended)} outcomes of {row.tasks_total}"
        kept = self.state.hmget(f"{prefix(0)}run:{run}", "state", "seq", "settled")
        if shape == "CANCEL" and kept == [None] * 3:
            return  # it was canceled before it was launched, which only the history knows
        assert [each and each.decode() for each in kept] == [row.state, str(row.last_seq), "1"], f"{case}: {kept}"


@contextmanager
def open_site(home: Path) -> Iterator[Site]:
    """A server, a worker with two processes and a Valkey, whose failpoints are on."""
    armed = home / "failpoints"
    armed.mkdir()
    options = StackOptions(
        project=PROJECT,
        data=home / "data",
        port=0,
        no_restart=frozenset({"server", "worker"}),
        env={**os.environ, **SPEED, ENV: str(armed), "UMBEL_AUTH": "none"},
    )
    with run_stack(options, lambda line: None) as stack, closing(Store(stack.urls.database)) as store:
        yield Site(stack, armed, store)


def every_case() -> Iterator[Case]:
    """The matrix."""
    for point in POINTS:
        for action in ACTIONS:
            for shape in SHAPES:
                first = ((RARE[point], "kill"),) if point in RARE else ()
                yield Case((*first, (point, action)), (shape,))


def play_all(cases: Iterable[Case], report: Path | None) -> int:
    """How many of them have failed."""
    done = {line["case"] for line in _lines(report)}
    failed, hits = 0, Counter[str]()
    with tempfile.TemporaryDirectory() as home, open_site(Path(home)) as site:
        for case in cases:
            if str(case) in done:
                continue
            began, problem = time.monotonic(), ""
            try:
                hits.update(hit := site.play(case))
            except AssertionError as error:
                problem, hit = str(error), set()
                failed += 1
                print(f"FAILED {problem}", flush=True)
            line = {
                "kind": "failpoints",
                "case": str(case),
                "hit": sorted(hit),
                "failed": problem,
                "seconds": round(time.monotonic() - began, 1),
            }
            if report is not None:
                with report.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
    print(f"{failed} cases failed; {sum(hits.values())} points hit: {dict(sorted(hits.items()))}")
    return failed


def _lines(report: Path | None) -> list[dict[str, str]]:
    if report is None or not report.exists():
        return []
    return [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]


def main() -> int:
    """1 if a case has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.failpoints", description=__doc__)
    parser.add_argument("--slice", default="1/1", help="which part of the matrix, as 3/10")
    parser.add_argument("--only", help="one point")
    parser.add_argument("--report", type=Path, help="a file of JSON lines to go on with")
    asked = parser.parse_args()
    number, _, of = asked.slice.partition("/")
    cases = [case for case in every_case() if asked.only in (None, case.points[-1][0])]
    return int(play_all(cases[int(number) - 1 :: int(of)], asked.report) > 0)


if __name__ == "__main__":
    sys.exit(main())
