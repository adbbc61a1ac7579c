"""A Redis that is there and does not answer: stopped with SIGSTOP. Nobody may wait for it without an end."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.model.plans import ONE
from tests.valkey import valkey as valkey  # fixtures
from tests.valkey import valkey_url as valkey_url
from tests.waiting import wait_until
from umbel.celery.app import make_app
from umbel.celery.dispatch import Dispatcher
from umbel.engine.engine import Engine
from umbel.engine.wire import Item, Wire
from umbel.errors import BrokerUnavailable, StateUnavailable
from umbel.settings import Settings
from umbel.stack.valkey import binary

TIMEOUT = 0.5


class Silent:
    """A Valkey on a TCP port, and what makes it silent."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self.process = subprocess.Popen([binary(), *options], stdout=subprocess.DEVNULL)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def stop(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Silent]:
    server = Silent(tmp_path)
    try:
        wait_until(server.answers, 20, "answer of Valkey")
        yield server
    finally:
        server.end()


def settings(url: str) -> Settings:
    return Settings(broker_url=url, state_url=url, store_timeout=TIMEOUT)


def seconds(error: type[Exception], call: Callable[[], object]) -> float:
    since = time.monotonic()
    with pytest.raises(error):
        call()
    return time.monotonic() - since


@pytest.mark.parametrize("connected", [True, False])
def test_a_state_store_is_waited_for_once(silent: Silent, connected: bool) -> None:
    engine = Engine.open(settings(silent.url))
    try:
        if connected:
            engine.ping()
        silent.stop()
        assert seconds(StateUnavailable, engine.ping) < 3 * TIMEOUT
        assert seconds(StateUnavailable, lambda: engine.launch("r", ONE, "{}", by="s")) < 3 * TIMEOUT
    finally:
        engine.close()


@pytest.mark.parametrize("connected", [True, False])
def test_a_broker_is_not_waited_for_without_an_end(silent: Silent, valkey_url: str, connected: bool) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    engine = Engine.open(settings(valkey_url))
    app = make_app(settings(silent.url))
    dispatcher = Dispatcher(app, engine)
    engine.launch("r", ONE, "{}", by="s")
    items = [Item("r", 0, 1, ONE.hash)]
    errors: list[BrokerUnavailable] = []

    def publish() -> None:
        try:
            dispatcher.publish(items)
        except BrokerUnavailable as error:
            errors.append(error)

    try:
        if connected:
            dispatcher.publish(items)
        silent.stop()
        thread = threading.Thread(target=publish, daemon=True)  # without the fix it would never end
        thread.start()
        thread.join(20)
        assert errors, "publishing still waits"
    finally:
        silent.end()
        app.close()
        engine.close()


def test_a_lost_connection_is_tried_again_and_no_longer_than_the_deadline(valkey: redis.Redis) -> None:
    tries: list[float] = []

    def call() -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise redis.ConnectionError("reset")
        return "answer"

    assert Wire(valkey).persist(call) == "answer"
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(redis.ConnectionError):
        Wire(valkey, timeout=0.05).persist(call)
    assert len(tries) == 1


BOUNDED = {"socket_timeout": 3, "socket_connect_timeout": 3}


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("redis://127.0.0.1:6379/0", BOUNDED),
        ("rediss://127.0.0.1:6379/0", BOUNDED),
        ("redis+socket:///run/redis.sock", BOUNDED),
        ("sentinel://127.0.0.1:26379;sentinel://127.0.0.2:26379", BOUNDED),
        ("amqp://guest@127.0.0.1//", {"confirm_publish": True}),
        ("memory://", {}),
    ],
)
def test_each_broker_is_given_its_own_options(url: str, given: dict[str, object]) -> None:
    assert make_app(Settings(broker_url=url, store_timeout=3)).conf.broker_transport_options == given
