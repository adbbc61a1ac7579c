"""How two runs look side by side."""

from umbel.cli.output import columns, say
from umbel.cli.show import run_line
from umbel.cli.words import count, local, seconds
from umbel.service.models import ComparedWorker, Comparison, FieldChange, PlanChange, TaskSide, ValueChange


def comparison(found: Comparison) -> None:
    """What is different about a run."""
    say(found.verdict)
    say()
    for name, run in (("run:", found.run), ("other:", found.other)):
        line = run_line(run)
        say(f"{name:<7}{line.plain}  {local(run.created_at)}")
    if found.payload:
        say("\npayload:")
        for change in found.payload:
            say(f"  {_change(change)}")
        if found.payload_left_out:
            say(f"  and {count(found.payload_left_out, 'place')} more")
    if not found.plan.same:
        say("\nplan:")
        plan_change(found.plan)
    say()
    rows = [["TASK", "STATE", "OTHER", "TOOK", "OTHER", "IN QUEUE", "OTHER", "ATTEMPTS", "DIFFERS"]]
    for each in found.tasks:
        one, two = each.run, each.other
        rows.append(
            [
                each.key,
                one.state if one else "-",
                two.state if two else "-",
                _took(one.duration if one else None),
                _took(two.duration if two else None),
                _took(one.queue_wait if one else None),
                _took(two.queue_wait if two else None),
                _attempts(one, two),
                ", ".join(each.differs),
            ]
        )
    columns(rows, states=1)
    if found.workers:
        say()
        for worker in found.workers:
            say(_worker(worker))


def plan_change(found: PlanChange) -> None:
    """How a plan became another one."""
    for sign, keys in (("+", found.added), ("-", found.removed)):
        for key in keys:
            say(f"  {sign} {key}")
    for task in found.changed:
        for field in task.fields:
            say(f"  {task.key}: {_field(field)}")
    if found.settings:
        say(f"  its settings: {', '.join(found.settings)}")


def _change(change: ValueChange) -> str:
    where = change.pointer or "all of it"
    if change.kind == "added":
        return f"+ {where}: {change.after}"
    if change.kind == "removed":
        return f"- {where}: {change.before}"
    return f"~ {where}: {change.before} -> {change.after}"


def _field(field: FieldChange) -> str:
    return f"{field.name}: {field.before or 'nothing'} -> {field.after or 'nothing'}"


def _took(value: float | None) -> str:
    return seconds(value) if value is not None else ""


def _attempts(one: TaskSide | None, two: TaskSide | None) -> str:
    numbers = [str(side.attempts) if side else "-" for side in (one, two)]
    return numbers[0] if numbers[0] == numbers[1] else " / ".join(numbers)


def _worker(worker: ComparedWorker) -> str:
    version = f", umbel {worker.version} now" if worker.version else ""
    return f"{worker.name}: {count(worker.attempts, 'attempt')}, of the other {worker.other_attempts}{version}"
