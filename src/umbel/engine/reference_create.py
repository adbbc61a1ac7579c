"""How a run comes into being in the reference engine, and which plans it holds on to."""

from collections.abc import Mapping
from typing import Any

from umbel.engine.reference_run import OpenRun
from umbel.engine.reference_state import Member, Partition, Run, StoredPlan
from umbel.machine import EventType
from umbel.plan.model import Plan


def plans_of(partition: Partition, plan: str) -> list[str]:
    """The plan, those of the runs that it may start, and that these may start."""
    found = [plan]
    for each in found:
        stored = partition.plans.get(each)
        found += [sub for sub in (stored.plan.subs if stored else ()) if sub not in found]
    return found


def put(partition: Partition, plan: Plan) -> bool:
    """Put the plan and its subplans there, unless all are; whether they are now."""

    def are_there() -> bool:
        return all(each in partition.plans for each in plans_of(partition, plan.hash))

    if not are_there():
        for each in (*plan.subplans, plan):
            partition.plans.setdefault(each.hash, StoredPlan.of(each))
    return are_there()


def hold(partition: Partition, plan: str) -> None:
    """One more run uses the plan."""
    for each in plans_of(partition, plan):
        stored = partition.plans[each]
        stored.runs, stored.expires = (stored.runs or 0) + 1, False


def let_go(partition: Partition, plan: str) -> None:
    """One run less uses it."""
    for each in plans_of(partition, plan):
        stored = partition.plans[each]
        stored.runs = (stored.runs or 0) - 1
        stored.expires = stored.runs <= 0


def new_run(partition: Partition, id: str, plan: str, payload: str, parent: Member | None) -> Run:
    """The run as its plan has it, before anything has happened."""
    about = partition.plans[plan].plan
    return Run(
        id,
        plan,
        payload,
        left=about.tasks,
        tasks_total=about.tasks,
        nodes=len(about.nodes),
        parent=parent,
    )


def set_deadline(partition: Partition, run: Run, now: int) -> None:
    """It has to be over by then, if its plan says so."""
    deadline = partition.plans[run.plan].plan.deadline
    if deadline is not None:
        partition.deadlines[run.id] = now + round(deadline * 1000)


def create(
    partition: Partition,
    now: int,
    id: str,
    plan: str,
    payload: str,
    by: str,
    *,
    parent: Member | None = None,
    about: Mapping[str, Any] | None = None,
) -> OpenRun:
    """A run whose first tasks are released. `about` is what its first event says besides; it then has the payload."""
    hold(partition, plan)
    run = partition.runs[id] = new_run(partition, id, plan, payload, parent)
    # Celery's canvas is sent by who launches a run, so a run that a task starts is ours, and so is every later epoch.
    run.native = parent is None and partition.plans[plan].plan.engine == "canvas"
    set_deadline(partition, run, now)
    here = OpenRun(partition, run, now)
    if not run.native:
        here.tell_dependents(-1, by, good=True)
    told = {"plan": plan, "n": run.tasks_total, **(about or {}), **here.outcome}
    here.emit(EventType.RUN_LAUNCHED, data=told, value=payload if about else None)
    here.close(by)
    return here
