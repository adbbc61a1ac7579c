"""A stand-in for a server, over real HTTP, for tests of what clients make of its answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from umbel.machine import RUN_TERMINAL

RUN_ID = "0b0f5c2e-6f0e-4f0e-8a51-3a1c5c1f0a11"


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Fake:
    """`answers` maps `METHOD /path` (query included) to what is answered, the last of a list for ever."""

    url: str = ""
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def on(self, request: str, *bodies: Any, status: int = 200) -> None:
        """Answer `request` with these bodies in turn: JSON values, or bytes as they are (as an event stream)."""
        self.answers[request] = [(status, body) for body in bodies]

    def problem(self, request: str, status: int, code: str, detail: str, hint: str | None = None) -> None:
        """Answer `request` with problem details."""
        self.on(request, {"title": "x", "status": status, "detail": detail, "code": code, "hint": hint}, status=status)


def handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            fake.asked.append(
                Asked(self.command, self.path, dict(self.headers.items()), json.loads(text) if text else None)
            )
            queue = fake.answers.get(f"{self.command} {self.path}", [(599, "the test said nothing about this")])
            status, body = queue.pop(0) if len(queue) > 1 else queue[0]
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream" if isinstance(body, bytes) else "application/json")
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def fake_server() -> Iterator[Fake]:
    """A running fake; every answer ends with the connection."""
    fake = Fake()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(fake))
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(**changes: Any) -> dict[str, Any]:
    """A run of A -> (B | C) -> D as the server answers it."""
    tasks = [("TASK_A", []), ("TASK_B", ["TASK_A"]), ("TASK_C", ["TASK_A"]), ("TASK_D", ["TASK_B", "TASK_C"])]
    ended = changes.get("state") in RUN_TERMINAL
    return {
        "id": RUN_ID,
        "definition": "demo.PIPELINE",
        "state": "pending",
        "status": "pending",
        "settled": False,
        "created_at": "2026-11-22T16:58:34.000Z",
        "updated_at": "2026-11-22T16:58:34.000Z",
        "finished_at": "2026-11-22T16:58:35.000Z" if ended else None,
        "tasks_total": 4,
        "tasks_done": 0,
        "payload": {"raw": "hello world"},
        "tasks": [task(key, index, needs) for index, (key, needs) in enumerate(tasks)],
        "last_event": 0,
        **changes,
    }


def task(key: str, index: int, needs: list[str], **changes: Any) -> dict[str, Any]:
    """One task of a run."""
    return {
        "id": f"{index:08}-0000-4000-8000-000000000000",
        "key": key,
        "index": index,
        "task": key,
        "state": "waiting",
        "status": "pending",
        "needs": needs,
        "queue": "celery",
        **changes,
    }


class Events:
    """Makes a run's events, numbered from 1, a tenth of a second apart."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, kind: str, task: str | None = None, state: str | None = None, **more: Any) -> dict[str, Any]:
        self.count += 1
        attempt = more.pop("attempt", 1 if task else None)
        at = f"2026-11-22T16:58:34.{self.count}00Z"
        return {
            "id": self.count,
            "run_id": RUN_ID,
            "type": kind,
            "at": at,
            "task": task,
            "attempt": attempt,
            "state": state,
            "data": more,
        }


def stream(events: list[dict[str, Any]], cut: str = "") -> bytes:
    """Events as the server sends them; `cut` is the beginning of one that was not sent whole."""
    text = "retry: 2000\n\n: keep-alive\n\n"
    for each in events:
        text += f"id: {each['id']}\nevent: task.state\ndata: {json.dumps(each, ensure_ascii=False)}\n\n"
    return (text + cut).encode()
