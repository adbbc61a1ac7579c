"""YAML text -> a tree of nodes that is safe to walk and knows its lines; and from there to plain JSON values.

Sizes are measured on the parser's events, before any tree is made, so that neither depth nor aliases can hurt:
`yaml.compose` recurses per level and shares aliased nodes, which whoever walks the tree would visit again and again.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader

from umbel.definition.problems import At, Position, Report, shorten

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 50
MAX_ALIASED: Final = 100_000

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"
_AS_TEXT: Final = frozenset({_TAG + "str", _TAG + "timestamp", _TAG + "value", _TAG + "merge"})
_SCALARS: Final = frozenset({_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"})
_CONTAINERS: Final = frozenset({_TAG + "map", _TAG + "seq"})


class Refused(Exception):
    """The text as a whole cannot be used; caught in this package."""

    def __init__(self, code: str, where: Position | None, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.where, self.message, self.hint = code, where, message, hint


def compose(text: str) -> Node | None:
    """The root node of a YAML text, or None for an empty one.

    Raises:
        Refused: not YAML, more than one document, a forbidden character, too large, too deep, or an alias bomb.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise Refused("file-too-large", None, f"larger than {MAX_BYTES:,} bytes", "Split it, or generate less.")
    text = text.removeprefix("\ufeff")
    if bad := Reader.NON_PRINTABLE.search(text):
        before = text[: bad.start()]
        where = At(before.count("\n"), len(before) - before.rfind("\n") - 1)
        raise Refused("bad-character", where, f"the character {bad.group()!a} may not stand in YAML", "Remove it.")
    try:
        _measure(text)
        root: Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise Refused("yaml-syntax", mark, f"not YAML: {what}", _syntax_hint(text, mark)) from error
    except yaml.YAMLError as error:
        raise Refused("yaml-syntax", None, f"not YAML: {error}") from error
    return root


def _syntax_hint(text: str, mark: Position | None) -> str:
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "Indent with spaces: YAML forbids tabs there."
    return ""


@dataclass(slots=True)
class _Open:
    anchor: str | None
    size: int = 1
    height: int = 1


def _measure(text: str) -> None:
    """Refuse depth, recursion and bombs, by adding up sizes as containers close. One pass, no recursion."""
    anchors: dict[str, _Open] = {}
    stack: list[_Open] = [_Open(None)]
    aliased = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            stack.append(_Open(event.anchor))
            if event.anchor:
                anchors[event.anchor] = stack[-1]
            if len(stack) - 1 > MAX_DEPTH:
                raise Refused("too-deep", event.start_mark, f"nested deeper than {MAX_DEPTH}", "Flatten it.")
            continue
        parent = stack[-1]
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            inner = stack.pop()
            parent = stack[-1]
            parent.size += inner.size
            parent.height = max(parent.height, inner.height + 1)
        elif isinstance(event, yaml.ScalarEvent):
            parent.size += 1
            if event.anchor:
                anchors[event.anchor] = _Open(event.anchor)
        elif isinstance(event, yaml.AliasEvent) and (target := anchors.get(event.anchor or "")):
            if any(each is target for each in stack):
                raise Refused(
                    "alias-bomb", event.start_mark, f"the alias *{event.anchor} contains itself", "Write it out."
                )
            parent.size += target.size
            parent.height = max(parent.height, target.height + 1)
            aliased += target.size
            if len(stack) - 1 + target.height > MAX_DEPTH:
                raise Refused("too-deep", event.start_mark, f"nested deeper than {MAX_DEPTH}", "Flatten it.")
            if aliased > MAX_ALIASED:
                message = f"aliases add more than {MAX_ALIASED:,} values to the text"
                raise Refused("alias-bomb", event.start_mark, message, "Use fewer aliases of aliases.")


