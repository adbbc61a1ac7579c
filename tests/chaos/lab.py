"""A real worker on a real Valkey, without a server, and the means to hold, kill and look."""

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.waiting import wait_until
from umbel.celery import canvas_out
from umbel.celery.app import make_app
from umbel.celery.dispatch import Dispatcher
from umbel.definition.load import load_catalog
from umbel.engine.engine import Engine
from umbel.engine.wire import Item
from umbel.events import EventRecord
from umbel.failpoints import ENV
from umbel.plan.build import build
from umbel.plan.model import Plan, chain_of
from umbel.settings import load_settings
from umbel.stack.options import StackOptions
from umbel.stack.run import Stack, run_stack

PROJECT = Path(__file__).parent / "project"


class Lab:
    """One stack; runs are started by the engine itself, so that only workers keep them going."""

    def __init__(self, stack: Stack, home: Path) -> None:
        self.stack = stack
        self.home = home
        settings = load_settings(home=PROJECT, broker_url=stack.urls.broker, state_url=stack.urls.state)
        self.engine = Engine.open(settings)
        self.app = make_app(settings)
        self.dispatcher = Dispatcher(self.app, self.engine)
        catalog = load_catalog(PROJECT)
        self._plans = {name: build(definition) for name, definition in catalog.definitions.items()}
        self._seen: list[EventRecord] = []
        self._position = "0-0"
        self.closed = False
        """Its worker and Valkey are gone; what was seen of its runs is still there."""

    def start(self, definition: str = "lab.DIAMOND", **payload: Any) -> str:
        """Launch a run and publish its first tasks; its id."""
        return self._launch(self._plans[definition], payload)

    def chain(self, *tasks: str, **payload: Any) -> str:
        """Launch a run of these tasks, one after another; its id."""
        return self._launch(chain_of("lab.CHAIN", tasks), payload)

    def canvas(self, plan: Plan | str, deadline: float = 60, times: int = 1, **payload: Any) -> str:
        """The same on Celery's own canvas, which is sent so many times."""
        run, plan = str(uuid.uuid4()), self._plans[plan] if isinstance(plan, str) else plan
        native = replace(plan, engine="canvas", deadline=deadline)
        for _ in range(times - 1):
            canvas_out.send(self.app, run, native, json.dumps(payload))
        canvas_out.launch(self.app, self.engine, run, native, json.dumps(payload), by="lab")
        return run

    def run(self, plan: Plan, **payload: Any) -> str:
        """Launch a run of this plan; its id."""
        return self._launch(plan, payload)

    def publish(self, run: str, *tasks: int) -> None:
        """Send the messages of tasks that the test has released."""
        plan = next(e.data["plan"] for e in self.events(run) if e.type == "run.launched")
        self.dispatcher.publish([Item(run, task, 1, plan) for task in tasks])

    def result(self, run: str, task: int = 0) -> Any:
        """What a task of a run that has ended gave."""
        return next(
            json.loads(e.value or "") for e in self.events(run) if e.type == "task.succeeded" and e.task == task
        )

    def error(self, run: str, task: int = 0) -> tuple[str, str, str]:
        """Type, text and reason of a task's final error."""
        data = next(e.data for e in self.events(run) if e.type == "task.failed" and e.task == task)
        return data["type"], data["exception"], data["reason"]

    def _launch(self, plan: Plan, payload: dict[str, Any]) -> str:
        run = str(uuid.uuid4())
        answer = self.engine.launch(run, plan, json.dumps(payload), by="lab")
        self.dispatcher.publish([Item(run, index, 1, plan.hash) for index in answer.released])
        return run

    def said(self, run: str, word: str | None = None) -> list[dict[str, Any]]:
        """What the bodies of tasks/outcomes.py said (of this word, if given)."""
        try:
            lines = [json.loads(line) for line in (self.home / "said").read_text().splitlines()]
        except FileNotFoundError:
            return []
        return [line for line in lines if line["run"] == run and word in (None, line["word"])]

    def ledger(self, run: str) -> list[tuple[str, str, int]]:
        """(word, task, pid) of this run, in order."""
        try:
            lines = (self.home / "ledger").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [(word, task, int(pid)) for word, task, of, pid, _ in map(str.split, lines) if of == run]

    def started(self, run: str, task: str) -> int:
        """Waits until a body of `task` has begun; the pid that runs it."""
        wait_until(lambda: any(line[:2] == ("start", task) for line in self.ledger(run)), 30, f"{task} to start")
        return next(pid for word, name, pid in self.ledger(run) if (word, name) == ("start", task))

    def let_go(self, run: str, *tasks: str) -> None:
        """Held bodies of these tasks, and all to come, go on."""
        for task in tasks:
            (self.home / f"{run}.{task}.go").touch()

    def break_at(self, point: str, action: str) -> Path:
        """Arm a failpoint of its worker (`umbel.failpoints`); the file is gone when it has been hit."""
        armed = self.home / "failpoints" / point
        armed.write_text(action)
        return armed

    def events(self, run: str) -> list[EventRecord]:
        """All that the stream says of the run so far."""
        while not self.closed and (batch := self.engine.read_events(0, self._position, 500, 0)):
            self._position = batch[-1][0]
            self._seen += [event for _, event in batch]
        return [event for event in self._seen if event.run == run]

    def wait_event(self, run: str, *types: str, timeout: float = 30, task: int | None = None) -> EventRecord:
        """The first event of one of these types (and of this task, if given).

        Fails when for `timeout` seconds nothing has happened to any run: a worker may have much to do before this one.
        """

        def found() -> list[EventRecord]:
            return [e for e in self.events(run) if e.type in types and (task is None or e.task == task)]

        while not (events := found()):
            known = len(self._seen)
            wait_until(lambda: found() or len(self._seen) > known, timeout, f"{' or '.join(types)} of run {run}")  # noqa: B023
        return events[0]

    def settled(self, run: str, timeout: float = 30) -> str:
        """Waits until nothing of the run is alive; the type of its terminal event."""
        self.wait_event(run, "run.settled", timeout=timeout)
        return next(e.type for e in self.events(run) if e.type in {"run.succeeded", "run.failed", "run.canceled"})

    def outcomes(self, run: str) -> Counter[int | None]:
        """How often each task was recorded as finished."""
        return Counter(e.task for e in self.events(run) if e.type in {"task.succeeded", "task.failed", "task.skipped"})


@contextmanager
def open_lab(
    home: Path, *worker_args: str, beside: Lab | None = None, broker: str | None = None, **env: str
) -> Iterator[Lab]:
    """A lab whose files are under `home`; `worker_args` follow `umbel worker`, whose environment gets `env`.

    `beside` another lab it brings one more worker to the same Valkey, and its tasks use the same files. Messages go
    through the Valkey unless there is a `broker`.
    """
    failpoints = home / "failpoints"
    failpoints.mkdir(parents=True, exist_ok=True)
    options = StackOptions(
        project=PROJECT,
        data=home / "data",
        port=0,
        broker_url=beside.stack.urls.broker if beside else broker,
        state_url=beside and beside.stack.urls.state,
        start=frozenset({"worker"}),
        no_restart=frozenset({"worker"}),
        worker_args=worker_args or ("-c", "2", "--loglevel", "INFO"),
        env={**os.environ, "LAB_HOME": str(beside.home if beside else home), ENV: str(failpoints), **env},
    )
    with run_stack(options, lambda line: None) as stack:
        lab = Lab(stack, beside.home if beside else home)
        try:
            yield lab
        finally:
            lab.engine.close()
            lab.closed = True
