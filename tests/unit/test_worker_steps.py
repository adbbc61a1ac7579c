"""When a body is tried again, what ends one that takes too long, and what errbacks are told: without a worker."""

from types import SimpleNamespace
from typing import Any

import pytest

from umbel.celery import control, errback, limits, outcome
from umbel.celery.app import make_app
from umbel.celery.dispatch import Dispatcher
from umbel.celery.outcome import Failed, Retried
from umbel.celery.retrying import again, pause
from umbel.definition import RetryPolicy
from umbel.engine.wire import Item
from umbel.plan.model import Node
from umbel.settings import load_settings


@pytest.mark.parametrize(
    ("policy", "pauses"),
    [
        (RetryPolicy(9, "constant", 3.0), [3, 3, 3, 3]),
        (RetryPolicy(9, "linear", 3.0), [3, 6, 9, 12]),
        (RetryPolicy(9, "exponential", 3.0), [3, 6, 12, 24]),
        (RetryPolicy(9, "exponential", 0.5, factor=3.0), [0.5, 1.5, 4.5, 13.5]),
        (RetryPolicy(9, "exponential", 3.0, max_delay=10.0), [3, 6, 10, 10]),
        (RetryPolicy(9, "linear", 3.0, max_delay=7.0), [3, 6, 7, 7]),
        (RetryPolicy(9, "constant", 3.0, max_delay=1.0), [1, 1, 1, 1]),
        (RetryPolicy(9, "constant", 0.0), [0, 0, 0, 0]),
    ],
)
def test_pauses(policy: RetryPolicy, pauses: list[float]) -> None:
    assert [pause(policy, tries) for tries in (1, 2, 3, 4)] == pauses


def test_a_pause_beyond_all_numbers_is_the_longest() -> None:
    assert pause(RetryPolicy(10**6, "exponential", 1.0, max_delay=60.0), 100_000) == 60


def test_jitter_takes_a_part_of_the_pause() -> None:
    policy = RetryPolicy(9, "exponential", 2.0, max_delay=7.0, jitter="full")
    asked: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        asked.append((low, high))
        return high / 4

    assert [pause(policy, tries, draw) for tries in (1, 2, 3)] == [0.5, 1, 1.75]
    assert asked == [(0, 2), (0, 4), (0, 7)]
    assert 0 <= pause(policy, 2) <= 4


class Base(Exception):
    pass


class Below(Base):
    pass


HERE = __name__


@pytest.mark.parametrize(
    ("on", "not_on", "tried"),
    [
        ((), (), True),
        (("Below",), (), True),
        (("Base",), (), True),
        ((f"{HERE}.Base",), (), True),
        (("Exception",), (), True),
        (("ValueError",), (), False),
        (("other.Base",), (), False),
        ((), ("Below",), False),
        ((), ("Base",), False),
        ((), ("builtins.Exception",), False),
        (("Base",), ("Below",), False),
        (("Below",), ("ValueError",), True),
    ],
)
def test_which_errors_are_tried_again(on: tuple[str, ...], not_on: tuple[str, ...], tried: bool) -> None:
    failed = outcome.escaped(Below("text"))
    policy = RetryPolicy(3, "constant", 1.0, on=on, not_on=not_on)
    assert isinstance(again(policy, failed, 1, 0.0), Retried) == tried


@pytest.mark.parametrize(
    ("tries", "age", "tried"), [(1, 0, True), (2, 0, True), (3, 0, False), (9, 0, False), (1, 9, True), (1, 9.1, False)]
)
def test_until_when_it_is_tried(tries: int, age: float, tried: bool) -> None:
    policy = RetryPolicy(3, "constant", 1.0, max_elapsed=10.0)
    failed = outcome.escaped(Base("text"))
    found = again(policy, failed, tries, age)
    assert isinstance(found, Retried) == tried
    assert found is failed or (found.info["countdown"], found.info["max_retries"]) == (1.0, 2)


