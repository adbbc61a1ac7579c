"""The queues: what waits in each, in the broker and in the state store, and who takes it."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final
from weakref import WeakKeyDictionary

from umbel.celery.lengths import Depth
from umbel.engine.measure import Waiting
from umbel.engine.reader import Token
from umbel.errors import HistoryUnavailable, UmbelError
from umbel.plan.model import STEP_TASK
from umbel.service.models import QueueList, QueueView, RunningTask, WorkerView, instant
from umbel.service.patient import NotInTime, Patient
from umbel.service.queued import Fleet
from umbel.service.umbel import Umbel

PATIENCE: Final = 2.0
"""Seconds that the broker has to answer."""
KEPT: Final = 1.0
"""Seconds for which an answer is given again: however many pages ask, the stores are asked once."""
LOOKED_AT: Final = 1000
"""Running attempts that are looked at."""
SHOWN: Final = 10
"""Of those, so many are shown of each queue."""


class Board:
    """What was found last, for one server."""

    def __init__(self, umbel: Umbel) -> None:
        self._umbel = umbel
        self._turn = threading.Lock()
        self._found: QueueList | None = None
        self._at = 0.0
        self._names: list[str] = []
        self._broker = Patient("queues-broker", self._lengths)

    def ask(self) -> QueueList:
        """The queues; at most `KEPT` seconds old. Raises StateUnavailable."""
        with self._turn:
            if self._found is None or time.monotonic() - self._at > KEPT:
                self._found, self._at = self._look(), time.monotonic()
            return self._found

    def _lengths(self) -> Mapping[str, Depth]:
        assert self._umbel.lengths is not None
        return self._umbel.lengths(self._names)

    def _look(self) -> QueueList:
        umbel = self._umbel
        default = umbel.settings.default_queue
        waits = {name or default: each for name, each in umbel.engine.waiting().items()}
        fleet = Fleet(umbel)
        workers = fleet.workers or ()
        uses = _uses(umbel)
        served = {queue for each in workers for queue in each.queues}
        self._names = sorted({default, *uses, *served, *(name for name, each in waits.items() if each.count)})
        depths, said = self._depths()
        runs = _running(umbel, workers)
        items = [
            _view(fleet, name, waits.get(name, Waiting()), depths.get(name), uses.get(name, {}), runs.get(name, []))
            for name in self._names
        ]
        items.sort(key=lambda each: (each.healthy, not (each.waiting or each.messages)))
        return QueueList(items=items, broker=said)

    def _depths(self) -> tuple[Mapping[str, Depth], str | None]:
        """What the broker's queues hold, or why that is not known."""
        if self._umbel.lengths is None:
            return {}, None
        self._broker.ask()
        try:
            return self._broker.answer(PATIENCE), None
        except UmbelError as error:
            return {}, str(error)
        except NotInTime:
            return {}, f"the broker did not answer within {PATIENCE:g} s"


_BOARDS: Final["WeakKeyDictionary[Umbel, Board]"] = WeakKeyDictionary()


def list_queues(umbel: Umbel) -> QueueList:
    """The queues, unhealthy ones first. Raises StateUnavailable."""
    board = _BOARDS.get(umbel)
    if board is None:
        board = _BOARDS.setdefault(umbel, Board(umbel))
    return board.ask()


def _uses(umbel: Umbel) -> dict[str, dict[str, set[str]]]:
    """Per queue, the definitions that use it, with the names of the tasks that they send there."""
    found: dict[str, dict[str, set[str]]] = {}
    for name, plan in umbel.definitions.plans.items():
        for node in plan.nodes:
            queue = node.queue or umbel.settings.default_queue
            found.setdefault(queue, {}).setdefault(name, set()).add(node.task)
    return found


def _running(umbel: Umbel, workers: Sequence[WorkerView]) -> dict[str, list[RunningTask]]:
    """What runs now, by queue, the longest first."""
    held: list[tuple[str, Token]] = []
    for worker in workers:
        if worker.running and len(held) < LOOKED_AT:
            held += [(worker.name, token) for _, token in umbel.engine.held(worker.name)]
    found: dict[str, list[RunningTask]] = {}
    with suppress(HistoryUnavailable):  # without it, nobody knows the names of tasks
        since = umbel.store.running_since({(token.run, token.task) for _, token in held[:LOOKED_AT]})
        for worker_name, token in held[:LOOKED_AT]:
            names = umbel.names_of(token.run, token.task)
            if names is None or not names.knows(token.task):
                continue
            queue = names.node(token.task).queue or umbel.settings.default_queue
            found.setdefault(queue, []).append(
                RunningTask(
                    run_id=token.run,
                    definition=names.plan.definition,
                    task=names.key(token.task),
                    worker=worker_name,
                    started_at=instant(since.get((token.run, token.task))),
                )
            )
    now = umbel.engine.now() / 1000
    for each in found.values():
        each.sort(key=lambda one: one.started_at.timestamp() if one.started_at else now)
    return found


def _view(
    fleet: Fleet,
    name: str,
    waits: Waiting,
    depth: Depth | None,
    uses: Mapping[str, set[str]],
    runs: list[RunningTask],
) -> QueueView:
    there = [each for each in fleet.workers or () if name in each.queues]
    found = fleet.why_not(name)
    if not found.text or found.kind == "busy":
        # Workers are there; but do they know what is sent there?
        tasks = sorted({task for each in uses.values() for task in each if task != STEP_TASK})
        found = next((bad for task in tasks if (bad := fleet.why_not(name, task)).kind == "missing"), found)
    wanted = bool(uses or waits.count or (depth and depth.waiting) or there)
    slots = [each.concurrency for each in there]
    return QueueView(
        name=name,
        healthy=not wanted or found.kind in ("busy", "none"),
        why=found.text or None,
        waiting=waits.count,
        oldest=instant(waits.since),
        messages=depth.waiting if depth else None,
        unacknowledged=depth.fetched if depth else None,
        workers=sorted(each.name for each in there),
        slots=sum(each or 0 for each in slots) if slots and None not in slots else None,
        running=len(runs),
        runs=runs[:SHOWN],
        definitions=sorted(uses),
    )
