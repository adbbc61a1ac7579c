"""How runs, diagnoses, definitions and logs look as text."""

import json
from collections.abc import Iterable
from typing import Any

from rich.text import Text

from umbel.cli.output import COLORS, columns, say
from umbel.cli.words import between, brief_error, clean, count, first_line, local, seconds
from umbel.machine import RunState, TaskState
from umbel.service.models import (
    AttemptView,
    DefinitionList,
    DefinitionView,
    Diagnosis,
    ItemCounts,
    LogLine,
    Retry,
    Run,
    RunDetail,
    RunList,
    ScheduleList,
    ScheduleSpec,
    SuggestedAction,
)


def pretty(value: Any) -> str:
    """JSON for a person."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def run_line(run: Run) -> Text:
    """A run on one line: definition, id, state, how long, how far."""
    text = Text(f"{clean(run.definition)}  {run.id}  ")
    text.append(run.state, COLORS.get(run.state, ""))
    for more in (
        between(run.created_at, run.finished_at),
        f"{run.tasks_done} of {count(run.tasks_total, 'task')} done",
    ):
        text.append(f"  {more}" if more else "")
    return text


def run_list(page: RunList) -> None:
    """A page of runs."""
    if not page.items:
        say("no runs")
        return
    rows = [["ID", "DEFINITION", "STATE", "CREATED", "TOOK", "TASKS", "NOTE"]]
    for run in page.items:
        note = f"{run.failed_task}: {brief_error(None, run.error)}" if run.failed_task else run.comment or ""
        rows.append(
            [
                run.id,
                run.definition,
                run.state,
                local(run.created_at),
                between(run.created_at, run.finished_at),
                f"{run.tasks_done}/{run.tasks_total}",
                first_line(note),
            ]
        )
    columns(rows, states=2)
    if page.next_cursor:
        say("there are more: raise --limit, or narrow down with --status and --definition")


def run_detail(run: RunDetail) -> None:
    """A run with its tasks and attempts."""
    say(run_line(run))
    say(f"created {local(run.created_at)}" + (f", finished {local(run.finished_at)}" if run.finished_at else ""))
    if run.comment:
        say(f"comment: {run.comment}")
    if run.relaunch_of:
        say(f"relaunch of: {run.relaunch_of}")
    if run.parent_run:
        say(f"started by: {run.parent_task} of the run {run.parent_run}")
    if run.deadline_at and not run.finished_at:
        say(f"deadline: {local(run.deadline_at)}")
    for is_so, what in (
        (run.held, "waits for other runs of its definition to end"),
        (run.paused, f"paused; `umbel resume {run.id}` lets it go on"),
    ):
        if is_so:
            say(what)
    say(f"payload: {json.dumps(run.payload, ensure_ascii=False)}")
    say()
    rows = [["TASK", "STATE", "ATTEMPTS", "TOOK", "WORKER", "NOTE"]]
    for task in run.tasks:
        last = task.attempts[-1] if task.attempts else None
        note = brief_error(task.error.type, task.error.message) if task.error else ""
        if not last and task.needs:
            note = f"needs {', '.join(task.needs[:5])}"
        if task.run:
            note = f"run {task.run}"
        elif task.items:
            note = ", ".join([_items(task.items), *([note] if note else [])])
        elif task.state is TaskState.AWAITING_INPUT:
            note = f"`umbel approve {run.id} {task.key}`, or reject"
        rows.append(
            [
                task.key,
                task.state,
                str(len(task.attempts) or ""),
                between(task.started_at, task.finished_at),
                (last.worker if last else None) or "",
                note,
            ]
        )
    columns(rows, states=1)
    for task in run.tasks:
        if len(task.attempts) > 1:
            say(f"\nattempts of {task.key}:")
            for attempt in task.attempts:
                say(f"  {attempt_line(attempt)}")
    if run.state is RunState.SUCCESS:
        say(f"\nresult: {pretty(run.result)}")
    elif run.failed_task:
        say(f"\n`umbel diagnose {run.id}` says why it failed")


def _items(items: ItemCounts) -> str:
    states = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in items.states.items())
    return f"{count(items.total, 'item')}: {states}"


def retried(found: Retry) -> None:
    """What a retry runs again, or would."""
    say(run_line(found))
    say("would run again:" if found.preview else "runs again:")
    rows = [["TASK", "WAS", "ATTEMPTS", "NOTE"]]
    for task in found.would_run:
        note = "succeeded before: what it did is done a second time" if task.repeats else ""
        if task.items is not None:
            note = f"{count(task.items, 'item')}, {task.items_kept or 0:,} kept" + (f"; {note}" if note else "")
        rows.append([task.key, task.state, str(task.attempts or ""), note])
    columns(rows, states=1)
    if found.kept:
        more = f" and {len(found.kept) - 10:,} more" if len(found.kept) > 10 else ""
        say(f"keep their results: {', '.join(found.kept[:10])}{more}")
    if found.held:
        say("it waits for other runs of its definition to end")


def attempt_line(attempt: AttemptView) -> str:
    """One attempt: when, how it ended, what came after."""
    parts = [f"{attempt.attempt}  {local(attempt.started_at)}  {attempt.outcome}"]
    if took := between(attempt.started_at, attempt.finished_at):
        parts.append(f"after {took}")
    if attempt.error:
        parts.append(brief_error(attempt.error.type, attempt.error.message))
    if attempt.countdown is not None:
        parts.append(f"next in {attempt.countdown:.1f} s")
    if attempt.worker:
        parts.append(f"{attempt.worker} pid {attempt.pid}" if attempt.pid else attempt.worker)
    return "  ".join(parts)


def diagnosis(found: Diagnosis) -> None:
    """A diagnosis: verdict, cause, attempts, consequences, what to do."""
    say(found.verdict)
    if cause := found.root_cause:
        where = f"  at {cause.file_line}" if cause.file_line else ""
        of = f" of the run {cause.run_id}" if cause.run_id else ""
        say(f"  cause: {cause.task}{of}: {brief_error(cause.type, cause.message)}{where}")
    for note in found.attempts:
        ran = f" after {seconds(note.ran)}" if note.ran is not None else ""
        wait = f", then waited {seconds(note.wait)}" if note.wait is not None else ""
        error = f": {brief_error(None, note.error)}" if note.error else ""
        say(f"  {note.task} attempt {note.attempt}: {note.outcome}{ran}{error}{wait}")
    for line in found.chain:
        say(f"  {line}")
    for waiting in found.waiting:
        say(f"  {waiting.task}: {waiting.reason}")
    for action in found.suggested_actions:
        say(f"  next: {command_of(action)}  ({action.why})")
    if found.left_out:
        say(f"  … and {found.left_out:,} more")


_COMMANDS = {
    "relaunch_run": "relaunch {run_id}",
    "retry_run": "retry {run_id} --preview",
    "resume_run": "resume {run_id}",
    "approve_task": "approve {run_id} {key}",
    "cancel_run": "cancel {run_id}",
    "get_run": "show {run_id}",
    "wait_for_run": "watch {run_id}",
    "diagnose_run": "diagnose {run_id}",
    "get_logs": "logs {run_id}",
    "get_task_logs": "logs {run_id} --task {key}",
    "get_definition": "definitions {name}",
    "list_definitions": "definitions",
}


def command_of(action: SuggestedAction) -> str:
    """The command that does what an operation does."""
    template = _COMMANDS.get(action.tool)
    if template is None:
        return f"{action.tool} {json.dumps(action.arguments)}"
    try:
        return f"umbel {template.format_map(action.arguments)}"
    except KeyError:
        return f"umbel {template.partition(' {')[0]}"


def definition_list(found: DefinitionList) -> None:
    """What can be started."""
    if found.items:
        rows = [["NAME", "TASKS", "DESCRIPTION"]]
        for each in found.items:
            about = each.description if not each.problems else f"cannot be started: {each.problems[0]}"
            rows.append([each.name, str(len(each.tasks)), about])
        columns(rows)
    else:
        say("no definitions")
    _problems(found.problems)


def definition(found: DefinitionView) -> None:
    """One definition: its tasks, and what a payload must look like."""
    say(found.name + (f": {found.description}" if found.description else ""))
    rows = [["TASK", "RUNS", "NEEDS", "QUEUE"]]
    rows += [[task.key, task.task, ", ".join(task.needs), task.queue] for task in found.tasks]
    columns(rows)
    if found.schedule is not None:
        say(f"started by itself: {_when(found.schedule)}; next at {', '.join(local(at) for at in found.schedule.next)}")
    if found.defaults:
        say(f"defaults: {json.dumps(found.defaults, ensure_ascii=False)}")
    if found.payload_schema is not None:
        say(f"payload must fit: {pretty(found.payload_schema)}")
    _problems(found.problems)


def schedule_list(found: ScheduleList) -> None:
    """What is started by itself."""
    if not found.items:
        say("no schedules")
        return
    rows = [["NAME", "WHEN", "LAST RUN", "NEXT"]]
    for each in found.items:
        last = f"{local(each.last_at)} {each.last_run}" if each.last_run else ""
        following = "paused" if each.paused else ", ".join(local(at) for at in each.next)
        rows.append([each.definition, _when(each), last, following])
    columns(rows)


def _when(schedule: ScheduleSpec) -> str:
    if schedule.interval is not None:
        return f"every {schedule.interval:g} s"
    return f"{schedule.crontab} {schedule.timezone}"


def _problems(problems: Iterable[str]) -> None:
    for problem in problems:
        say(f"problem: {problem}")


def log_line(line: LogLine) -> str:
    """One line that a task wrote."""
    attempt = f"#{line.attempt}" if line.attempt > 1 else ""
    return f"{line.at.astimezone():%H:%M:%S.%f}"[:-3] + f"  {line.task}{attempt}  {line.stream}  {line.line}"


def ending(run: RunDetail) -> None:
    """What there is to say after a run was followed to its end: its result, or where to look."""
    if run.state is RunState.SUCCESS:
        say(f"result: {pretty(run.result)}")
    elif run.failed_task:
        say(f"{run.failed_task} failed: {brief_error(None, run.error)}; `umbel diagnose {run.id}` says more")