def mapping(node: MappingNode, report: Report) -> dict[str, tuple[Node, Node]]:
    """The mapping's text keys -> (key node, value node); merge keys (`<<`) are resolved, a repeated key is reported.

    A key is taken as it is written: `on:` and `1:` are the texts "on" and "1". Of a repeated key the later one counts.
    """
    explicit: dict[str, tuple[Node, Node]] = {}
    merged: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        if key.tag == _TAG + "merge" and isinstance(key, ScalarNode):
            sources = value.value if isinstance(value, SequenceNode) else [value]
            for source in sources:
                if isinstance(source, MappingNode):
                    for name, pair in mapping(source, report).items():
                        merged.setdefault(name, pair)
                else:
                    report.add("bad-value", source.start_mark, "`<<` merges a mapping or a list of mappings")
        elif not isinstance(key, ScalarNode):
            report.add("bad-key", key.start_mark, "a list or mapping cannot be a key")
        else:
            if key.value in explicit:
                first = explicit[key.value][0].start_mark.line + report.line_offset + 1
                message = f"the key {shorten(key.value)} is used twice (first in line {first})"
                report.add("duplicate-key", key.start_mark, message, "Remove one of them.")
            explicit[key.value] = (key, value)
    return merged | explicit if merged else explicit


def text_of(node: Node) -> str | None:
    """The text of a node that is plain text, else None (also for a bare number, yes, no or null)."""
    return node.value if isinstance(node, ScalarNode) and node.tag in _AS_TEXT else None


def is_nothing(node: Node) -> bool:
    """Whether the node is null, or was left out after a dash or colon."""
    return bool(node.tag == _TAG + "null")


def describe(node: Node) -> str:
    """What a node is, for a message."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    kinds = {_TAG + "int": "the number", _TAG + "float": "the number", _TAG + "bool": "the truth value"}
    if is_nothing(node):
        return "nothing"
    return f"{kinds.get(node.tag, 'the text')} {shorten(node.value)}"


def plain(node: Node, report: Report) -> Any:
    """The node as a JSON value. Dates stay the text they are; what JSON lacks is reported and becomes None."""
    if isinstance(node, MappingNode) and node.tag in _CONTAINERS:
        return {key: plain(value, report) for key, (_, value) in mapping(node, report).items()}
    if isinstance(node, SequenceNode) and node.tag in _CONTAINERS:
        return [plain(each, report) for each in node.value]
    if isinstance(node, ScalarNode):
        value = _scalar(node)
        if value is not _NO_VALUE:
            return value
    tag = node.tag.removeprefix(_TAG)
    hint = "Put it in quotes to make it text."
    what = f"a value of the YAML tag {shorten(tag)}"
    if node.tag in _SCALARS:
        what = describe(node)
    elif node.tag in _AS_TEXT:
        what, hint = describe(node), "Remove the NUL or surrogate character from it."
    report.add("bad-value", node.start_mark, f"{what} has no JSON counterpart", hint)
    return None


_NO_VALUE: Final = object()
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")  # PostgreSQL takes no NUL, UTF-8 no surrogates
_CONSTRUCT: Final[dict[str, Any]] = {
    _TAG + "int": SafeConstructor.construct_yaml_int,
    _TAG + "float": SafeConstructor.construct_yaml_float,
    _TAG + "bool": SafeConstructor.construct_yaml_bool,
}


def _scalar(node: ScalarNode) -> Any:
    """Text, 64-bit integer, finite float, truth value or None; `_NO_VALUE` for anything else."""
    text: str = node.value
    if node.tag in _AS_TEXT:
        return text if not _UNSTORABLE.search(text) else _NO_VALUE
    if node.tag == _TAG + "null":
        return None
    if node.tag not in _CONSTRUCT or len(text) > 100:
        return _NO_VALUE
    try:
        value = _CONSTRUCT[node.tag](SafeConstructor(), node)
    except (ValueError, KeyError, IndexError, OverflowError, ConstructorError):  # `!!int x`, `!!bool x`
        return _NO_VALUE
    if isinstance(value, float):
        return value if math.isfinite(value) else _NO_VALUE
    return value if -(2**63) <= value < 2**64 else _NO_VALUE
