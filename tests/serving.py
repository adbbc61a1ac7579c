"""A real server inside the test process: uvicorn in a thread, real Valkey, real SQLite; the test plays the worker."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis
import uvicorn

from tests.waiting import wait_until
from umbel.api.app import create_app
from umbel.api.serve import Server, bind
from umbel.api.wire import Wire
from umbel.engine.engine import Engine, Token
from umbel.engine.wire import Item
from umbel.machine import Code
from umbel.observe.spans import Exporter
from umbel.plan.model import Node
from umbel.service.umbel import Umbel
from umbel.settings import Settings, load_settings


@dataclass
class Fail:
    """What a task's behaviour returns to fail."""

    exception: str
    kind: str = "RuntimeError"
    traceback: str = "Traceback (most recent call last):\n"


@dataclass
class Retry(Fail):
    """What a task's behaviour returns to be tried again."""

    delay: float = 0.0


@dataclass
class Expand:
    """What the behaviour of a map task returns at its first attempt; later the items' results are gathered for it."""

    items: list[Any]


@dataclass
class Spawn:
    """What the behaviour of a `workflow` task returns."""

    payload: dict[str, Any]


@dataclass
class Ask:
    """What the behaviour of an approval returns."""

    timeout: float | None = None


@dataclass
class Call:
    """What a task is called with. `key` is its own; for an item of a map, `node` is that of the map."""

    run: str
    node: Node
    attempt: int
    arguments: tuple[Any, ...]
    payload: Any
    key: str = ""
    phase: str = ""


Behaviour = Callable[[Call], Any]


@dataclass
class Served:
    """The server, a client for it, and the messages that a worker would get."""

    umbel: Umbel
    http: httpx.Client
    messages: list[Item] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        return self.umbel.engine

    def claim(self, item: Item, worker: str = "w1@host") -> tuple[Token, Call] | None:
        """Takes one task as a worker does; None if it is not to be had."""
        claimed = self.engine.claim(item.run, item.task, item.epoch, worker=worker, pid=4711)
        if claimed.code is not Code.OK:
            return None
        node = self.umbel.plan(claimed.plan).nodes[claimed.node]
        results = json.loads(claimed.inputs or "[]")
        arguments = (json.loads(claimed.item),) if claimed.item else node.arguments(results)
        payload = json.loads(claimed.payload or self.engine.payload(item.run))
        call = Call(item.run, node, claimed.attempt, arguments, payload, self.key_of(item), claimed.phase)
        return Token(item.run, item.task, item.epoch, claimed.attempt), call

    def key_of(self, item: Item) -> str:
        """The key of a released task. Waits until the history knows the map that it may be an item of."""

        def key() -> str | None:
            names = self.umbel.names_of(item.run, item.task)
            return names.key(item.task) if names and names.knows(item.task) else None

        return str(wait_until(key, 10, "name of a task"))

    def tick(self) -> None:
        """What the loops would do: what is due, and what waits to be released in portions."""
        for partition in self.engine.partitions:
            self.messages += self.engine.promote(partition, by="test")[0]
            self.messages += self.engine.advance(partition, by="test")[0]

    def work(self, behave: Behaviour, *, only: Sequence[str] | None = None) -> None:
        """Does everything there is to do, or only the tasks with these keys; the rest stays in `messages`."""
        left: list[Item] = []
        while self.messages:
            item = self.messages.pop(0)
            if only is not None and self.key_of(item) not in only:
                left.append(item)
            elif (taken := self.claim(item)) is not None:
                self._finish(item, *taken, behave)
        self.messages.extend(left)

    def _finish(self, item: Item, token: Token, call: Call, behave: Behaviour) -> None:
        told = self._gather(call) if call.phase else behave(call)
        if isinstance(told, Expand):
            released = self.engine.expand(token, [json.dumps(each) for each in told.items], by="w1@host").released
            self.messages += [item._replace(task=index) for index in released]
            return
        if isinstance(told, Spawn):
            sub = call.node.workflow
            assert sub is not None
            ids = (str(uuid.uuid4()) for _ in range(100))
            child = next(each for each in ids if self.engine.partition(each) == self.engine.partition(item.run))
            payload = json.dumps(told.payload)
            self.messages += self.engine.spawn(token, child, sub.plan, payload, sub.definition, by="w1@host").items
            return
        if isinstance(told, Ask):
            self.engine.ask(token, {}, timeout=told.timeout)
            return
        if isinstance(told, Retry):
            info = {"exception": told.exception, "type": told.kind, "traceback": told.traceback}
            self.engine.retry(token, told.delay, {**info, "countdown": told.delay}, by="w1@host")
            if not told.delay:
                self.messages.append(item)
            return
        if isinstance(told, Fail):
            info = {"exception": told.exception, "type": told.kind, "traceback": told.traceback}
            released = self.engine.fail(token, {**info, "reason": "exception"}, by="w1@host").released
        else:
            released = self.engine.succeed(token, json.dumps(told), by="w1@host").released
        self.messages += [item._replace(task=index) for index in released]

    def _gather(self, call: Call) -> Any:
        base, count = map(int, call.phase.split(":"))
        failed = sum(end.state == "error" for end in self.engine.ends(call.run, range(base, base + count)))
        if failed:
            return Fail(f"{failed} of {count} items failed")
        return [json.loads(each or "null") for each in self.engine.results(call.run, range(base, base + count))]

    def settled(self, run_id: str) -> Any:
        """Waits until the history has the run's end; its row."""
        return wait_until(lambda: (row := self.umbel.store.run(run_id)) and row.settled and row, 10, "end in SQL")

    def projected(self, run_id: str, *events: str) -> None:
        """Waits until the history has these types of events of the run."""
        wait_until(
            lambda: set(events) <= {event.type for event in self.umbel.store.events(run_id)}, 10, f"{events} in SQL"
        )


@contextmanager
def serving(
    home: Path,
    folder: Path,
    state_url: str,
    *,
    now: Callable[[], int] = lambda: 0,
    exporter: Exporter | None = None,
    **flags: object,
) -> Iterator[Served]:
    """A server for the project in `home`, with its database in `folder`, on a flushed state store.

    `now` is the clock (ms) of its schedules, which stands still if not given: nothing starts by itself.
    `exporter` takes its spans.
    """
    settings: Settings = load_settings(
        home=home, state_url=state_url, database_url=f"sqlite:///{folder}/umbel.db", port=0, **flags
    )
    with redis.Redis.from_url(state_url) as client:
        client.flushdb()
    messages: list[Item] = []
    umbel = Umbel(settings, Engine.open(settings), messages.extend, loops=False, now=now, exporter=exporter)
    umbel.prepare()
    sock = bind("127.0.0.1", 0)
    config = uvicorn.Config(create_app(umbel), log_config=None, lifespan="on", timeout_graceful_shutdown=5, http=Wire)
    server = Server(config, umbel)
    thread = threading.Thread(target=server.run, args=([sock],), name="test-server")
    thread.start()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    try:
        wait_until(lambda: server.started or not thread.is_alive(), 20, "start of the server")
        with httpx.Client(base_url=url, timeout=30) as http:
            yield Served(umbel, http, messages)
    finally:
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive(), "the server did not end"
        sock.close()
