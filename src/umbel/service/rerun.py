"""Rerun: failed tasks, or chosen ones, once more in the same run, with all that depends on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from umbel.celery import codec
from umbel.errors import TaskNotFound, WrongState
from umbel.failpoints import failpoint
from umbel.keeper import limit_of
from umbel.machine import RunState, TaskState
from umbel.plan.model import Plan
from umbel.secrets import Vault
from umbel.service.control import once
from umbel.service.models import Retry, RetryTask
from umbel.service.names import Names
from umbel.service.operations import RetryRun
from umbel.service.reading import fields_of, is_over, require, state_of
from umbel.service.umbel import Umbel, now_ms
from umbel.store import Limit, MapRow, Rerun, RunRow, TaskRow

SETTLES: Final = 5.0
"""Seconds to wait until nothing of a run that has ended is alive any more."""
_GOOD: Final = (TaskState.SUCCESS, TaskState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a rerun would do."""

    rerun: Rerun
    would_run: list[RetryTask]
    kept: list[str]


def retry(umbel: Umbel, asked: RetryRun, *, by: str = "api") -> Retry:
    """Run the failed tasks of a run again (or chosen ones), and what depends on them; or say what that would be.

    When this returns, the new epoch is on disk and begins, whatever happens next.

    Raises:
        RunNotFound, TaskNotFound: there is no such run, or task.
        WrongState: it has not ended, there is nothing to run again, or another run has started it.
        LimitReached: others are live, and its definition lets this one not wait for them.
    """
    run = _ended(require(umbel, asked.run_id))
    if not asked.preview:
        run = once(umbel, run.id, lambda row: row.settled, SETTLES)
        if not run.settled:
            raise WrongState(
                f"The run {run.id} has ended, but some of its tasks are still running.",
                hint=f"Wait for them, or stop them: `umbel cancel {run.id}`.",
            )
    plan = umbel.plan(run.plan_hash)
    if plan.engine == "canvas":
        raise WrongState(
            f"The run {run.id} was put in order by Celery's own canvas, which cannot go on in the middle.",
            hint=f"Start it anew: `umbel relaunch {run.id}`.",
        )
    choice = choose(run, plan, umbel.names(run.plan_hash, run.maps), umbel.store.tasks(run.id), asked.tasks, by)
    if not asked.preview:
        limit = _limit(umbel, run)
        run = umbel.store.ask_rerun(run.id, run.partition, run.epoch, choice.rerun, now_ms(), limit)
        failpoint("rerun-asked")
        umbel.keeper.held.wake()  # somebody may have to make room
        umbel.try_launch(run)
        if not run.held:
            run = once(umbel, run.id, lambda row: row.rerun is None)
    return Retry(
        **fields_of(run),
        preview=asked.preview,
        would_run=choice.would_run,
        kept=choice.kept,
        repeats=[each.key for each in choice.would_run if each.repeats],
    )


def choose(
    run: RunRow, plan: Plan, names: Names, rows: Sequence[TaskRow], keys: Collection[str] | None, by: str = ""
) -> Choice:
    """What runs again: what has failed, or the tasks named; with everything that depends on it.

    Raises:
        TaskNotFound: there is no such task.
        WrongState: nothing is to run again.
    """
    by_index = {row.idx: row for row in rows}
    states = [state_of(run, by_index.get(index)) for index in range(plan.tasks)]
    found = [_find(names, key) for key in keys or ()]
    chosen = {names.node(index).index for index in found}
    if any(index >= plan.tasks for index in chosen):
        raise WrongState("A hook runs again by itself, when the run has ended.")
    again = {index for index in found if index >= len(plan.nodes)}
    if keys:
        first = chosen | {index for index, state in enumerate(states) if state is TaskState.CANCELED}
    else:
        first = {index for index, state in enumerate(states) if state not in _GOOD}
    reset = first.union(*(plan.descendants(index) for index in first))
    if not reset:
        raise WrongState(
            f"Nothing of the run {run.id} has failed.",
            hint="Name the tasks that are to run again, or start a new run: `umbel relaunch`.",
        )
    maps = _kept_maps(plan, names, reset, set() if again else chosen, states)
    failed = any(states[i] is TaskState.ERROR and not plan.nodes[i].quiet for i in range(plan.tasks) if i not in reset)
    rerun = Rerun(
        tuple(sorted(reset)),
        tuple((entry.node, entry.base, entry.size) for entry in maps),
        tuple(sorted(again)),
        RunState.ERROR if failed else RunState.PENDING,
        by,
    )
    kept_nodes = {entry.node for entry in maps}

    def shown(index: int) -> RetryTask:
        row, entry, keeps = by_index.get(index), names.items(index), index in kept_nodes
        places = range(entry.base, entry.base + entry.size) if entry else range(0)
        good = [place for place in places if place in by_index and by_index[place].state in _GOOD]
        kept = [place for place in good if place not in again] if keeps else []
        return RetryTask(
            key=plan.nodes[index].key,
            state=states[index],
            attempts=row.attempts if row is not None else 0,
            # A map whose items stay only gathers their results again.
            repeats=len(good) > len(kept) if entry else states[index] is TaskState.SUCCESS,
            items=len(places) - len(kept) if entry else None,
            items_kept=len(kept) if entry else None,
        )

    stays = [plan.nodes[index].key for index in range(plan.tasks) if index not in reset]
    return Choice(rerun, [shown(index) for index in sorted(reset)], stays)


def _kept_maps(
    plan: Plan, names: Names, reset: set[int], chosen: set[int], states: Sequence[TaskState]
) -> list[MapRow]:
    """Maps that run again, of which the items that succeeded stay: what they need stays, and nobody wants all anew."""
    return [
        entry
        for index in sorted(reset)
        if (entry := names.items(index)) is not None
        and not reset.intersection(plan.nodes[index].needs)
        and not (index in chosen and states[index] is TaskState.SUCCESS)
    ]


def _find(names: Names, key: str) -> int:
    index = names.find(key)
    if index is None:
        raise TaskNotFound(f"The run has no task {key[:80]!r}.")
    return index


def _ended(run: RunRow) -> RunRow:
    if run.parent_run is not None:
        raise WrongState(
            f"The run {run.id} belongs to {run.parent_task} of the run {run.parent_run}, which has heard how it ended.",
            hint=f"Retry that one: `umbel retry {run.root_run}`.",
        )
    if not is_over(run):
        raise WrongState(
            f"The run {run.id} has not ended: {'running again' if run.state is RunState.ERROR else run.state}.",
            hint=f"Wait for it, or end it: `umbel cancel {run.id}`.",
        )
    return run


def _limit(umbel: Umbel, run: RunRow) -> Limit | None:
    definition = umbel.definitions.catalog.definitions.get(run.definition)
    if definition is None:
        return None
    payload = Vault(umbel.settings.secret_key).likeness(codec.decode(run.payload))
    return limit_of(run.definition, definition.concurrency, payload)
