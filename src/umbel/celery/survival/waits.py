"""Reading the source of the tasks' modules: countdowns and ETAs that stand there as numbers, and the use of `chord`."""

import ast
from types import ModuleType
from typing import Final

from umbel.celery.survival.record import Wait

_UNITS: Final = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1, "weeks": 604800}


def waits(module: ModuleType) -> list[Wait]:
    """Every `countdown=` and `eta=` in a module whose length can be told without running it.

    Names, calls and what other modules send are not known, so this finds some, not all.
    """
    found = []
    for node in ast.walk(_tree(module)):
        if not isinstance(node, ast.Call):
            continue
        for word in node.keywords:
            if word.arg == "countdown":
                seconds = _number(word.value)
            elif word.arg == "eta":
                seconds = max((_delta(part) for part in ast.walk(word.value)), default=0.0)
            else:
                continue
            if seconds > 0:
                found.append(Wait(seconds, f"{module.__name__}, line {word.value.lineno}"))
    return found


def uses_chord(module: ModuleType) -> bool:
    """Whether a module imports `chord` from Celery."""
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] == "celery"
        and any(alias.name == "chord" for alias in node.names)
        for node in ast.walk(_tree(module))
    )


def calls_retry(function: object) -> bool:
    """Whether a function's code names `retry`."""
    code = getattr(function, "__code__", None)
    return "retry" in getattr(code, "co_names", ())


def _tree(module: ModuleType) -> ast.Module:
    try:
        with open(module.__file__ or "", "rb") as file:
            return ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _number(node: ast.expr) -> float:
    """A literal, or a product or sum of them; 0 for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Add):
        left, right = _number(node.left), _number(node.right)
        if left and right:
            return left * right if isinstance(node.op, ast.Mult) else left + right
    return 0.0


def _delta(node: ast.AST) -> float:
    """Seconds of `timedelta(hours=2)`; 0 for anything else."""
    if not isinstance(node, ast.Call):
        return 0.0
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name != "timedelta":
        return 0.0
    return sum(_number(word.value) * _UNITS.get(word.arg or "", 0) for word in node.keywords)
