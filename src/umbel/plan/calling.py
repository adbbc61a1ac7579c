"""What a task is called with, once the results of what it needs are known."""

from collections.abc import Mapping, Sequence
from typing import Any

from umbel.plan.model import Call, Node


def positional(node: Node, results: Sequence[Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments of a task whose call is fixed in the plan, or of one by Director's convention (without the payload
    and the run's id, which that adds).

    A canvas's task takes what it follows in front of its own arguments, as Celery prepends it (canvas guide,
    "Partials"), unless it is immutable. What follows a group takes one list, in the order of the group.

    Args:
        node: without a template call, and no errback: both need more than results.
        results: of `node.inputs`, in that order.

    Returns:
        Positional and keyword arguments.
    """
    call = node.call
    if call is None:
        return node.arguments(results), {}
    if call.immutable or not (node.needs or node.takes_nothing or results):
        return call.args, call.kwargs
    return (_taken(node, call, results), *call.args), call.kwargs


def _taken(node: Node, call: Call, results: Sequence[Any]) -> Any:
    if node.takes_nothing or not call.gathers:
        return node.argument(results)
    return list(results) if call.gathers is True else _shaped(call.gathers, results)


def _shaped(shape: Any, results: Sequence[Any]) -> Any:
    return [_shaped(each, results) for each in shape] if isinstance(shape, list | tuple) else results[shape]
