"""YAML text -> a tree of nodes that is safe to walk and knows its lines; and from there to plain JSON values.

Sizes are measured on the parser's events, while the tree is made, so that neither depth nor aliases can hurt:
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
MAX_VALUES: Final = 15_000
"""Keys, texts, lists, mappings and aliases of one file: reading and planning take 10 to 20 µs for each."""
MAX_ALIASED: Final = 15_000

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


class Budget:
    """How many values may still be read from a file; one for all the parts that it is read in."""

    def __init__(self, values: int | None = None) -> None:
        self.left = MAX_VALUES if values is None else values


def compose(text: str, budget: Budget | None = None) -> Node | None:
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
        return _Composer(budget or Budget()).compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise Refused("yaml-syntax", mark, f"not YAML: {what}", _syntax_hint(text, mark)) from error
    except yaml.YAMLError as error:
        raise Refused("yaml-syntax", None, f"not YAML: {error}") from error


def _syntax_hint(text: str, mark: Position | None) -> str:
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "Indent with spaces: YAML forbids tabs there."
    return ""


@dataclass(slots=True)
class _Open:
    """A node that is being read: how many values it holds and how deep, itself and aliases included."""

    node: Any = None
    key: Node | None = None
    size: int = 1
    height: int = 1


class _Composer:
    """Makes nodes of the parser's events, as PyYAML's own composer does, in one pass and without recursion, and refuses
    depth, circles and bombs before they are made."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._anchors: dict[str, _Open] = {}
        self._stack: list[_Open] = []
        self._aliased = 0
        self._root: Node | None = None
        self._tags: dict[str, str] = {}

    def compose(self, text: str) -> Node | None:
        loader = _LOADER(text)
        try:
            return self._read(loader)
        finally:
            loader.dispose()

    def _read(self, loader: Any) -> Node | None:
        begun = False
        for event in iter(loader.get_event, None):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._add(self._scalar(event), event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._begin(event, kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._end(event)
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                if begun:
                    message = "expected a single document in the stream, but found another document"
                    raise Refused("yaml-syntax", event.start_mark, f"not YAML: {message}")
                begun = True
        return self._root

    def _scalar(self, event: Any) -> Node:
        tag, value = event.tag, event.value
        if tag is None or tag == "!":
            tag = _TAG + "str"
            if event.implicit[0]:
                known = self._tags.get(value)
                tag = known or self._tags.setdefault(value, _implicit_tag(value))
        node: Node = ScalarNode(tag, value, event.start_mark, event.end_mark, style=event.style)
        if event.anchor:
            self._name(event, _Open(node))
        return node

    def _begin(self, event: Any, is_mapping: bool) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise Refused("too-deep", event.start_mark, f"nested deeper than {MAX_DEPTH}", "Flatten it.")
        tag = event.tag
        if tag is None or tag == "!":
            tag = _TAG + ("map" if is_mapping else "seq")
        kind = MappingNode if is_mapping else SequenceNode
        node: Node = kind(tag, [], event.start_mark, event.end_mark, flow_style=event.flow_style)
        here = _Open(node)
        if event.anchor:
            self._name(event, here)
        self._stack.append(here)

    def _end(self, event: Any) -> None:
        here = self._stack.pop()
        here.node.end_mark = event.end_mark
        self._add(here.node, event, here.size, here.height + 1)

    def _alias(self, event: Any) -> None:
        target = self._anchors.get(event.anchor)
        if target is None:
            raise Refused("yaml-syntax", event.start_mark, f"not YAML: found undefined alias {event.anchor!r}")
        if any(each is target for each in self._stack):
            message = f"the alias *{event.anchor} contains itself"
            raise Refused("alias-bomb", event.start_mark, message, "Write it out.")
        self._aliased += target.size
        if self._aliased > MAX_ALIASED:
            message = f"aliases add more than {MAX_ALIASED:,} values to the text"
            raise Refused("alias-bomb", event.start_mark, message, "Use fewer aliases of aliases.")
        if len(self._stack) + target.height > MAX_DEPTH:
            raise Refused("too-deep", event.start_mark, f"nested deeper than {MAX_DEPTH}", "Flatten it.")
        self._add(target.node, event, target.size, target.height + 1)

    def _name(self, event: Any, target: _Open) -> None:
        if event.anchor in self._anchors:
            raise Refused("yaml-syntax", event.start_mark, f"not YAML: found duplicate anchor {event.anchor!r}")
        self._anchors[event.anchor] = target

    def _add(self, node: Node, event: Any, size: int = 1, height: int = 1) -> None:
        """Put a finished node where it belongs."""
        self._budget.left -= 1
        if self._budget.left < 0:
            raise Refused("file-too-large", None, f"more than {MAX_VALUES:,} values", "Split it, or generate less.")
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        parent.size += size
        if height > parent.height:
            parent.height = height
        if type(parent.node) is SequenceNode:
            parent.node.value.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            parent.node.value.append((parent.key, node))
            parent.key = None


def _implicit_tag(value: str) -> str:
    """What a plain scalar is: the first resolver for its first letter that takes it, as in PyYAML's `resolve`."""
    for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers.get(value[:1], ()):
        if pattern.match(value):
            return str(tag)
    return _TAG + "str"


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
        if tag == "int":
            hint = "Whole numbers go from -2^63 to 2^64 - 1. " + hint
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
