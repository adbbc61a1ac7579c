"""Every operation of the public interface. An operation's fields are its input; `spec` says how it is reached.

REST routes, OpenAPI, agent tools, the HTTP client and the command line are made from these classes.
"""

from typing import Any, Final

from umbel.service.operations.access import (
    AddUser,
    ChangeUser,
    CreateToken,
    ListTokens,
    ListUsers,
    RemoveUser,
    RevokeToken,
)
from umbel.service.operations.base import MAX_WAIT, PREFIX, Format, Operation, Scope, Spec, reaches
from umbel.service.operations.compare import CompareRuns
from umbel.service.operations.definitions import (
    CheckDefinitions,
    DefineCanvas,
    GetDefinition,
    GetDefinitionGraph,
    GetDefinitionSchema,
    ListDefinitions,
)
from umbel.service.operations.health import GetHealth
from umbel.service.operations.playground import GetPlayground, TryDefinition
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
from umbel.service.operations.tasks import (
    ApproveTask,
    GetLogs,
    GetOutput,
    GetTask,
    GetTaskLogs,
    ListTasks,
    RejectTask,
)
from umbel.service.operations.webhooks import GetRunDeliveries, ListDeliveries, Redeliver

__all__ = [
    "BY_NAME",
    "MAX_WAIT",
    "OPERATIONS",
    "PREFIX",
    "AddUser",
    "ApproveTask",
    "CancelRun",
    "ChangeUser",
    "CheckDefinitions",
    "CompareRuns",
    "CreateToken",
    "DefineCanvas",
    "DiagnoseRun",
    "Format",
    "GetDefinition",
    "GetDefinitionGraph",
    "GetDefinitionSchema",
    "GetHealth",
    "GetLogs",
    "GetOutput",
    "GetPlayground",
    "GetRun",
    "GetRunDeliveries",
    "GetRunGraph",
    "GetTask",
    "GetTaskLogs",
    "ListDefinitions",
    "ListDeliveries",
    "ListRuns",
    "ListSchedules",
    "ListTasks",
    "ListTokens",
    "ListUsers",
    "ListWorkers",
    "Operation",
    "PauseRun",
    "PauseSchedule",
    "Redeliver",
    "RejectTask",
    "RelaunchRun",
    "RemoveUser",
    "ResumeRun",
    "ResumeSchedule",
    "RetryRun",
    "RevokeToken",
    "Scope",
    "Spec",
    "StartRun",
    "TryDefinition",
    "WaitForRun",
    "reaches",
]

OPERATIONS: Final[tuple[type[Operation[Any]], ...]] = (
    ListDefinitions,
    GetDefinitionSchema,  # before GetDefinition, whose path could be taken for it
    GetDefinition,
    DefineCanvas,
    CheckDefinitions,
    GetDefinitionGraph,
    GetPlayground,
    TryDefinition,
    StartRun,
    WaitForRun,
    DiagnoseRun,
    ListRuns,
    GetRun,
    CompareRuns,
    GetRunGraph,
    ListTasks,
    GetTask,
    GetOutput,
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
    GetHealth,
    GetRunDeliveries,
    ListDeliveries,
    Redeliver,
    ListUsers,
    AddUser,
    ChangeUser,
    RemoveUser,
    ListTokens,
    CreateToken,
    RevokeToken,
)
"""All operations, in the order in which agents and readers should see them."""

BY_NAME: Final = {each.spec.name: each for each in OPERATIONS}
