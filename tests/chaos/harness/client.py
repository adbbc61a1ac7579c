"""The client: asks for runs at a steady pace, keeps each answer in a file of its own, and repeats what got none."""

import json
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.chaos.harness.shapes import Wanted
from umbel.client import Client
from umbel.errors import BrokerUnavailable, HistoryUnavailable, ServerUnavailable, StateUnavailable, UmbelError
from umbel.machine import RunState
from umbel.service import operations as ops

T = TypeVar("T")

AWAY = (ServerUnavailable, StateUnavailable, HistoryUnavailable, BrokerUnavailable)
"""Whoever gets one of these does not know what has become of the request, or knows that it was not taken: ask again."""


@dataclass(slots=True)
class Asked:
    """One run that was asked for. Times are seconds of the monotonic clock."""

    want: Wanted
    asked_at: float
    run: str = ""
    answered_at: float = 0.0
    canceled_at: float = 0.0
    """When the server said that it is canceled; 0 if nobody asked, or if it had ended before."""
    repeats: int = 0
    """Requests beyond the first, because an answer was lost or the server was away."""
    refused: str = ""


@dataclass
class Load:
    """Posts runs from a few threads; `servers` are asked in turn.

    Raises nothing: what a server refuses for good is kept in `Asked.refused`.
    """

    servers: list[str]
    log: Path
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clients = [Client(url) for url in self.servers]
        self._pool = ThreadPoolExecutor(8, "client")
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._turn = 0

    def close(self) -> None:
        """Ask no more; what is under way is given up."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()

    def ask(self, wants: Iterable[Wanted], pause: float = 0.0) -> list[Asked]:
        """Ask for these, one each `pause` seconds, without waiting for answers."""
        made = []
        due = time.monotonic()
        for want in wants:
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            due += pause
            entry = Asked(want, time.monotonic())
            with self._lock:
                self.asked.append(entry)
            made.append(entry)
            self._pool.submit(self._one, entry)
        return made

    def answered(self, entries: Iterable[Asked]) -> bool:
        """Whether all of these are accepted or refused, and canceled if that was wanted."""
        return all(entry.refused or (entry.run and self._told(entry)) for entry in entries)

    def cancels(self, run: str) -> bool:
        """Whether this run is one that the client cancels, or will."""
        with self._lock:
            return any(entry.run == run and entry.want.cancel is not None for entry in self.asked)

    def _told(self, entry: Asked) -> bool:
        return entry.want.cancel is None or entry.canceled_at != 0.0

    def _one(self, entry: Asked) -> None:
        want = entry.want
        self._say("ask", key=want.key, definition=want.definition, payload=want.payload)
        operation = ops.StartRun(definition=want.definition, payload=want.payload, idempotency_key=want.key)
        run = self._insist(entry, operation)
        if run is None:
            return
        entry.run, entry.answered_at = run.id, time.monotonic()
        self._say("accepted", key=want.key, run=run.id)
        if want.cancel is not None and not self._stop.wait(want.cancel):
            answer = self._insist(entry, ops.CancelRun(run_id=run.id))
            at = time.monotonic()
            entry.canceled_at = at if answer is not None and answer.state is RunState.CANCELED else -1.0
            self._say("canceled" if entry.canceled_at > 0 else "not canceled", run=run.id)

    def _insist(self, entry: Asked, operation: Any) -> Any:
        """The answer, however often it takes; None if there is none to be had."""
        while not self._stop.is_set():
            with self._lock:
                self._turn += 1
                client = self._clients[self._turn % len(self._clients)]
            try:
                return client.call(operation)
            except AWAY:
                entry.repeats += 1
                self._stop.wait(0.2)
            except UmbelError as error:
                entry.refused = f"{error.code}: {error}"
                self._say("refused", key=entry.want.key, why=entry.refused)
                return None
        return None

    def _say(self, word: str, **about: Any) -> None:
        line = json.dumps({"word": word, "at": time.monotonic(), **about})
        with self._lock, self.log.open("a") as file:
            file.write(line + "\n")
