"""From an operation to what does it: the one table behind REST and agent tools."""

from collections.abc import Callable
from typing import Any, Final

from umbel.service import (
    access,
    canvases,
    check,
    compare,
    control,
    definitions,
    diagnose,
    graphs,
    health,
    history,
    lab_acts,
    lessons,
    logs,
    operations,
    output,
    playground,
    queues,
    reading,
    rerun,
    runs,
    schedules,
    versions,
    webhooks,
    why,
    workers,
    xray,
)
from umbel.service.models import Resource
from umbel.service.operations import Operation
from umbel.service.umbel import Umbel


def _start_run(umbel: Umbel, asked: operations.StartRun) -> Resource:
    key, comment = asked.idempotency_key, asked.comment
    if asked.canvas is not None:
        accepted = canvases.submit(umbel, asked.canvas, asked.name, asked.payload, comment=comment, key=key)
    else:
        assert asked.definition is not None  # the operation has seen to it
        accepted = runs.start(umbel, asked.definition, asked.payload, comment=comment, key=key)
    return reading.detail(umbel, accepted.run)


_BY_SOMEBODY: Final[dict[type[Operation[Any]], Callable[[Umbel, Any, str], Resource]]] = {
    operations.CancelRun: lambda umbel, asked, by: reading.summary(control.cancel(umbel, asked.run_id, by=by)),
    operations.PauseRun: lambda umbel, asked, by: reading.summary(control.pause(umbel, asked.run_id, by=by)),
    operations.ResumeRun: lambda umbel, asked, by: reading.summary(control.resume(umbel, asked.run_id, by=by)),
    operations.RetryRun: lambda umbel, asked, by: rerun.retry(umbel, asked, by=by),
    operations.ApproveTask: lambda umbel, asked, by: reading.summary(
        control.decide(umbel, asked.run_id, asked.key, approved=True, comment=asked.comment, by=by)
    ),
    operations.RejectTask: lambda umbel, asked, by: reading.summary(
        control.decide(umbel, asked.run_id, asked.key, approved=False, comment=asked.comment, by=by)
    ),
    **dict.fromkeys(access.OPERATIONS, access.perform),
}
"""What the history keeps the name of who asked for."""

_USE_CASES: Final[dict[type[Operation[Any]], Callable[[Umbel, Any], Resource]]] = {
    operations.StartRun: _start_run,
    operations.ListRuns: reading.list_runs,
    operations.CountRuns: history.count_runs,
    operations.ListEvents: history.list_events,
    operations.GetRun: lambda umbel, asked: reading.get_run(umbel, asked.run_id),
    operations.WaitForRun: lambda umbel, asked: reading.get_run(umbel, asked.run_id),
    operations.DiagnoseRun: lambda umbel, asked: diagnose.diagnose(umbel, asked.run_id),
    operations.CompareRuns: compare.compare,
    operations.GetTrace: xray.get_trace,
    operations.RelaunchRun: lambda umbel, asked: reading.summary(
        runs.relaunch(umbel, asked.run_id, asked.payload, comment=asked.comment).run
    ),
    operations.ListTasks: reading.list_tasks,
    operations.GetTask: lambda umbel, asked: why.explained(umbel, asked.run_id, asked.key),
    operations.GetOutput: output.get_output,
    operations.GetLogs: lambda umbel, asked: logs.get_logs(
        umbel, asked.run_id, attempt=asked.attempt, after=asked.after, limit=asked.limit
    ),
    operations.GetTaskLogs: lambda umbel, asked: logs.get_logs(
        umbel, asked.run_id, asked.key, attempt=asked.attempt, after=asked.after, limit=asked.limit
    ),
    operations.ListDefinitions: lambda umbel, asked: definitions.list_definitions(umbel),
    operations.GetDefinition: lambda umbel, asked: definitions.get_definition(umbel, asked.name),
    operations.DefineCanvas: canvases.define,
    operations.RemoveDefinition: lambda umbel, asked: canvases.remove(umbel, asked.name),
    operations.ListDefinitionVersions: lambda umbel, asked: versions.list_versions(umbel, asked.name),
    operations.GetDefinitionVersion: versions.get_version,
    operations.GetDefinitionSchema: lambda umbel, asked: check.editor_schema(),
    operations.CheckDefinitions: lambda umbel, asked: (
        playground.check_canvas(umbel, asked) if asked.kind == "canvas" else check.check_definitions(umbel, asked)
    ),
    operations.GetDefinitionGraph: lambda umbel, asked: graphs.of_definition(umbel, asked.name, asked.format),
    operations.GetRunGraph: lambda umbel, asked: graphs.of_run(umbel, asked.run_id, asked.format),
    operations.GetPlayground: lambda umbel, asked: playground.get_playground(umbel),
    operations.TryDefinition: lambda umbel, asked: reading.detail(umbel, playground.try_definition(umbel, asked).run),
    operations.ListLessons: lessons.list_lessons,
    operations.GetLesson: lessons.get_lesson,
    operations.RunStep: lessons.run_step,
    operations.GetStepRun: lessons.get_step_run,
    operations.CheckLesson: lessons.check_lesson,
    operations.GetLab: lab_acts.get_lab,
    operations.ActInLab: lab_acts.act,
    operations.ListSchedules: lambda umbel, asked: schedules.list_schedules(umbel),
    operations.PauseSchedule: lambda umbel, asked: schedules.pause_schedule(umbel, asked.definition),
    operations.ResumeSchedule: lambda umbel, asked: schedules.resume_schedule(umbel, asked.definition),
    operations.ListWorkers: lambda umbel, asked: workers.list_workers(umbel),
    operations.ListQueues: lambda umbel, asked: queues.list_queues(umbel),
    operations.GetHealth: lambda umbel, asked: health.get_health(umbel),
    operations.ListDeliveries: webhooks.list_deliveries,
    operations.GetRunDeliveries: lambda umbel, asked: webhooks.of_run(umbel, asked.run_id),
    operations.Redeliver: lambda umbel, asked: webhooks.redeliver(umbel, asked.run_id, asked.delivery),
}


def perform(umbel: Umbel, asked: Operation[Any], by: str = "api") -> Resource:
    """Do what is asked, in the calling thread, without waiting for a run's end: who waits is the caller's business
    (`api/answer.py`), since a thread is too dear for it. `by` is who asks.

    Raises:
        UmbelError: it cannot be done; `code` and `hint` say why and what to do.
    """
    if type(asked) in _BY_SOMEBODY:
        return _BY_SOMEBODY[type(asked)](umbel, asked, by)
    return _USE_CASES[type(asked)](umbel, asked)
