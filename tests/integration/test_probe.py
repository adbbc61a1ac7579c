"""`umbel probe`: what a container is asked."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from tests.valkey import valkey, valkey_url
from umbel.cli.main import app
from umbel.engine.engine import Engine
from umbel.settings import Settings

__all__ = ["valkey", "valkey_url"]


class Answers(http.server.BaseHTTPRequestHandler):
    """A server that lives and is not ready."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def asked(*arguments: str, **environment: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["probe", *arguments], env={f"UMBEL_{k.upper()}": v for k, v in environment.items()})
    return done.exit_code, done.output.strip()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_server_is_asked_at_its_own_address(port: int, host: str) -> None:
    assert asked("server", port=str(port), host=host) == (1, "/readyz")
    assert asked("server", "--live", port=str(port), host=host) == (0, "/healthz")


def test_server_that_does_not_answer_is_not_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, said = asked("server", "--live", port=str(port))
    assert status == 1
    assert f"127.0.0.1:{port}" in said


@pytest.mark.usefixtures("valkey")
def test_worker_is_well_while_the_store_knows_one_of_this_host(valkey_url: str) -> None:
    engine = Engine.open(Settings(state_url=valkey_url), if_confirmed=False)
    engine.beat(0, "x~1", {"host": "celery@elsewhere"})
    assert asked("worker", state_url=valkey_url)[0] == 1
    assert asked("worker", "--live", state_url=valkey_url)[0] == 1
    name = f"celery@{socket.gethostname()}"
    engine.beat(0, "x~2", {"host": name})
    assert asked("worker", state_url=valkey_url) == (0, name)
    engine.beat(0, "x~2", {"host": name}, leaving=True)
    engine.sweep(0)  # as every server and worker does all the time
    assert asked("worker", state_url=valkey_url)[0] == 1
    engine.close()


def test_store_that_is_away_is_not_the_workers_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"redis://127.0.0.1:{free.getsockname()[1]}"
    assert asked("worker", state_url=url)[0] == 1
    assert asked("worker", "--live", state_url=url)[0] == 0
