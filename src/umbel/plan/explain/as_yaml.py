"""A canvas's plan as a YAML definition whose plan is the same, where there is one."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from umbel.definition import parse
from umbel.definition.calls import SECONDS
from umbel.errors import DefinitionError
from umbel.plan.build import build
from umbel.plan.model import Node, Plan, as_dict

_REFUSED: Final = {
    "errback": "a callback for errors (`link_error`)",
    "quiet": "a callback (`link`)",
    "takes_nothing": "an empty group before it",
    "at": "a moment (`eta`)",
    "expires_at": "a moment at which it expires",
    "id": "a task id of its own",
}
"""Fields of a node that a definition has no word for."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none"})
KEEP: Final = "`umbel.define` keeps the canvas itself as a definition."


def as_yaml(plan: Plan) -> tuple[str | None, str]:
    """The definition, and if there is none, why.

    It is read and built again before it is given: what would run otherwise than the canvas is not called its equal.
    """
    for node in plan.nodes:
        for name, what in _REFUSED.items():
            if getattr(node, name) not in (None, False):
                return None, f"{node.key} has {what}, which a definition has no word for. {KEEP}"
        if node.call is not None and not isinstance(node.call.gathers, bool):
            return None, f"{node.key} takes lists within its list, which a definition has no word for. {KEEP}"
    if not _flat(plan):
        return None, f"The result is not what its last tasks return, one by one. {KEEP}"
    keys = _keys(plan)
    lines = [f"{_key(plan.definition)}:", "  tasks:", *(f"    {_entry(keys, node)}" for node in plan.nodes)]
    text = "\n".join(lines) + "\n"
    if not same(text, plan):
        return None, f"A value in it cannot be written so that YAML reads the same. {KEEP}"
    return text, ""


def same(text: str, plan: Plan) -> bool:
    """Whether the definition in a text has the plan of a canvas: the same tasks (whatever their keys), calls, needs and
    result."""
    catalog = parse(text, file="canvas.yml")
    definition = catalog.definitions.get(plan.definition)
    if definition is None:
        return False
    try:
        other = build(definition)
    except DefinitionError:
        return False
    return [_told(node) for node in other.nodes] == [_told(node) for node in plan.nodes] and other.ends == plan.ends


def _told(node: Node) -> str:
    return json.dumps({**as_dict(node), "key": ""}, sort_keys=True)


def _keys(plan: Plan) -> list[str]:
    """The keys of the nodes, in letters that a definition's keys have: `a#2` is `a-2`, unless another is called so."""
    found: dict[str, None] = {}
    for node in plan.nodes:
        key = _UNFIT.sub("-", node.key).lstrip(".") or "task"
        while key in found:
            key += "-"
        found[key] = None
    return list(found)


def _flat(plan: Plan) -> bool:
    """Whether the plan returns what it would without saying so."""
    last = tuple(index for index in range(plan.tasks) if not plan.dependents[index])
    if isinstance(plan.returns, list):
        return len(plan.returns) > 1 and tuple(plan.returns) == last
    return (plan.returns,) == last


def _entry(keys: list[str], node: Node) -> str:
    words: dict[str, Any] = {"task": node.task}
    if node.needs:
        words["needs"] = [keys[need] for need in node.needs]
    call: dict[str, Any] = {}
    if node.call is not None:
        call |= {"args": list(node.call.args)} if node.call.args else {}
        call |= {"kwargs": dict(node.call.kwargs)} if node.call.kwargs else {}
        call |= {"immutable": True} if node.call.immutable else {}
        call |= {"list": True} if node.call.gathers and len(node.needs) == 1 else {}
    words["call"] = call | {name: value for name in SECONDS if (value := getattr(node, name)) is not None}
    words |= {name: value for name in ("queue", "priority") if (value := getattr(node, name)) is not None}
    return f"{_key(keys[node.index])}: {_value(words)}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(name)}: {_value(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return _key(value)
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) else f"{value:.17e}"
    return json.dumps(value)


def _key(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text)
