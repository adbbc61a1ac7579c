"""What a definition says about its runs as a whole: `concurrency`, `deadline`, `engine`."""

from typing import Any, Final, Literal

from yaml.nodes import MappingNode, Node

from umbel.definition import scan, values
from umbel.definition.document import mapping
from umbel.definition.model import Block, Concurrency, TaskStep
from umbel.definition.problems import Report, shorten

Pair = tuple[Node, Node]

MAX_LIMIT: Final = 1_000_000
_KEYS: Final = ("limit", "key", "on_limit")
_ON_LIMIT: Final = ("queue", "skip", "cancel_oldest", "cancel_newest")


def read_concurrency(pair: Pair | None, report: Report) -> Concurrency | None:
    """How many runs there may be at a time; None if it does not say, or says it wrongly, which is then reported."""
    if pair is None:
        return None
    node = pair[1]
    if not isinstance(node, MappingNode):
        limit = values.integer("concurrency", node, 1, MAX_LIMIT, report)
        return Concurrency(limit) if limit else None
    before = report.errors
    fields = mapping(node, report)
    for word in fields.keys() - set(_KEYS):
        message = f"{shorten(word)} below `concurrency` means nothing"
        hint = report.nearest(word, _KEYS) or f"`concurrency` has {', '.join(_KEYS)}."
        report.add("unknown-key", fields[word][0].start_mark, message, hint)
    more: dict[str, Any] = {}
    limit = None
    if "limit" in fields:
        limit = values.integer("limit", fields["limit"][1], 1, MAX_LIMIT, report)
    else:
        report.add("bad-concurrency", pair[0].start_mark, "`concurrency` has no `limit`", "Add `limit: 1`.")
    if "key" in fields:
        more["key"] = _key(fields["key"][1], report)
    if "on_limit" in fields:
        more["on_limit"] = values.choice("on_limit", fields["on_limit"][1], _ON_LIMIT, report)
    return Concurrency(limit, **more) if limit and report.errors == before else None


def _key(node: Node, report: Report) -> str | None:
    code = values.code("key", node, report)
    if code is not None and (tasks := scan.names(code) & {"tasks", "needs", "run"}):
        message = f"`key` uses {sorted(tasks)[0]}: it is evaluated before the run begins"
        report.add("bad-concurrency", node.start_mark, message, "Only `payload` is there.")
        return None
    return code


def read_deadline(pair: Pair | None, body: Block, report: Report) -> float | None:
    """The seconds within which a run must end. Warns if the tasks of `body` can take longer by their own words."""
    if pair is None:
        return None
    deadline = values.duration("deadline", pair[1], report)
    if deadline is None:
        return None
    path = _longest_path(body)
    total = sum(seconds for _, seconds in path)
    if total > deadline:
        told = " -> ".join(f"{key} {_shown(seconds)}" for key, seconds in path[:8])
        message = (
            f"retries and timeouts can take {_shown(total)}, longer than the deadline of {_shown(deadline)}: {told}"
        )
        hint = "Allow more time, or fewer and shorter attempts."
        report.add("cannot-finish", pair[1].start_mark, message, hint, severity="warning")
    return deadline


def read_engine(pair: Pair | None, report: Report) -> Literal["relay", "canvas"]:
    """What releases the tasks of a run: Umbel's engine, or Celery's own canvas."""
    if pair is None:
        return "relay"
    return "canvas" if values.choice("engine", pair[1], ("relay", "canvas"), report) == "canvas" else "relay"


def _longest_path(body: Block) -> list[tuple[str, float]]:
    """The way through the mapping form that can take the longest, as far as timeouts and retries tell: its tasks that
    count, with their seconds. Empty for the list form, which says nothing, and for a circle."""
    steps = {step.key: step for step in body.steps if isinstance(step, TaskStep) and step.needs is not None}
    dependents: dict[str, list[str]] = {key: [] for key in steps}
    missing: dict[str, int] = {}
    for key, step in steps.items():
        needs = [need for need in step.needs or () if need in steps]
        missing[key] = len(needs)
        for need in needs:
            dependents[need].append(key)
    ready = [key for key, count in missing.items() if not count]
    total = dict.fromkeys(steps, 0.0)
    before: dict[str, str] = {}
    for key in ready:  # grows while it is walked
        total[key] += values.longest(steps[key].retry, steps[key].timeout)
        for each in dependents[key]:
            if total[key] > total[each]:
                total[each], before[each] = total[key], key
            missing[each] -= 1
            if not missing[each]:
                ready.append(each)
    if not ready or len(ready) < len(steps):
        return []
    here: str | None = max(ready, key=lambda key: total[key])
    path: list[tuple[str, float]] = []
    while here is not None:
        seconds = values.longest(steps[here].retry, steps[here].timeout)
        path += [(here, seconds)] if seconds else []
        here = before.get(here)
    return path[::-1]


def _shown(seconds: float) -> str:
    """`90s`, `12m`, `1h30m`."""
    if seconds < 120:
        return f"{seconds:g}s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes or not hours else "")
