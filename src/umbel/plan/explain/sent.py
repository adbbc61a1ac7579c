"""The form in which Celery sends a canvas: what its preparation makes of it when it is started, and that as Python.

Ported from `celery/canvas.py` (5.7) by the names below, without ids; a test prepares the same canvases with Celery.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from umbel.plan.explain import made
from umbel.plan.explain.made import Canvas, Note

WIDTH: Final = 72
"""Characters of a line of the written form."""


def sent(canvas: Canvas, note: Note, *, top: bool = True) -> Canvas:
    """The canvas as it is sent. A chain of one step is that step."""
    match canvas.kind:
        case "chain":
            steps = [sent(step, note, top=False) for step in prepared(canvas.parts, note)]
            if len(steps) == 1:
                return replace(steps[0], line=canvas.line, column=canvas.column)
            return canvas.but(parts=tuple(steps))
        case "group":
            members = flat(canvas.parts, note) if top else flat_reversed(canvas.parts, note)
            return canvas.but(parts=tuple(sent(member, note, top=False) for member in members))
        case "chord":
            header = tuple(sent(member, note, top=False) for member in flat_reversed(canvas.parts, note))
            return canvas.but(parts=header, body=canvas.body and sent(canvas.body, note, top=False))
        case "chunks":
            parts = made.parts_of_chunks(canvas)
            return replace(parts, line=canvas.line, column=canvas.column)
    return canvas


def prepared(parts: Sequence[Canvas], note: Note) -> list[Canvas]:
    """`_chain.prepare_steps`: the steps of a chain, in their order."""
    steps = _from_the_head(deque(parts), note)
    done: list[Canvas] = []
    while steps:
        step = steps.pop()
        if step.kind == "group":
            step = made.unrolled(step, note)
            if made.empty(step) and (steps or done):
                note("dropped", step)
                continue
        if step.kind == "chord" and step.body and _led_by_task(step.body):
            first, *others = made.unchained(step.body)
            kept = {name: it for name, it in step.body.options.items() if name not in _OF_THE_RUN}
            steps.extend((step.but(body=made.set_options(first, kept)), *others))
        elif step.kind == "chain":
            note("spliced", step)
            steps.extend(step.parts)
        elif step.kind == "group" and done:
            note("chord", step)
            done.append(made.chord(step, done.pop()))
        else:
            done.append(step)
    return done[::-1]


_OF_THE_RUN: Final = frozenset(
    {"chord", "group_id", "group_index", "link", "link_error", "parent_id", "root_id", "task_id"}
)


def _from_the_head(steps: deque[Canvas], note: Note) -> deque[Canvas]:
    """Chains at the head spliced, empty groups stripped, as long as another step follows."""
    stripped = None
    while steps:
        head = steps[0]
        if head.kind == "chain":
            steps.popleft()
            note("spliced", head)
            steps.extendleft(reversed(head.parts))
            continue
        if head.kind == "group":
            head = steps[0] = made.unrolled(head, note)
            if len(steps) > 1 and made.empty(head):
                note("dropped", head)
                stripped = steps.popleft()
                continue
        break
    if stripped is not None and not steps:
        steps.append(stripped)
    return steps


def _led_by_task(body: Canvas) -> bool:
    """`_is_chain_led_by_task`."""
    return body.kind == "chain" and bool(body.parts) and body.parts[0].kind != "group"


def flat(members: Sequence[Canvas], note: Note) -> list[Canvas]:
    """`group._prepared`: of a group that is started itself."""
    found: list[Canvas] = []
    for member in members:
        if member.kind == "group":
            note("opened", member)
            found += flat(member.parts, note)
        elif member.kind != "chain" or member.parts:
            found.append(member)
    return found


def flat_reversed(members: Sequence[Canvas], note: Note) -> list[Canvas]:
    """`group._freeze_unroll`: of a group in a chain or chord. Members of an inner group come in the reverse order."""
    found: list[Canvas] = []
    stack = deque(members)
    while stack:
        member = stack.popleft()
        if member.kind == "group":
            note("opened", member)
            stack.extendleft(member.parts)
        elif member.kind != "chain" or member.parts:
            found.append(member)
    return found


def written(canvas: Canvas) -> str:
    """A canvas as Python, on one line or with one part a line."""
    return "\n".join(_lines(canvas, 0))


def _lines(canvas: Canvas, depth: int) -> list[str]:
    pad = "    " * depth
    short = _short(canvas)
    if len(pad) + len(short) <= WIDTH or canvas.kind in ("task", "map", "chunks"):
        return [pad + short]
    end = _options(canvas)
    if canvas.kind == "chord":
        header = _lines_of_list([_lines(part, depth + 2) for part in canvas.parts], depth + 1)
        return [f"{pad}chord(", *header, *_ended(_lines(canvas.body, depth + 1) if canvas.body else []), f"{pad}){end}"]
    inner = (_lines(part, depth + 1) for part in canvas.parts)
    return [f"{pad}{canvas.kind}(", *(line for lines in inner for line in _ended(lines)), f"{pad}){end}"]


def _lines_of_list(parts: list[list[str]], depth: int) -> list[str]:
    pad = "    " * depth
    return [f"{pad}[", *(line for lines in parts for line in _ended(lines)), f"{pad}],"]


def _ended(lines: list[str]) -> list[str]:
    return [*lines[:-1], f"{lines[-1]},"] if lines else []


def _short(canvas: Canvas) -> str:
    parts = ", ".join(map(_short, canvas.parts))
    match canvas.kind:
        case "chain" | "group":
            found = f"{canvas.kind}({parts})"
        case "chord":
            found = f"chord([{parts}], {_short(canvas.body) if canvas.body else None})"
        case "map" | "chunks":
            name, inner = canvas.task.removeprefix("celery."), canvas.kwargs["task"]
            more = f", {canvas.kwargs['n']}" if canvas.kind == "chunks" else ""
            found = f"{inner.task}.{name}({_literal(canvas.kwargs['it'])}{more})"
        case _:
            found = _task(canvas)
    return found + _options(canvas)


def _task(canvas: Canvas) -> str:
    given = [_literal(each) for each in canvas.args]
    plain = all(part.isidentifier() for part in canvas.task.split("."))
    if not plain or not all(name.isidentifier() for name in canvas.kwargs):
        args = f", args=({', '.join(given)},)" if given else ""
        kwargs = f", kwargs={_literal(canvas.kwargs)}" if canvas.kwargs else ""
        return f"signature({json.dumps(canvas.task)}{args}{kwargs}{', immutable=True' if canvas.immutable else ''})"
    given += [f"{name}={_literal(value)}" for name, value in canvas.kwargs.items()]
    return f"{canvas.task}.{'si' if canvas.immutable else 's'}({', '.join(given)})"


def _options(canvas: Canvas) -> str:
    plain = {name: it for name, it in canvas.options.items() if name not in ("link", "link_error")}
    words = [f"{name}={_literal(value)}" for name, value in plain.items()]
    links = canvas.callbacks("link")
    words += [f"link=[{', '.join(map(_short, links))}]"] if links else []
    errors = "".join(f".on_error({_short(each)})" for each in canvas.callbacks("link_error"))
    return (f".set({', '.join(words)})" if words else "") + errors


def _literal(value: Any) -> str:
    text = repr(dict(value) if not isinstance(value, dict | list | str) and hasattr(value, "keys") else value)
    return text if len(text) <= 120 else f"{text[:100]}…{text[-10:]}"
