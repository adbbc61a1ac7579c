"""What the stories about both engines are told with."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import redis

from tests.model.pair import Pair
from umbel.engine.engine import Token, request_id
from umbel.engine.portions import Kept
from umbel.engine.reference_state import Run
from umbel.machine import Code
from umbel.plan.model import Plan


def stories() -> Iterator[Callable[["redis.Redis"], None]]:
    """Every test that tells both engines of a moment which random steps seldom meet, and that takes no time."""
    for name in ("test_corners", "test_redispatch", "test_control", "test_epochs"):
        for test in vars(importlib.import_module(f"tests.model.{name}")).values():
            told = getattr(test, "__name__", "")
            if told.startswith("test_") and "many_" not in told and "wide_" not in told:
                yield test


def do(pair: Pair, method: str, *args: Any, **kwargs: Any) -> Any:
    """A call with a request id of its own, the same for both."""
    return pair.do(method, *args, **kwargs, request=kwargs.pop("request", None) or request_id())


def start(pair: Pair, run: str, task: int, epoch: int = 1) -> Token:
    """The task in the hands of a worker."""
    answer = do(pair, "claim", run, task, epoch, worker="w", pid=1)
    assert answer.code is Code.OK, answer
    return Token(run, task, epoch, answer.attempt)


def finish(pair: Pair, run: str, *tasks: int, epoch: int = 1) -> Any:
    """These run and succeed; the last answer."""
    answer = None
    for task in tasks:
        answer = do(pair, "succeed", start(pair, run, task, epoch), f'"{task}"', by="w")
    return answer


def run_of(pair: Pair, run: str) -> Run:
    return pair.reference._partitions[0].runs[run]


def states(pair: Pair, run: str) -> dict[int, str]:
    return {index: task.state.value for index, task in sorted(run_of(pair, run).tasks.items())}


def go_on(pair: Pair) -> list[tuple[str, int]]:
    """What the loops release until they find nothing more."""
    found: list[tuple[str, int]] = []
    for _ in range(50):
        items, _next = pair.do("promote", 0, by="s")
        more, left = pair.do("advance", 0, by="s")
        found += [(item.run, item.task) for item in (*items, *more)]
        if not items and not more and not left:
            return found
    raise AssertionError("the loops find no end")


def restore(
    pair: Pair, run: str, plan: Plan, tasks: list[Kept], *, epoch: int = 2, state: str = "pending", **more: Any
) -> Any:
    about = {"epoch": epoch, "seq": 9, "state": state, "tasks": tasks, "info": {"kept": {}}, **more}
    return do(pair, "restore", run, plan, "{}", **about)


def spawn(pair: Pair, run: str, child: str, plan: Plan, task: int = 0) -> Any:
    return do(pair, "spawn", start(pair, run, task), child, plan.hash, "{}", "x.SUB", by="w")
