"""Errbacks of a canvas (`link_error`), called as Celery does (`celery/backends/base.py`, `_call_task_errbacks`)."""

import builtins
from contextlib import suppress
from functools import partial
from typing import Any, Final

from celery import Celery
from celery.app.task import Context
from celery.exceptions import ChordError
from celery.utils.functional import arity_greater
from celery.utils.serialization import create_exception_cls

from umbel.celery.calling import Call, revived
from umbel.celery.outcome import Outcome, Skipped
from umbel.engine.calls import Claim
from umbel.engine.engine import Engine, Token
from umbel.plan.model import Node, task_id

MOST_LOOKED_AT: Final = 10_000
"""Tasks that are looked at, at most, to find the one whose error ended a chord."""

PORTION: Final = 500
"""Tasks that are looked at in one call."""


def decide(app: Celery, engine: Engine, token: Token, claim: Claim, node: Node) -> Call | Outcome:
    """How an errback is called: with (request, error, traceback) if it takes more than one argument, else with the id
    of the task that failed; in front of its own arguments, unless it is immutable.

    Celery calls an errback for the task that failed, and for the body of a chord whose header failed; not for what
    would have come after them in a chain, and neither does this.
    """
    assert node.call is not None
    call = revived(node.call)
    partition = engine.partition(token.run)
    (need, *_) = engine.needs(partition, claim.plan, claim.node)
    (end,) = engine.ends(token.run, [need.index])
    if end.error is not None:
        about, error = end.error, _exception(end.error)
    elif need.call is not None and need.call.gathers:
        failed = _origin(engine, token, claim, need)
        if failed is None:
            return Skipped("nothing has failed")
        culprit, told = failed
        text = f"Dependency {_id(token, culprit)} raised {_exception(told)!r}"
        about, error = {}, ChordError(text)
    else:
        return Skipped("its task has not run")
    if call.immutable:
        return Call(call.args, dict(call.kwargs))
    request = Context(id=_id(token, need), task=need.task, root_id=token.run, delivery_info={}, called_directly=False)
    if _takes_error(app, node):
        return Call((request, error, about.get("traceback"), *call.args), dict(call.kwargs))
    return Call((request.id, *call.args), dict(call.kwargs))


def _takes_error(app: Celery, node: Node) -> bool:
    """As Celery tells new errbacks from old ones; one that is bound counts as old (celery #3723)."""
    header = getattr(app.tasks[node.task], "__header__", None)
    if header is None or isinstance(header, partial):
        return False
    call = node.call
    if call is not None and (call.args or call.kwargs):
        # Its own arguments do not count, as in `Backend._errback_arity_greater`.
        with suppress(TypeError, ValueError):
            return bool(arity_greater(partial(header, *call.args, **call.kwargs), 1))
    return bool(arity_greater(header, 1))


def _origin(engine: Engine, token: Token, claim: Claim, body: Node) -> tuple[Node, dict[str, Any]] | None:
    """The failed task because of which a chord's body will never run."""
    partition, seen = engine.partition(token.run), {body.index}
    todo: list[Node] = [body]
    while todo and len(seen) < MOST_LOOKED_AT:
        needs = [each for each in engine.needs(partition, claim.plan, todo.pop(0).index) if each.index not in seen]
        seen |= {each.index for each in needs}
        for start in range(0, len(needs), PORTION):
            some = needs[start : start + PORTION]
            for need, end in zip(some, engine.ends(token.run, [each.index for each in some]), strict=True):
                if end.error is not None:
                    return need, end.error
                if end.state == "upstream_failed":
                    todo.append(need)
    return None


def _id(token: Token, node: Node) -> str:
    return node.id or task_id(token.run, node.index)


def _exception(told: dict[str, Any]) -> BaseException:
    """An error as it was raised, as far as its name and text tell: one of Python's own, else one of the same name."""
    name, text = str(told.get("type") or "Exception"), str(told.get("exception") or "")
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        with suppress(TypeError):  # UnicodeError's classes want more than a text
            return kind(text)
    made: BaseException = create_exception_cls(name, "celery.exceptions")(text)
    return made
