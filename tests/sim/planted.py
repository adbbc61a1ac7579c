"""Bugs, each planted by itself, that the simulation has to find: what finds none of them proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from tests.sim.simulation import simulate
from umbel.engine.loops import Loops
from umbel.engine.reference import Reference
from umbel.engine.reference_loops import Redispatch
from umbel.engine.reference_run import OpenRun
from umbel.keeper.confirm import Confirm
from umbel.keeper.project import Projector
from umbel.keeper.relaunch import Relaunch
from umbel.machine import TaskState
from umbel.service import restore

MOST: Final = 40
"""Seeds within which a planted bug has to be found."""
_is_free, _refused, _write, _kept = Reference._is_free, OpenRun.refused, Projector._write, restore.kept_tasks


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _any_token(self: Any, token: Any, request: str, outcome: str, reply: Any) -> Any:
    task = self.peek(token.task)
    own = replace(token, attempt=task.attempt or 0, epoch=self.run.epoch)
    return _refused(self, own, request, outcome, reply)


def _claim_again(self: Any, here: Any, task: int) -> bool:
    return _is_free(self, here, task) or here.peek(task).state is TaskState.RUNNING


def _early(self: Any, index: int, good: bool, by: str) -> list[Any]:
    """A join that does not wait for its last input."""
    task, node = self.task(index), self.node(index)
    task.done = (task.done or 0) + good
    if task.state is TaskState.WAITING and node and task.done >= max(1, len(node.needs) - 1):
        self.release(index, by)
    return []


def _forgetful(self: Any, index: int, request: str, answer: Any) -> Any:
    return answer


def _skipping(self: Any, events: list[Any], new: str) -> None:
    _write(self, events[:-1] if len(events) > 7 else events, new)


def _kept_nothing(*args: Any) -> Iterator[Any]:
    for each in _kept(*args):
        yield each._replace(state="", result="")


PLANTS: Final[dict[str, tuple[Any, str, Callable[..., Any]]]] = {
    "a finish needs no valid token": (OpenRun, "refused", _any_token),
    "a running task can be claimed": (Reference, "_is_free", _claim_again),
    "a join starts before its last input": (OpenRun, "_hear", _early),
    "tasks of a canceled run begin": (OpenRun, "is_stopped", lambda self, index: False),
    "answers are not remembered": (OpenRun, "remember", _forgetful),
    "lost attempts are not looked for": (Loops, "_sweep", _nothing),
    "lost messages are not sent again": (Redispatch, "overdue", lambda self, after: ()),
    "the history misses events": (Projector, "_write", _skipping),
    "ended runs are not forgotten": (Projector, "_clean", _nothing),
    "runs without events are not launched again": (Relaunch, "turn", lambda self: self._look_for_lost() or 5.0),
    "lost runs are not rebuilt": (Relaunch, "_look_for_lost", _nothing),
    "a rebuilt run does again what is done": (restore, "kept_tasks", _kept_nothing),
    "an older state store is not compared": (Confirm, "_compare", _nothing),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The bug is there."""
    where, what, bug = PLANTS[name]
    with patch.object(where, what, bug):
        yield


def hunt(name: str, first: int = 0, most: int = MOST) -> tuple[int, str] | None:
    """The first seed that finds the bug, and what it says."""
    with planted(name):
        for seed in range(first, first + most):
            if problem := simulate(seed).problem:
                return seed, problem
    return None
