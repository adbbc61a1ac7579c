"""A plan as rows of text, for the terminal."""

from collections.abc import Mapping
from typing import Final

from umbel.plan.model import Node, Plan
from umbel.plan.picture.layout import levels
from umbel.plan.picture.marks import marks

_WIDEST: Final = 8


def ascii(plan: Plan, states: Mapping[int, str] | None = None) -> str:
    """One row for each step of time, tasks that may run side by side beside each other.

        TASK_A
          ↓
        TASK_B | TASK_C
          ↓
        TASK_D [approval]

    A task waits for the whole row above it; where it does not, what it needs stands behind it. What is special about a
    task stands in brackets, its state behind a colon. Hooks stand apart, in the last row. Rows of more than a few tasks
    are cut.
    """
    rows = levels(plan)
    lines: list[str] = []
    for place, row in enumerate(rows):
        above = tuple(rows[place - 1]) if place else ()
        lines.append(_row(plan, row, above, states or {}))
    text = "\n  ↓\n".join(lines) + "\n" if lines else ""
    hooks = [node.index for node in plan.nodes if node.hook]
    return text + (f"\n{_row(plan, hooks, (), states or {})}\n" if hooks else "")


def _row(plan: Plan, row: list[int], above: tuple[int, ...], states: Mapping[int, str]) -> str:
    shown = [_task(plan, plan.nodes[index], above, states.get(index, "")) for index in row[:_WIDEST]]
    if len(row) > _WIDEST:
        shown.append(f"… {len(row) - _WIDEST:,} more")
    return " | ".join(shown)


def _task(plan: Plan, node: Node, above: tuple[int, ...], state: str) -> str:
    text = node.key
    if found := marks(node):
        text += f" [{', '.join(found)}]"
    if state:
        text += f": {state.replace('_', ' ')}"
    if tuple(sorted(node.needs)) == above:
        return text
    names = [plan.nodes[need].key for need in node.needs[:_WIDEST]]
    more = ", …" if len(node.needs) > _WIDEST else ""
    return f"{text} (needs {', '.join(names)}{more})"
