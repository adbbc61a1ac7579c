"""What stands for a run in a program: `umbel.submit` and the handle it returns."""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from umbel.client.canvas import plain
from umbel.client.http import Client
from umbel.defined import note
from umbel.errors import RunFailed
from umbel.machine import RunState
from umbel.service.models import RunDetail, TaskView
from umbel.settings import get_settings


class RunHandle:
    """One run. Every property asks the server for how it stands now.

    Args:
        id: the run's id.
        client: how to ask.
    """

    def __init__(self, id: str, client: Client) -> None:
        self.id = id
        self._client = client

    def __repr__(self) -> str:
        return f"<RunHandle {self.id}>"

    def get(self, timeout: float | None = None) -> Any:
        """The run's result, waiting for it: in the shape in which Celery's own canvas returns it.

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            RunFailed: the run ended otherwise. It carries the failed task's key, and the type, message and traceback of
                its exception.
            TimeoutError: the time is over; the run goes on.
        """
        return result_of(self._client.wait_for_run(self.id, timeout), timeout)

    def run(self) -> RunDetail:
        """The run as it stands, with its tasks and their attempts."""
        return self._client.get_run(self.id)

    @property
    def state(self) -> RunState:
        """`pending`, `running`, `success`, `error` or `canceled`."""
        return self.run().state

    @property
    def status(self) -> str:
        """`state` in celery-director's words: `progress` for `running`."""
        return self.run().status

    @property
    def tasks(self) -> list[TaskView]:
        """The run's tasks, with their states, results, errors and attempts."""
        return self.run().tasks

    @property
    def result(self) -> Any:
        """The result; None before success."""
        return self.run().result

    def cancel(self) -> None:
        """Cancel the run: what has not finished will not start, what runs is stopped."""
        self._client.cancel_run(self.id)


def submit(
    canvas: Mapping[str, Any],
    *,
    name: str | None = None,
    comment: str | None = None,
    idempotency_key: str | None = None,
) -> RunHandle:
    """Run a Celery canvas as a durable, visible run: `umbel.submit(chain(a.s(1), b.s()))` for `.apply_async()`.

    The server at `UMBEL_URL` is asked, with `UMBEL_TOKEN`. Only the tasks' names go there: their code need not be here.
    When this returns, the run is committed: it ends, whatever crashes afterwards.

    Args:
        canvas: any signature: `chain`, `group`, `chord`, or a single one.
        name: what the run is called, `project.NAME`; made from its first task if None.
        comment: a note, shown with the run.
        idempotency_key: the same key with the same canvas never starts a second run.

    Raises:
        BadRequest, DefinitionError: it is no canvas, or none that can be run.
        ServerUnavailable: no server answers. (Whether the run was started is not known then: repeat it with a key.)
    """
    client = _client()
    started = client.submit(canvas, name=name, comment=comment, idempotency_key=idempotency_key)
    return RunHandle(started.id, client)


def define(name: str, canvas: Mapping[str, Any]) -> None:
    """Make a Celery canvas the definition `project.NAME`, which can then be started like any other.

    In a module below a project's `tasks/` it belongs to the project, as if it stood in `workflows.yml`. Elsewhere the
    server at `UMBEL_URL` keeps it, in the place of an earlier one of this name.

    Raises:
        BadRequest, DefinitionError: it is no canvas, or none that can be run, or the name cannot be used.
        ServerUnavailable: no server answers.
    """
    if not note(name, plain(canvas)):
        _client().define(name, canvas)


def result_of(run: RunDetail, timeout: float | None) -> Any:
    """The result of a run that was waited for. Raises RunFailed, TimeoutError."""
    if run.state is RunState.SUCCESS:
        return run.result
    if not run.over:
        raise TimeoutError(f"The run {run.id} has not ended within {timeout} seconds; it is {run.state}.")
    task = next((task for task in run.tasks if task.key == run.failed_task), None)
    error = task.error if task else None
    said = f"{run.failed_task}: {run.error}" if run.failed_task else run.error or "no task has failed"
    raise RunFailed(
        f"The run {run.id} failed: {said}" if run.state is RunState.ERROR else f"The run {run.id} was {run.state}.",
        run_id=run.id,
        state=run.state,
        task=run.failed_task,
        type=error.type if error else None,
        error=error.message if error else None,
        traceback=error.traceback if error else None,
        hint=f"`umbel diagnose {run.id}` says more.",
    )


def _client() -> Client:
    settings = get_settings()
    return _shared(os.getpid(), settings.url, settings.token, settings.user, settings.password)


@lru_cache(maxsize=8)
def _shared(pid: int, url: str, token: str, user: str, password: str) -> Client:
    """One client per process and address: its connections are kept, and belong to no other process."""
    return Client(url, token, auth=(user, password) if user and not token else None)
