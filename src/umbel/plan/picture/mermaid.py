"""A plan as a Mermaid flowchart: for Markdown on GitHub, and for documentation."""

from collections.abc import Mapping
from typing import Final

from umbel.plan.model import Node, Plan
from umbel.plan.picture.marks import Kind, calls, is_conditional, kind_of, marks

_SHAPES: Final[dict[Kind, tuple[str, str]]] = {
    "task": ('["', '"]'),
    "map": ('[/"', '"/]'),
    "workflow": ('[["', '"]]'),
    "approval": ('{{"', '"}}'),
    "hook": ('(["', '"])'),
}
"""Rectangle, parallelogram, double frame, hexagon, stadium."""

_COLORS: Final = {
    "success": "#2da44e",
    "error": "#cf222e",
    "running": "#0969da",
    "retrying": "#bf8700",
    "awaiting_input": "#8250df",
}


def mermaid(plan: Plan, states: Mapping[int, str] | None = None) -> str:
    """A flowchart, left to right.

    A condition makes the arrows that lead to a task dotted. `states`, by index, are shown as text, and as the frame's
    colour.
    """
    states = states or {}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        before, after = _SHAPES[kind_of(node)]
        state = states.get(node.index, "")
        lines.append(f"  t{node.index}{before}{_text(node, state)}{after}{f':::{state}' if state else ''}")
    for node in plan.nodes:
        arrow = "-.->" if is_conditional(node) else "-->"
        lines.extend(f"  t{need} {arrow} t{node.index}" for need in node.needs)
    for state in dict.fromkeys(states.values()):
        frame = f"stroke:{_COLORS[state]},stroke-width:3px" if state in _COLORS else "stroke-dasharray:4"
        lines.append(f"  classDef {state} {frame}")
    return "\n".join(lines) + "\n"


def _text(node: Node, state: str) -> str:
    task = calls(node)
    lines = [f"{node.key}: {task}" if task else node.key, ", ".join(marks(node)), state.replace("_", " ")]
    return "<br/>".join(_escaped(line) for line in lines if line)


def _escaped(text: str) -> str:
    """Mermaid's own entities: it has no backslash escapes. A back-quote would begin its Markdown."""
    text = "".join(each if each.isprintable() else "\ufffd" for each in text)
    for sign, name in {"#": "35", '"': "quot", "<": "lt", ">": "gt", "&": "amp", "`": "96"}.items():
        text = text.replace(sign, f"\0{name};")
    return text.replace("\0", "#")
