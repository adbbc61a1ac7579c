"""A Celery app as one may find it: nothing in it knows of Umbel. Its own task class, names, queues, broker, results."""

import json
import os
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import redis
from celery import Celery, Task, shared_task


class Checked(Task):
    """A task class of the app's own, which wraps every call."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)


app = Celery(
    "shop",
    broker=os.environ.get("SHOP_BROKER", "memory://"),
    backend=os.environ.get("SHOP_RESULTS", "cache+memory://"),
    task_cls=Checked,
)
app.conf.update(broker_connection_retry_on_startup=True, result_expires=600)


class ShopError(Exception):
    """An error of the app's own."""


def shown(value: Any) -> str:
    """A value, short."""
    return "[" + ",".join(map(shown, value)) + "]" if isinstance(value, list | tuple) else str(value)


def _speaking(name: str) -> Any:
    """A task that returns its name and what it was called with, so that a result tells the whole way there."""

    def body(*args: Any, **kwargs: Any) -> str:
        return f"{name}({','.join([*map(shown, args), *(f'{key}={shown(kwargs[key])}' for key in sorted(kwargs))])})"

    return app.task(name=name, shared=False)(body)


a, b, c, d, e, f = (_speaking(name) for name in "abcdef")


@app.task
def add(x: int, y: int) -> int:
    return x + y


@shared_task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@shared_task(name="stock.double", bind=True)
def double(self: Task, x: int) -> int:
    return x * 2


@app.task(name="boom")
def boom(*args: Any) -> None:
    raise ValueError(f"boom {shown(args)}")


@app.task(name="own")
def own(*args: Any) -> None:
    raise ShopError("out of stock")


@app.task(name="many")
def many(n: int) -> list[int]:
    return list(range(n))


@app.task(name="nothing")
def nothing(*args: Any) -> None:
    return None


@app.task(name="typed")
def typed(*args: Any) -> list[str]:
    return [f"{type(each).__name__}:{each}" for each in args]


@app.task(name="dated")
def dated(*args: Any) -> dict[str, Any]:
    day = datetime(2026, 11, 22, 10, 0)  # noqa: DTZ001
    return {"at": day, "on": date(2026, 11, 22), "sum": Decimal("1.50"), "id": UUID(int=7), "raw": b"\x00\xff"}


@app.task(name="retried", bind=True, max_retries=2)
def retried(self: Task, *args: Any) -> str:
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return f"retried({shown(args)}) {self.request.retries}"


@app.task(name="about", bind=True)
def about(self: Task, *args: Any, of: tuple[str, ...] = ()) -> list[Any]:
    """What the task can see of how it was sent."""
    request = self.request
    seen = {
        "queue": request.delivery_info["routing_key"],
        "priority": request.delivery_info.get("priority"),
        "id": request.id,
        "limits": request.timelimit,
        "called": request.called_directly,
        "name": request.task,
        "retries": request.retries,
        "args": request.args,
    }
    return [seen[word] for word in of]


# -- what runs beside the results writes down that it was called


def _write(key: str, *said: Any) -> None:
    with redis.Redis.from_url(os.environ["SHOP_NOTES"]) as client:
        client.rpush(key, json.dumps(said))


@app.task(name="note")
def note(*args: Any, key: str = "") -> str:
    _write(key, "note", *args)
    return "noted"


@app.task(name="old_errback")
def old_errback(uuid: str, key: str = "") -> None:
    _write(key, "old", uuid)


@app.task(name="new_errback")
def new_errback(request: Any, error: BaseException, traceback: Any, key: str = "") -> None:
    _write(key, "new", request.id, type(error).__name__, str(error))


@app.task(name="bound_errback", bind=True)
def bound_errback(self: Task, uuid: str, key: str = "") -> None:
    _write(key, "bound", uuid)
