"""Every operation of the public interface. An operation's fields are its input; `spec` says how it is reached.

REST routes, OpenAPI, agent tools, the HTTP client and the command line are made from these classes.
"""

from typing import Any, Final

from umbel.service.operations.base import MAX_WAIT, PREFIX, Format, Operation, Scope, Spec
from umbel.service.operations.definitions import (
    CheckDefinitions,
    DefineCanvas,
    GetDefinition,
    GetDefinitionGraph,
    GetDefinitionSchema,
    ListDefinitions,
)
from umbel.service.operations.runs import (
    CancelRun,
    DiagnoseRun,
    GetRun,
    GetRunGraph,
    ListRuns,
    PauseRun,
    RelaunchRun,
    ResumeRun,
    RetryRun,
    StartRun,
    WaitForRun,
)
from umbel.service.operations.schedules import ListSchedules, ListWorkers, PauseSchedule, ResumeSchedule
from umbel.service.operations.tasks import ApproveTask, GetLogs, GetTask, GetTaskLogs, ListTasks, RejectTask

__all__ = [
    "BY_NAME",
    "MAX_WAIT",
    "OPERATIONS",
    "PREFIX",
    "ApproveTask",
    "CancelRun",
    "CheckDefinitions",
    "DefineCanvas",
    "DiagnoseRun",
    "Format",
    "GetDefinition",
    "GetDefinitionGraph",
    "GetDefinitionSchema",
    "GetLogs",
    "GetRun",
    "GetRunGraph",
    "GetTask",
    "GetTaskLogs",
    "ListDefinitions",
    "ListRuns",
    "ListSchedules",
    "ListTasks",
    "ListWorkers",
    "Operation",
    "PauseRun",
    "PauseSchedule",
    "RejectTask",
    "RelaunchRun",
    "ResumeRun",
    "ResumeSchedule",
    "RetryRun",
    "Scope",
    "Spec",
    "StartRun",
    "WaitForRun",
]

OPERATIONS: Final[tuple[type[Operation[Any]], ...]] = (
    ListDefinitions,
    GetDefinitionSchema,  # before GetDefinition, whose path could be taken for it
    GetDefinition,
    DefineCanvas,
    CheckDefinitions,
    GetDefinitionGraph,
    StartRun,
    WaitForRun,
    DiagnoseRun,
    ListRuns,
    GetRun,
    GetRunGraph,
    ListTasks,
    GetTask,
    GetLogs,
    GetTaskLogs,
    CancelRun,
    RelaunchRun,
    RetryRun,
    PauseRun,
    ResumeRun,
    ApproveTask,
    RejectTask,
    ListSchedules,
    PauseSchedule,
    ResumeSchedule,
    ListWorkers,
)
"""All operations, in the order in which agents and readers should see them."""

BY_NAME: Final = {each.spec.name: each for each in OPERATIONS}
