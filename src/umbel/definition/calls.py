"""`call`: a task of the mapping form that is called as a Celery signature is, and not by Director's convention."""

import math
from typing import Any, Final

from yaml.nodes import MappingNode, Node, SequenceNode

from umbel.definition.document import describe, is_nothing, mapping, plain
from umbel.definition.model import SignatureCall
from umbel.definition.problems import Report, shorten

SECONDS: Final = ("countdown", "expires", "time_limit", "soft_time_limit")
KEYS: Final = ("args", "kwargs", "immutable", "list", *SECONDS)
HINT: Final = "Write call: {args: [...], kwargs: {name: value}, immutable: true}, or some of it; {} for none."


def read_call(node: Node, report: Report) -> SignatureCall | None:
    """What stands below `call`, or None and problems."""
    if is_nothing(node):
        return SignatureCall()
    if not isinstance(node, MappingNode):
        report.add("bad-call", node.start_mark, f"`call` is a mapping, found {describe(node)}", HINT)
        return None
    found: dict[str, Any] = {}
    for word, (where, value) in mapping(node, report).items():
        if word not in KEYS:
            hint = report.nearest(word, KEYS) or f"`call` has {', '.join(KEYS)}."
            report.add("unknown-key", where.start_mark, f"{shorten(word)} of `call` means nothing", hint)
        elif (wrong := _wrong(word, value, given := plain(value, report))) is not None:
            report.add("bad-call", value.start_mark, f"`{word}` of `call` is {wrong}, found {describe(value)}", HINT)
        else:
            found["gathers" if word == "list" else word] = tuple(given) if word == "args" else given
    return SignatureCall(**found)


def _wrong(word: str, node: Node, value: Any) -> str | None:
    if word == "args":
        return None if isinstance(node, SequenceNode) else "a list"
    if word == "kwargs":
        return None if isinstance(node, MappingNode) else "a mapping of names to values"
    if word in SECONDS:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if number and math.isfinite(value) and value >= 0 else "a number of seconds"
    return None if isinstance(value, bool) else "true or false"
