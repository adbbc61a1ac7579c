"""What a claimed task is called with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from umbel.celery import codec
from umbel.celery.capture import opened
from umbel.engine.calls import Claim
from umbel.engine.engine import Engine, Token
from umbel.plan.calling import positional
from umbel.plan.model import Call as Fixed
from umbel.plan.model import Node


@dataclass(frozen=True, slots=True)
class Call:
    """A claimed task, ready to be called."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def is_item(token: Token, claim: Claim) -> bool:
    """Whether the task is one item of a map."""
    return token.task != claim.node


def arguments(engine: Engine, token: Token, claim: Claim, node: Node, payload: Callable[[], Any]) -> Call:
    """Its arguments, unless an expression says what they are: those of an earlier attempt's `self.retry(args=...)`, a
    canvas's, or Director's (engine.md, "Calling convention"), where a map's item is what comes first.

    Args:
        payload: gives the run's payload, for this call alone.
    """
    if claim.args:
        args, kwargs = opened().decode(claim.args)
        return Call(tuple(args), kwargs)
    if node.call is not None:
        args, fixed = positional(replace(node, call=revived(node.call)), inputs(engine, token, claim))
        return Call(tuple(args), dict(fixed))
    director = {"payload": payload(), "workflow_id": token.run}
    if is_item(token, claim):
        return Call((opened().decode(claim.item),), director)
    return Call(node.arguments(inputs(engine, token, claim)), director)


def revived(call: Fixed) -> Fixed:
    """A canvas's arguments with their dates and the like, which a plan holds as Celery's JSON has them."""
    kwargs = {name: codec.revive(each) for name, each in call.kwargs.items()}
    return replace(call, args=tuple(codec.revive(call.args)), kwargs=kwargs)


def inputs(engine: Engine, token: Token, claim: Claim) -> list[Any]:
    """The results that the task waited for, in definition order."""
    if claim.inputs:
        found: list[Any] = opened().decode(claim.inputs)
        return found
    return [opened().decode(text) for text in engine.inputs(token.run, claim.node, claim.plan)]
