"""Canvases by chance: chains, groups, chords and maps in each other, with partial, immutable and keyword arguments."""

from collections.abc import Mapping
from typing import Any

from celery import chain, chord, group
from hypothesis import strategies as st
from shop import a, b, c, d, e, f, many

DEPTH = 3


@st.composite
def _canvas(draw: st.DrawFn, depth: int) -> Any:
    kinds = ["task"] * 3 + (["chain", "group", "chord", "or"] if depth else [])
    match draw(st.sampled_from(kinds)):
        case "chain":
            return chain(*_several(draw, depth, 1))
        case "group":
            return group(_several(draw, depth, 1))
        case "chord":
            return chord(_several(draw, depth, 0), draw(_canvas(depth - 1)))
        case "or":
            return draw(_canvas(depth - 1)) | draw(_canvas(depth - 1))
    return draw(_tasks())


def _several(draw: st.DrawFn, depth: int, least: int) -> list[Any]:
    return [draw(_canvas(depth - 1)) for _ in range(draw(st.sampled_from([least, 1, 2, 2, 3])))]


@st.composite
def _tasks(draw: st.DrawFn) -> Any:
    match draw(st.integers(0, 9)):
        case 0:
            return draw(st.sampled_from([a, b])).map([1, 2])
        case 1:
            return many.si(draw(st.integers(0, 2)))
    task = draw(st.sampled_from([a, b, c, d, e, f]))
    args = draw(st.lists(st.integers(0, 9), max_size=1))
    kwargs = draw(st.sampled_from([{}, {}, {}, {"x": 1}]))
    return task.si(*args, **kwargs) if draw(st.integers(0, 6)) == 0 else task.s(*args, **kwargs)


CANVASES: st.SearchStrategy[Any] = _canvas(DEPTH)


def at_fault(canvas: Any) -> bool:
    """Whether Celery starts something in it once per member of a group (`FAULTS` in shapes.py): a chain goes on after a
    chord whose body ends in a group."""
    if not isinstance(canvas, Mapping):
        return False
    parts = canvas["kwargs"]
    tasks = [*(parts.get("tasks") or ()), *(parts.get("header") or ())]
    steps = parts.get("tasks") or () if canvas.get("subtask_type") == "chain" else ()
    return (
        any(step.get("subtask_type") == "chord" and _ends_in_group(step) for step in list(steps)[:-1])
        or any(map(at_fault, tasks))
        or at_fault(parts.get("body"))
    )


def _ends_in_group(canvas: Any) -> bool:
    kind = canvas.get("subtask_type")
    if kind == "chord":
        return _ends_in_group(canvas["kwargs"]["body"])
    if kind == "chain":
        return any(map(_ends_in_group, list(canvas["kwargs"]["tasks"])[-1:]))
    return kind == "group"
