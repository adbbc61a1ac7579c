"""What an agent must have seen before it destroys anything: a preview, whose fingerprint it sends back.

The fingerprint is no secret. It says that these arguments were previewed, and that what they would do is still the
same: no state is kept, and any server can check it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from umbel.errors import DefinitionNotFound, NotConfirmed
from umbel.machine import TaskState
from umbel.mcp.door import Door
from umbel.service.models import Resource, Retry, RunDetail, TaskView
from umbel.service.operations import (
    ApproveTask,
    CancelRun,
    DefineCanvas,
    GetDefinition,
    GetRun,
    GetTask,
    Operation,
    RejectTask,
    RetryRun,
)

FIELD: Final = "confirm"
SCHEMA: Final = {
    "type": "string",
    "description": "Leave it out to see what would happen: nothing is done then. To do it, call again with the"
    " `confirm` of that preview. Show the preview to the person you work for if in doubt.",
}
ANSWER: Final = {
    "type": "object",
    "properties": {
        "done": {"const": False},
        "preview": {"type": "object", "description": "What would happen."},
        "confirm": {"type": "string", "description": "Send it as `confirm` to do it."},
    },
    "required": ["done", "preview", "confirm"],
    "description": "A preview: nothing was done.",
}
_RUNS: Final = (TaskState.RUNNING, TaskState.RETRYING, TaskState.QUEUED, TaskState.SCHEDULED)
SHOWN: Final = 50
"""Tasks that a preview names."""


@dataclass
class Preview:
    """What would happen: as an agent sees it, and what must not change until it confirms."""

    sentence: str
    shown: dict[str, Any]
    bound: Any

    def token(self, asked: Operation[Any]) -> str:
        """What confirms it."""
        text = json.dumps([asked.spec.name, asked.model_dump(mode="json"), self.bound], sort_keys=True)
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def needs(asked: Operation[Any]) -> bool:
    """Whether it has to be confirmed."""
    return asked.spec.destructive and not (isinstance(asked, RetryRun) and asked.preview)


def check(asked: Operation[Any], preview: Preview, given: object) -> None:
    """Let through what was previewed.

    Raises:
        NotConfirmed: it was not, or things have changed since.
    """
    if given != preview.token(asked):
        raise NotConfirmed(f"This `{FIELD}` is not that of a preview of what {asked.spec.name} would do now.")


async def preview(door: Door, asked: Operation[Any]) -> Preview:
    """What the operation would do.

    Raises:
        UmbelError: it cannot be done, or it cannot be said.
    """
    match asked:
        case CancelRun():
            return _cancel(await door.call(GetRun(run_id=asked.run_id)))
        case RetryRun():
            return _retry(await door.call(asked.model_copy(update={"preview": True})))
        case ApproveTask() | RejectTask():
            return _decide(asked, await door.call(GetTask(run_id=asked.run_id, key=asked.key)))
        case DefineCanvas():
            replaces = await _is_there(door, asked.name)
            what = "would replace the definition of this name" if replaces else "would make a new definition"
            return Preview(f"This {what}.", {"name": asked.name, "replaces": replaces}, replaces)
    return Preview("This cannot be taken back.", {"arguments": asked.model_dump(mode="json", exclude_none=True)}, None)


def _cancel(run: Resource) -> Preview:
    assert isinstance(run, RunDetail)
    if run.over and run.settled:
        return Preview("The run has ended: this would change nothing.", {"state": run.state}, run.state)
    running = [task.key for task in run.tasks if task.state in _RUNS]
    waiting = sum(task.state is TaskState.WAITING for task in run.tasks)
    shown = {
        "definition": run.definition,
        "state": run.state,
        "tasks_done": run.tasks_done,
        "would_stop": running[:SHOWN],
        "would_stop_total": len(running),
        "would_never_run": waiting,
    }
    # Not the tasks: they go on while the agent thinks.
    return Preview("This would stop the run for good.", shown, [run.epoch, run.over])


def _retry(found: Resource) -> Preview:
    assert isinstance(found, Retry)
    again = [task.key for task in found.would_run]
    shown = {
        "would_run": again[:SHOWN],
        "would_run_total": len(again),
        "keeps": len(found.kept),
        "repeats": found.repeats[:SHOWN],
        "repeats_total": len(found.repeats),
    }
    twice = " Some have succeeded before: what they did outside is done a second time." if found.repeats else ""
    return Preview(f"{len(again)} tasks would run again.{twice}", shown, [found.epoch, again, found.repeats])


def _decide(asked: ApproveTask | RejectTask, task: Resource) -> Preview:
    assert isinstance(task, TaskView)
    what = "approve" if isinstance(asked, ApproveTask) else "reject"
    sentence = f"This would {what} the task. Do it only if a person has told you to."
    return Preview(sentence, {"key": task.key, "state": task.state}, [task.state, len(task.attempts)])


async def _is_there(door: Door, name: str) -> bool:
    try:
        await door.call(GetDefinition(name=name))
    except DefinitionNotFound:
        return False
    return True


def answer_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The output schema of a tool that gives a preview first."""
    rest = {name: value for name, value in answer.items() if name != "$defs"}
    return {"type": "object", "anyOf": [rest, ANSWER], "$defs": answer.get("$defs", {})}
