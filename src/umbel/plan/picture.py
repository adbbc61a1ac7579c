"""Pictures of a plan as text: for the terminal and for Mermaid (Markdown on GitHub, the docs)."""

from typing import Final

from umbel.plan.model import Node, Plan

_WIDEST: Final = 8


def ascii(plan: Plan) -> str:
    """One row for each step of time, tasks that may run side by side beside each other.

        TASK_A
          ↓
        TASK_B | TASK_C
          ↓
        TASK_D

    A task waits for the whole row above it; where it does not, what it needs stands behind it. Rows of more than a
    few tasks are cut.
    """
    rows = levels(plan)
    lines: list[str] = []
    for place, row in enumerate(rows):
        above = tuple(rows[place - 1]) if place else ()
        shown = [_with_needs(plan, plan.nodes[index], above) for index in row[:_WIDEST]]
        if len(row) > _WIDEST:
            shown.append(f"… {len(row) - _WIDEST:,} more")
        lines.append(" | ".join(shown))
    return "\n  ↓\n".join(lines) + "\n" if lines else ""


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart, left to right."""
    lines = ["flowchart LR"]
    for node in plan.nodes:
        text = node.key if node.label == node.task else f"{node.key}: {node.task}"
        lines.append(f'  t{node.index}["{_escaped(text)}"]')
    lines.extend(f"  t{need} --> t{node.index}" for node in plan.nodes for need in node.needs)
    return "\n".join(lines) + "\n"


def levels(plan: Plan) -> list[list[int]]:
    """The tasks by the length of the longest path that leads to them; each level in definition order."""
    level = [0] * len(plan.nodes)
    for index in plan.order:
        level[index] = max((level[need] + 1 for need in plan.nodes[index].needs), default=0)
    rows: list[list[int]] = [[] for _ in range(max(level, default=-1) + 1)]
    for index, place in enumerate(level):
        rows[place].append(index)
    return rows


def _with_needs(plan: Plan, node: Node, above: tuple[int, ...]) -> str:
    if node.needs == above:
        return node.key
    names = [plan.nodes[need].key for need in node.needs[:_WIDEST]]
    more = ", …" if len(node.needs) > _WIDEST else ""
    return f"{node.key} (needs {', '.join(names)}{more})"


def _escaped(text: str) -> str:
    """Mermaid's own entities: it has no backslash escapes."""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
