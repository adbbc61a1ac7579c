"""The contestants. Each runs a batch of diamonds and one diamond alone, and says how many seconds it took."""

import http.client
import json
import sqlite3
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import redis
from celery import chain, group

from bench import raw
from umbel.celery.app import make_app
from umbel.celery.dispatch import Dispatcher
from umbel.definition.load import load_catalog
from umbel.engine.engine import Engine
from umbel.engine.wire import Item
from umbel.machine import Code
from umbel.plan.build import build
from umbel.plan.model import Plan
from umbel.settings import load_settings

PROJECT = Path(__file__).parent / "project"
LIMIT = 300.0  # seconds after which a batch counts as failed


def diamond_plan() -> Plan:
    """bench.DIAMOND as the engine runs it."""
    return build(load_catalog(PROJECT).definitions["bench.DIAMOND"])


class Raw:
    """chain(a, group(b, c), d) by Celery itself; the end is seen in the result backend."""

    name = "raw Celery canvas"

    def __init__(self, valkey: str) -> None:
        raw.app.conf.update(broker_url=f"{valkey}/2", result_backend=f"{valkey}/3")
        self._backend = redis.Redis.from_url(f"{valkey}/3")

    def canvas(self):
        return chain(raw.a.s(), group(raw.b.s(), raw.c.s()), raw.d.s())

    def batch(self, count: int) -> float:
        started = time.perf_counter()
        self.wait([self.canvas().apply_async().id for _ in range(count)])
        return time.perf_counter() - started

    def one(self) -> float:
        started = time.perf_counter()
        result = self.canvas().apply_async()
        result.get(timeout=LIMIT)
        taken = time.perf_counter() - started
        result.forget()
        return taken

    def wait(self, ids: list[str]) -> None:
        """Until every last result is there, asked for in bulk every 10 ms."""
        deadline = time.monotonic() + LIMIT
        left = [f"celery-task-meta-{each}" for each in ids]
        while left:
            found = self._backend.mget(left[-200:])
            left = left[:-200] + [name for name, value in zip(left[-200:], found, strict=True) if value is None]
            if left and found[-1] is None:
                time.sleep(0.01)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(left)} canvases did not end")


class EngineOnly:
    """The same diamond by the engine: launched and published in this process, recorded to the stream, no SQL."""

    name = "Umbel, engine only"

    def __init__(self, valkey: str) -> None:
        settings = load_settings(home=PROJECT, broker_url=f"{valkey}/4", state_url=f"{valkey}/5")
        self.engine = Engine.open(settings)
        self._dispatcher = Dispatcher(make_app(settings), self.engine)
        self._plan = diamond_plan()
        self._position = "0-0"

    def batch(self, count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            self.submit(self._plan)
        self.wait(count)
        return time.perf_counter() - started

    def one(self) -> float:
        started = time.perf_counter()
        self.submit(self._plan)
        self.wait(1)
        return time.perf_counter() - started

    def submit(self, plan: Plan, payload: object = None) -> None:
        run = str(uuid.uuid4())
        answer = self.engine.launch(run, plan, json.dumps(payload or {}), by="bench")
        if answer.code is not Code.OK:
            raise RuntimeError(f"launch answered {answer.code}")
        self._dispatcher.publish([Item(run, index, 1, plan.hash) for index in answer.released])

    def wait(self, count: int) -> None:
        """Until `count` runs have settled, read from the stream; what has ended is forgotten, as the keeper does."""
        deadline = time.monotonic() + LIMIT
        while count:
            ended = []
            for position, event in self.engine.read_events(0, self._position, 500, 1000):
                self._position = position
                if event.type == "run.failed":
                    raise RuntimeError("a run failed")
                if event.type == "run.settled":
                    ended.append(event.run)
            self.engine.forget(ended)
            count -= len(ended)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count} runs did not end")
        self.engine.trim_events(0, self._position)


class Everything:
    """The same diamond by POST from several clients, until the history in SQL has the last run's end."""

    name = "Umbel, everything on"

    def __init__(self, server: str, database: Path, clients: int) -> None:
        self._address = urlsplit(server)
        self._database = sqlite3.connect(database, timeout=30)
        self._clients = clients

    def batch(self, count: int) -> float:
        before = self._ended()
        started = time.perf_counter()
        shares = [count // self._clients + (number < count % self._clients) for number in range(self._clients)]
        threads = [threading.Thread(target=self._post, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        deadline = time.monotonic() + LIMIT
        while self._ended() - before < count:
            time.sleep(0.02)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count - self._ended() + before} runs did not end")
        return time.perf_counter() - started

    def one(self) -> float:
        connection = self._connect()
        started = time.perf_counter()
        run = self._send(connection, "POST", "/api/v1/runs?wait=30", {"definition": "bench.DIAMOND", "payload": {}})
        taken = time.perf_counter() - started
        connection.close()
        if run["state"] != "success":
            raise RuntimeError(f"a run ended as {run['state']}")
        return taken

    def _ended(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM runs WHERE settled").fetchone()[0])

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=60)

    def _post(self, count: int) -> None:
        connection = self._connect()
        for _ in range(count):
            self._send(connection, "POST", "/api/workflows", {"project": "bench", "name": "DIAMOND", "payload": {}})
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, method: str, path: str, body: object) -> dict:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{path} answered {response.status}: {text[:300]!r}")
        return json.loads(text)
