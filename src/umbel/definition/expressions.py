"""CEL, the Common Expression Language, and templates that hold it: `when`, `with`, `map`, `payload`.

Google's own implementation evaluates (`cel-expr-python`): it bounds nesting and iterations, so that no text can hang or
crash a worker (docs/adr/0013).
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

from umbel.definition import scan
from umbel.errors import ExpressionError

__all__ = [
    "MISSING",
    "ExpressionError",
    "check",
    "condition",
    "evaluate",
    "references",
    "render",
    "template_problems",
    "template_references",
    "variables",
]

MISSING: Final = object()
"""No `item`: the task has no `map`."""
NAMES: Final = ("payload", "tasks", "needs", "run")
"""What every expression of a definition may use; `item` is there inside a map task."""
_WITH_ITEM: Final = (*NAMES, "item")
MAX_DEPTH: Final = 200
MAX_VALUES: Final = 300_000
PART: Final = 500
"""Elements of a list that one call of the library goes over: its `map` takes quadratic time, and it refuses 10,000."""
_PARTED: Final = "umbel_part"
_OPTIONAL: Final = "After `.?` write `.orValue(…)`."


def check(text: str, *, item: bool = True, names: tuple[str, ...] | None = None) -> str | None:
    """What is wrong with a CEL text, with the column if that is known; None if nothing is. Never evaluates.

    `item`: whether the name `item` means something there. `names`: of the variables, if it is not a definition's.
    """
    text = scan.unwrap(text)
    try:
        _compiled(text, names or (_WITH_ITEM if item else NAMES))
    except ExpressionError as error:
        return str(error)
    computed = [name for name in ("tasks", "needs") if scan.is_computed(text, name)]
    return (
        f'`{computed[0]}` is used without the key of a task: write {computed[0]}.KEY or {computed[0]}["KEY"]'
        if computed
        else None
    )


def references(template: Any) -> frozenset[str]:
    """Keys of the tasks that a CEL text or a template names: `tasks.KEY`, `tasks["KEY"]`, and the same with `needs`.

    Whatever could be a name counts, also in a text of a template that is outside of `${…}`.
    """
    if isinstance(template, str):
        return frozenset(each.key for each in scan.task_paths(template)) | template_references(template)
    inner = template.values() if isinstance(template, Mapping) else template if isinstance(template, list) else ()
    return frozenset().union(*(references(each) for each in inner))


def evaluate(text: str, values: Mapping[str, Any], names: tuple[str, ...] = _WITH_ITEM) -> Any:
    """The value of a CEL text as JSON, with the variables that `variables` made. A `${…}` around it changes nothing.

    A path alone, as `tasks.a.result.rows`, gives the very value. Moments become ISO texts, durations seconds.
    `names`: of the variables, if the text is not a definition's.

    Raises:
        ExpressionError: with the expression and the reason.
    """
    text = scan.unwrap(text)
    try:
        _compiled(text, names)
        return _evaluate(_without_outputs(text, values), values, names)
    except ExpressionError as error:
        raise ExpressionError(f"{scan.shown(text)}: {error}", hint=error.hint) from error


def condition(text: str, values: Mapping[str, Any]) -> bool:
    """Whether a `when` is true.

    Raises:
        ExpressionError: it cannot be evaluated, or gives something else than true or false.
    """
    found = evaluate(text, values)
    if not isinstance(found, bool):
        raise ExpressionError(
            f"{scan.shown(text)} gives {_kind(found)}, not true or false", hint="Compare it: `… != null`, `… > 0`."
        )
    return found


def render(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with every `${CEL}` in its texts (not in its keys) replaced.

    A text that is one `${CEL}` becomes the value, whatever it is; in a longer text the value is put in as text: null as
    nothing, lists and mappings as JSON. `$${` stands for `${` itself.

    Raises:
        ExpressionError: a text cannot be read or evaluated.
    """
    if isinstance(template, str):
        parts = scan.split(template)
        if len(parts) == 1 and parts[0].code:
            return evaluate(parts[0].text, values)
        return "".join(scan.as_text(evaluate(part.text, values)) if part.code else part.text for part in parts)
    if isinstance(template, Mapping):
        return {key: render(each, values) for key, each in template.items()}
    if isinstance(template, list | tuple):
        return [render(each, values) for each in template]
    return template


