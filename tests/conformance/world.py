"""One app, one worker process that serves both, one server: what Celery's canvas gives, and what Umbel gives."""

import importlib
import json
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis
from celery.exceptions import CPendingDeprecationWarning
from celery.exceptions import TimeoutError as Late

from tests.valkey import running_valkey
from tests.waiting import wait_until
from umbel import Client
from umbel.client.handle import RunHandle
from umbel.errors import RunFailed
from umbel.stack.options import StackOptions
from umbel.stack.run import run_stack

PROJECT = Path(__file__).parent / "project"
PATIENCE = 20.0
"""Seconds after which a result that has not come counts as one that never will."""


@dataclass
class Outcome:
    """What came of a canvas: its value or its error, and what its callbacks wrote, in any order."""

    value: Any = None
    error: tuple[str, str] | None = None
    notes: list[str] = field(default_factory=list)


class World:
    """Runs canvases both ways. `key` makes their ids and notes their own; it is left out of what is compared."""

    def __init__(self, client: Client, notes: "redis.Redis") -> None:
        self.client = client
        self._notes = notes

    def native(self, canvases: Mapping[str, Any]) -> dict[str, Outcome]:
        """What Celery makes of them: all are sent, then all are waited for."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CPendingDeprecationWarning)  # of every `link_error` of a chord
            sent = {key: _try(canvas.apply_async) for key, canvas in canvases.items()}
        return {key: _value(result, partial(_get, result)) for key, result in sent.items()}

    def umbel(self, canvases: Mapping[str, Any]) -> dict[str, Outcome]:
        """What Umbel makes of them."""
        sent = {key: _try(partial(self._submit, key, canvas)) for key, canvas in canvases.items()}
        return {key: _value(handle, partial(_get, handle)) for key, handle in sent.items()}

    def _submit(self, key: str, canvas: Any) -> RunHandle:
        return RunHandle(self.client.submit(canvas, comment=key).id, self.client)

    def notes(self, key: str, count: int) -> list[str]:
        """What was written for `key`, once there are so many."""
        wait_until(lambda: self._notes.llen(key) >= count, PATIENCE, f"{count} notes for {key}")
        return self.written(key)

    def written(self, key: str) -> list[str]:
        """What was written for `key` so far."""
        found: Any = self._notes.lrange(key, 0, -1)
        return sorted(each.decode() for each in found)


def _get(result: Any) -> Any:
    return result.get(timeout=PATIENCE)


def _try(send: Callable[[], Any]) -> Any:
    try:
        return send()
    except Exception as error:
        return error


def _value(sent: Any, get: Callable[[], Any]) -> Outcome:
    try:
        if isinstance(sent, Exception):
            raise sent
        return Outcome(json.loads(json.dumps(get(), default=str)))
    except RunFailed as error:
        return Outcome(error=(str(error.type), str(error.message)))
    except (Late, TimeoutError) as error:
        return Outcome(error=("never", str(error)[:80]))
    except Exception as error:
        return Outcome(error=(type(error).__name__, str(error)))


def unkeyed(outcome: Outcome, key: str) -> Outcome:
    """The outcome without what is only this run's."""

    def clean(value: Any) -> Any:
        return json.loads(json.dumps(value).replace(key, "KEY"))

    error = (outcome.error[0], outcome.error[1].replace(key, "KEY")) if outcome.error else None
    if error is not None and error[0] == "TaskRevokedError":
        error = (error[0], "")  # Celery says "expired", and Umbel since when
    return Outcome(clean(outcome.value), error, clean(outcome.notes))


def a_key() -> str:
    """A text that is nowhere else."""
    return uuid.uuid4().hex[:12]


def load_shop() -> Any:
    """The app's module, by the name that its worker knows it by."""
    if str(PROJECT) not in sys.path:
        sys.path.insert(0, str(PROJECT))
    return importlib.import_module("shop")


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Everything up; everything down again afterwards."""
    (folder / "valkey").mkdir()
    with running_valkey(folder / "valkey") as url:
        path = url.removeprefix("unix://").partition("?")[0]
        broker, results = (f"redis+socket://{path}?virtual_host={number}" for number in (0, 2))
        notes = f"unix://{path}?db=3"
        options = StackOptions(
            project=PROJECT,
            data=folder / "data",
            port=0,
            broker_url=broker,
            state_url=f"unix://{path}?db=1",
            worker_args=(
                *("-A", "shop:app", "-c", "2", "-Q", "celery,other"),
                *("--without-mingle", "--without-gossip", "--loglevel", "INFO"),
            ),
            env={**os.environ, "SHOP_BROKER": broker, "SHOP_RESULTS": results, "SHOP_NOTES": notes},
        )
        app = load_shop().app
        app.set_current()  # whose the shared tasks are: another test's app may have been made since
        app.conf.update(broker_url=broker, result_backend=results)
        with (
            run_stack(options, lambda line: None) as stack,
            redis.Redis.from_url(notes) as client,
            Client(stack.urls.server, "") as umbel,
        ):
            yield World(umbel, client)
        app.close()
