"""Reading a long text of a run in parts."""

import json
from datetime import date, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from umbel.errors import BadRequest
from umbel.service import reading
from umbel.service.models import ErrorView, OutputPart, utc
from umbel.service.operations import GetOutput
from umbel.service.umbel import Umbel


def get_output(umbel: Umbel, asked: GetOutput) -> OutputPart:
    """A part of the JSON text of a result, an error or a payload; secrets are `***` in it.

    Raises:
        RunNotFound, TaskNotFound: there is no such run, or task.
        BadRequest: a task has no payload of its own, or the text is shorter than `offset`.
    """
    text = json.dumps(_value(umbel, asked), ensure_ascii=False, default=_other)
    if asked.offset > len(text):
        raise BadRequest(f"The text has only {len(text):,} characters.", hint="Begin with `offset` 0.")
    end = asked.offset + asked.limit
    return OutputPart(
        text=text[asked.offset : end],
        offset=asked.offset,
        total=len(text),
        next_offset=end if end < len(text) else None,
    )


def _value(umbel: Umbel, asked: GetOutput) -> Any:
    if asked.key is not None:
        if asked.of == "payload":
            raise BadRequest("A task has no payload of its own: leave `key` out to read the run's.")
        task = reading.get_task(umbel, asked.run_id, asked.key)
        return task.result if asked.of == "result" else _error(task.error)
    run = reading.get_run(umbel, asked.run_id)
    if asked.of == "error":
        failed = next((task for task in run.tasks if task.key == run.failed_task), None)
        return _error(failed.error) if failed is not None else run.error
    return run.result if asked.of == "result" else run.payload


def _error(error: ErrorView | None) -> Any:
    return None if error is None else error.model_dump()


def _other(value: object) -> object:
    if isinstance(value, datetime):
        return utc(value)
    return value.isoformat() if isinstance(value, date) else to_jsonable_python(value)