def template_problems(template: Any, *, item: bool = True) -> list[str]:
    """One sentence for everything that is wrong with the expressions in a template."""
    if isinstance(template, str):
        try:
            codes = [part.text for part in scan.split(template) if part.code]
        except ExpressionError as error:
            return [str(error)]
        return [f"{scan.shown(code)}: {wrong}" for code in codes if (wrong := check(code, item=item))]
    if isinstance(template, Mapping):
        return [wrong for each in template.values() for wrong in template_problems(each, item=item)]
    if isinstance(template, list | tuple):
        return [wrong for each in template for wrong in template_problems(each, item=item)]
    return []


def template_references(template: Any) -> frozenset[str]:
    """Keys of the tasks that the expressions of a template name; none of a text that cannot be read."""
    if isinstance(template, str):
        try:
            codes = [part.text for part in scan.split(template) if part.code]
            return frozenset(each.key for code in codes for each in scan.task_paths(code))
        except ExpressionError:
            return frozenset()
    inner = template.values() if isinstance(template, Mapping) else template if isinstance(template, list) else ()
    return frozenset().union(*(template_references(each) for each in inner))


def variables(
    payload: Any, tasks: Mapping[str, Mapping[str, Any]], *, run_id: str, definition: str, item: Any = MISSING
) -> dict[str, Any]:
    """What expressions can name.

    Args:
        payload: the run's payload.
        tasks: key -> {"result", "state"} of what the task needs; the result of one that did not succeed is null.
        run_id, definition: of the run.
        item: of a map task.
    """
    found = {"payload": payload, "tasks": tasks, "needs": tasks, "run": {"id": run_id, "definition": definition}}
    return found if item is MISSING else {**found, "item": item}


def _without_outputs(text: str, values: Mapping[str, Any]) -> str:
    """The text with every path into the result of a task that has none (skipped, failed) replaced by null.

    CEL refuses to select from null; an output that is not there is null here, as deep as one asks for it.
    """
    tasks = values.get("tasks") or {}
    for path in reversed(scan.task_paths(text)):
        task = tasks.get(path.key)
        if path.into_result and task and task.get("result") is None and task.get("state") != "success":
            start, end = path.has or (path.start, path.end)
            text = text[:start] + ("false" if path.has else "dyn(null)") + text[end:]
    return text


