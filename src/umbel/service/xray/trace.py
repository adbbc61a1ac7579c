"""`GET /runs/{id}/trace`: the X-ray of one run."""

import time
from typing import Any, Final, cast, get_args

from umbel.engine.trail import BEGIN, END
from umbel.errors import BadRequest, RunNotFound
from umbel.service.models.trace import Recording, Trace, TraceKind, TraceRecord
from umbel.service.operations.trace import GetTrace
from umbel.service.reading import by_celery
from umbel.service.umbel import Umbel
from umbel.service.xray.assemble import Assembly
from umbel.service.xray.events import Told
from umbel.store import RunRow

MOST_EVENTS: Final = 10_000
ON_THEIR_WAY: Final = 0.3
"""Seconds after which what was seen is written (`umbel.engine.trail`), and events are in the history."""

_OFF: Final = (
    "Nothing is recorded here. Start server and workers with UMBEL_XRAY=messages, or use `umbel demo` or `umbel dev`,"
    " which also record the commands of their embedded Valkey."
)
_NOT_THIS: Final = "Nothing of this run was kept: recordings stay for a day, and only those of the newest runs."
_NO_COMMANDS: Final = (
    "Only messages were recorded. `umbel demo` and `umbel dev` also record the commands of their embedded Valkey."
)


def get_trace(umbel: Umbel, asked: GetTrace) -> Trace:
    """How a run really went: what was recorded of its messages, of the store's commands, and its events.

    Raises:
        RunNotFound: there is no such run, and nothing was recorded under this id.
        BadRequest: `kinds` names one that there is not.
        StateUnavailable, HistoryUnavailable: no answer.
    """
    kinds = _kinds(asked.kinds)
    run_id = asked.run_id.lower()
    run = umbel.store.run(run_id) if len(run_id) == 36 else None
    found = umbel.engine.trail(run_id)
    if run is None and not found.records:
        raise RunNotFound(f"There is no run {run_id[:80]}.")
    begun: dict[str, Any] = next((each for each in found.records if each["k"] == BEGIN), {})
    ended: dict[str, Any] = next((each for each in reversed(found.records) if each["k"] == END), {})
    over = run.settled if run is not None else bool(ended)
    # While it is live, records of several processes are still on their way: a number, once given, must not change.
    until = float("inf") if over else (time.time() - ON_THEIR_WAY) * 1e6
    seen = [each for each in found.records if each["k"] not in (BEGIN, END) and each["t"] < until]
    records: list[TraceRecord] = []
    if seen and run is not None:
        records = _assembly(umbel, run).assemble(seen, [each for each in _told(umbel, run) if each.at * 1000 < until])
    elif seen:
        records = Assembly(run_id, None, lambda index: 0).assemble(seen, ())
    recording: Recording = "off"
    if seen:
        recording = "commands" if any(each["k"] == "command" for each in seen) else "messages"
    engine = "celery"
    if run is not None:
        engine = "canvas" if by_celery(run, umbel.plan(run.plan_hash)) else "relay"
    wanted = [each for each in records if each.n > asked.after and (not kinds or each.kind in kinds)]
    return Trace.model_construct(
        run_id=run_id,
        definition=run.definition if run else str(begun.get("definition", "")),
        engine=engine,
        recording=recording,
        status=run.state.value if run else str(ended.get("status", "running")),
        records=wanted[: asked.limit],
        total=len(records),
        left_out=found.left_out,
        hint=_hint(umbel, recording),
    )


def _hint(umbel: Umbel, recording: Recording) -> str | None:
    if recording == "off":
        return _OFF if umbel.settings.xray == "off" else _NOT_THIS
    return _NO_COMMANDS if recording == "messages" else None


def _assembly(umbel: Umbel, run: RunRow) -> Assembly:
    names = umbel.names(run.plan_hash, run.maps)
    return Assembly(
        run.id, names.key, lambda index: len(names.node(index).needs) if index < len(names.plan.nodes) else 0
    )


def _told(umbel: Umbel, run: RunRow) -> list[Told]:
    return [
        Told(each.seq, each.type, each.at, each.idx, each.attempt, each.data)
        for each in umbel.store.events(run.id, limit=MOST_EVENTS)
    ]


def _kinds(text: str | None) -> frozenset[TraceKind]:
    named = [each.strip() for each in (text or "").split(",") if each.strip()]
    there = get_args(TraceKind)
    for each in named:
        if each not in there:
            raise BadRequest(f"There is no kind of record {each[:40]!r}.", hint=f"Kinds are {', '.join(there)}.")
    return frozenset(cast("list[TraceKind]", named))