def test_only_bodies_are_tried_again() -> None:
    policy = RetryPolicy(3)
    for failed in (outcome.escaped(Base(), "arguments"), outcome.escaped(Base(), "result"), Failed({})):
        assert again(policy, failed, 1, 0.0) is failed
    for body in (outcome.escaped(MemoryError()), outcome.escaped(SystemExit(3))):
        assert isinstance(again(policy, body, 1, 0.0), Retried)


@pytest.mark.parametrize(
    ("timeout", "hard", "seconds", "reason"),
    [
        (None, None, None, None),
        (2.0, None, 2.0, "timeout"),
        (None, 3.0, 3.0, "time_limit"),
        (2.0, 3.0, 2.0, "timeout"),
        (3.0, 2.0, 2.0, "time_limit"),
    ],
)
def test_the_first_limit_to_run_out(timeout: float | None, hard: float | None, seconds: float, reason: str) -> None:
    limit = limits.limit_of(Node(0, "a", "A", timeout=timeout), hard)
    assert (limit and limit.seconds, limit and limit.outcome.info["reason"]) == (seconds, reason)


@pytest.mark.parametrize(
    ("message", "task", "worker", "limit"),
    [
        ([None, None], None, None, None),
        (None, None, None, None),
        ([None, 9], 5, 7, 5),
        ([4, None], 5, 7, 4),
        (None, None, 7, 7),
    ],
)
def test_celerys_hard_limit(message: Any, task: int | None, worker: int | None, limit: int | None) -> None:
    """As `celery/worker/request.py`: the message's, or else the task's, or else the worker's."""
    assert limits.hard_limit({"timelimit": message}, SimpleNamespace(time_limit=task), worker) == limit


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Node(0, "a", "A"), None),
        (Node(0, "a", "A", expires=5.0), None),
        (Node(0, "a", "A", expires=4.0), "The task expired: it was released 5.0 s ago, 4 s were allowed."),
        (
            Node(0, "a", "A", expires=6.0, countdown=2.0),
            "The task expired: it was released 7.0 s ago, 6 s were allowed.",
        ),
        (Node(0, "a", "A", expires=8.0, countdown=2.0), None),
        (Node(0, "a", "A", expires_at=100_000), None),
        (Node(0, "a", "A", expires_at=97_500), "The task expired 2.5 s before a worker took it."),
    ],
)
def test_what_comes_too_late(node: Node, text: str | None) -> None:
    failed = control._expired(node, 5.0, 100_000.0)
    assert (failed and failed.info["exception"]) == text
    assert failed is None or (failed.info["type"], failed.info["reason"]) == ("TaskRevokedError", "expired")


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("ValueError", "ValueError('no')"),
        ("UnicodeDecodeError", "UnicodeDecodeError('no')"),
        ("SystemExit", "SystemExit('no')"),
        ("NotHere", "NotHere('no')"),
        ("open", "open('no')"),
    ],
)
def test_an_error_as_an_errback_sees_it(kind: str, shown: str) -> None:
    error = errback._exception({"type": kind, "exception": "no"})
    assert isinstance(error, Exception)
    assert (repr(error), str(error), type(error).__name__) == (shown, "no", kind)


@pytest.mark.parametrize(
    ("node", "priority", "limits"),
    [
        (Node(0, "a", "A", queue="cpu"), 0, [None, None]),
        (Node(0, "a", "A", queue="cpu", priority=6, time_limit=9.0, soft_time_limit=5.0), 6, [9.0, 5.0]),
    ],
)
def test_a_message_says_what_celery_is_to_keep(node: Node, priority: int, limits: list[float | None]) -> None:
    app = make_app(load_settings(broker_url="memory://"))
    engine: Any = SimpleNamespace(node_of=lambda item: node, settings=load_settings())
    Dispatcher(app, engine).publish([Item("run", 0, 1, "plan")])
    with app.connection_for_read() as connection, connection.SimpleQueue("cpu") as queue:
        message = queue.get(timeout=5)
        message.ack()
    assert (message.properties["priority"], message.headers["timelimit"]) == (priority, limits)