def _evaluate(text: str, values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    found = scan.follow(text, values)
    if found is not scan.NOTHING:
        return found
    if call := scan.last_macro(text):
        items = _evaluate(call.receiver, values, names)
        if isinstance(items, list) and len(items) > PART:
            return _in_parts(call, items, values, names)
    return _plain(_run(text, values, names))


def _in_parts(call: scan.Macro, items: list[Any], values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """`items.map(…)` and its like, a part of the list at a time. As in CEL, an error counts if nothing decides."""
    text = f"{_PARTED}.{call.name}{call.arguments}"
    gathered: list[Any] = []
    failed: ExpressionError | None = None
    for start in range(0, len(items), PART):
        try:
            part = _plain(_run(text, {**values, _PARTED: items[start : start + PART]}, names))
        except ExpressionError as error:
            if call.name in ("map", "filter"):
                raise
            failed = error
            continue
        if call.name in ("map", "filter"):
            gathered += part
        elif part is (call.name == "exists"):
            return part
    if failed:
        raise failed
    return gathered if call.name in ("map", "filter") else call.name == "all"


def _run(text: str, values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    used = scan.names(text)
    data = {name: value for name, value in values.items() if name in used}
    keys = {each.key for each in scan.task_paths(text)}
    for name in ("tasks", "needs"):
        if name in data:
            data[name] = {key: task for key, task in data[name].items() if key in keys}
    try:
        value = _compiled(text, names).eval(data=_fit(data))
        if value.type() == cel.Type.ERROR:
            raise ExpressionError(_reason(str(value.plain_value())))
    except (RuntimeError, TypeError, ValueError, MemoryError) as error:
        if "function return value" in str(error):
            raise ExpressionError("it gives a value that JSON lacks", hint=_OPTIONAL) from error
        raise ExpressionError(_reason(str(error)) or "it needs too much memory") from error
    return value


@cache
def _environment(names: tuple[str, ...]) -> Any:
    extensions = [ext_strings.ExtStrings(), ext_optional.ExtOptional()]
    return cel.NewEnv(variables=dict.fromkeys((*names, _PARTED), cel.Type.DYN), extensions=extensions)


@lru_cache(maxsize=2048)
def _compiled(text: str, names: tuple[str, ...]) -> Any:
    if len(text) > scan.MAX_TEXT:
        raise ExpressionError(f"it is longer than {scan.MAX_TEXT:,} characters", hint="Let a task compute it.")
    try:
        return _environment(names).compile(text)
    except (RuntimeError, TypeError, ValueError) as error:  # TypeError: not UTF-8
        raise ExpressionError(_reason(str(error))[:300] or "not CEL") from error


def _reason(message: str) -> str:
    """The library's first complaint, without its internals. Not cut: it may show a value that is a secret, and half of
    one would not be found where it is masked."""
    return scan.first_complaint(message)


def _fit(data: dict[str, Any]) -> dict[str, Any]:
    """The data as the library can take it.

    Refused is what is so deep that it could overflow the library's stack: looked at by levels, without recursion.
    """
    level: list[Any] = [data]
    large = False
    for _ in range(MAX_DEPTH):
        inside = [each for one in level for each in (one.values() if isinstance(one, Mapping) else one)]
        large = large or any(type(each) is int and not -(2**63) <= each < 2**64 for each in inside)
        level = [each for each in inside if isinstance(each, dict | list | tuple | Mapping)]
        if not level:
            return _narrow(data) if large else data
    raise ExpressionError(f"the data is nested deeper than {MAX_DEPTH}")


def _narrow(value: Any) -> Any:
    """A copy whose integers beyond 64 bits are floats: CEL has no larger ones."""
    if isinstance(value, Mapping):
        return {key: _narrow(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_narrow(each) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value) if abs(value) < 2**1023 else math.copysign(math.inf, value)
    return value


def _plain(found: Any) -> Any:
    """The library's value as JSON. It shares what it repeats, so a short text can mean more values than fit: count."""
    left = MAX_VALUES

    def convert(value: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ExpressionError(f"it gives more than {MAX_VALUES:,} values")
        inner = value.value()
        if isinstance(inner, list):
            return [convert(each) for each in inner]
        if isinstance(inner, dict):
            if all(isinstance(key, str) for key in inner):
                return {key: convert(each) for key, each in inner.items()}
            raise ExpressionError("it gives a mapping whose keys are not text")
        if isinstance(inner, float) and not math.isfinite(inner):
            raise ExpressionError(f"it gives {inner}, which JSON lacks")
        if isinstance(inner, datetime):
            return inner.isoformat().replace("+00:00", "Z")
        if isinstance(inner, timedelta):
            return inner.total_seconds()
        if inner is None or isinstance(inner, bool | int | float | str):
            return inner
        raise ExpressionError(f"it gives {_kind(inner)}, which JSON lacks")

    try:
        return convert(found)
    except (TypeError, RuntimeError) as error:  # an optional without a value
        raise ExpressionError("it gives a value that JSON lacks", hint=_OPTIONAL) from error


def _kind(value: Any) -> str:
    kinds = {str: "text", list: "a list", dict: "a mapping", int: "a number", float: "a number"}
    return "null" if value is None else kinds.get(type(value), f"a value of type {type(value).__name__}")
