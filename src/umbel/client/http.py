"""The client: one method per operation, and the live events of a run."""

import json
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from umbel.client.access import Access
from umbel.client.canvas import plain
from umbel.client.lab import Lab
from umbel.client.lessons import Lessons
from umbel.client.operation import make
from umbel.client.places import Places
from umbel.client.problems import error_of
from umbel.client.stream import messages
from umbel.client.tasks import Tasks
from umbel.client.xray import XRay
from umbel.errors import ServerUnavailable, UmbelError
from umbel.machine import EventType, RunState
from umbel.service import operations as ops
from umbel.service.models import (
    Comparison,
    DefinitionCheck,
    DefinitionList,
    DefinitionView,
    Delivery,
    DeliveryList,
    DeliveryStatus,
    Diagnosis,
    EditorSchema,
    Event,
    Health,
    Picture,
    Resource,
    Retry,
    Run,
    RunCounts,
    RunDetail,
    RunList,
    ScheduleList,
    ScheduleView,
    WorkerList,
)
from umbel.settings import get_settings

Answer = TypeVar("Answer", bound=Resource)

CONNECT: Final = 5.0
"""Seconds to wait for a connection."""
READ: Final = 30.0
"""Seconds to wait for an answer, beyond the waiting that was asked for."""
SILENCE: Final = 45.0
"""Seconds without a byte after which an event stream counts as dropped: three of the server's signs of life."""
PATIENCE: Final = 30.0
"""Seconds during which a dropped event stream is taken up again before it is given up."""
PAUSE: Final = 0.5
"""Seconds before a dropped event stream is taken up again."""


class Client(Access, Lab, Lessons, Places, Tasks, XRay):
    """Speaks to one server. Thread safe; a context manager that closes its connections.

    Every method raises the exception that the server raised (`umbel.errors`, with its code and hint), and
    `ServerUnavailable` if the server does not answer.

    Args:
        url: where the server is; `UMBEL_URL` (default `http://127.0.0.1:8000`) if None.
        token: API token.
        auth: name and password of an account, sent if there is no token. If neither is given, `UMBEL_TOKEN` or
            `UMBEL_USER` and `UMBEL_PASSWORD` are.
        transport: for tests: what sends the requests.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        auth: tuple[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, options = connection(url, token, auth)
        try:
            self._http = httpx.Client(**options, transport=transport)
        except (httpx.InvalidURL, ValueError) as error:
            raise bad_address(self.url, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, operation: ops.Operation[Answer], *, patience: float = 0.0) -> Answer:
        """Do any operation of `umbel.service.operations`.

        Args:
            operation: what to do, with its arguments.
            patience: seconds that the server is expected to take, on top of the usual.
        """
        try:
            answer = self._http.request(**request_of(operation, patience))
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise unreachable(self.url, error) from error
        return read_answer(operation, answer)

    # -- what can be asked and done

    def list_definitions(self) -> DefinitionList:
        """Every definition, and everything that is wrong with the project's files."""
        return self.call(ops.ListDefinitions())

    def get_definition(self, name: str) -> DefinitionView:
        """One definition, by `project.NAME`."""
        return self.call(ops.GetDefinition(name=name))

    def check_definitions(
        self,
        text: str,
        *,
        kind: ops.TextKind = "yaml",
        file: str = "workflows.yml",
        graph: ops.Format | None = None,
    ) -> DefinitionCheck:
        """Everything that is wrong with a text of definitions, without using it; or what a Celery canvas is.

        Args:
            text: YAML, as in `workflows.yml`; with `kind` "canvas" a canvas as Python, which is not evaluated.
            file: what problems call it.
            graph: also draw each definition, in this format.
        """
        return self.call(make(ops.CheckDefinitions, text=text, kind=kind, file=file, graph=graph))

    def try_definition(
        self,
        text: str,
        payload: Mapping[str, Any] | None = None,
        *,
        kind: ops.TextKind = "yaml",
        definition: str | None = None,
        comment: str | None = None,
    ) -> RunDetail:
        """Start a run of a definition that the server does not keep, where it allows that (`UMBEL_PLAYGROUND`).

        Args:
            text: YAML, as in `workflows.yml`; with `kind` "canvas" a Celery canvas as Python.
            payload: input of the run.
            definition: which one of the text; the first, if not given.
            comment: a note, shown with the run.
        """
        known = {"text": text, "kind": kind, "definition": definition, "comment": comment}
        return self.call(make(ops.TryDefinition, payload=dict(payload or {}), **known))

    def get_definition_schema(self) -> EditorSchema:
        """The JSON Schema of definition files."""
        return self.call(ops.GetDefinitionSchema())

    def get_definition_graph(self, name: str, format: ops.Format = "ascii") -> Picture:
        """A picture of a definition."""
        return self.call(make(ops.GetDefinitionGraph, name=name, format=format))

    def get_run_graph(self, run_id: str, format: ops.Format = "ascii") -> Picture:
        """A picture of a run with the states of its tasks."""
        return self.call(make(ops.GetRunGraph, run_id=run_id, format=format))

    def start_run(
        self,
        definition: str,
        payload: dict[str, Any] | None = None,
        *,
        comment: str | None = None,
        wait: float | None = None,
        idempotency_key: str | None = None,
    ) -> RunDetail:
        """Start a run; it is on disk when this returns.

        Args:
            definition: `project.NAME`.
            payload: must fit the definition's JSON Schema.
            comment: a note, shown with the run.
            wait: seconds (at most 50) to wait for the run's end before answering.
            idempotency_key: the same key with the same request never starts a second run.
        """
        operation = make(
            ops.StartRun,
            definition=definition,
            payload=payload or {},
            comment=comment,
            wait=wait,
            idempotency_key=idempotency_key,
        )
        return self.call(operation, patience=wait or 0.0)

    def submit(
        self,
        canvas: Mapping[str, Any],
        *,
        name: str | None = None,
        payload: dict[str, Any] | None = None,
        comment: str | None = None,
        idempotency_key: str | None = None,
    ) -> RunDetail:
        """Start a run of a Celery canvas; it is on disk when this returns.

        Args:
            canvas: any signature: `chain`, `group`, `chord`, or a single one.
            name: what the run is called, `project.NAME`; made from its first task if None.
            payload: kept with the run; the tasks are not called with it.
            comment: a note, shown with the run.
            idempotency_key: the same key with the same request never starts a second run.

        Raises:
            BadRequest: it is no canvas, or an argument in it has no JSON form.
            DefinitionError: the server cannot run it.
        """
        return self.call(
            make(
                ops.StartRun,
                canvas=plain(canvas),
                name=name,
                payload=payload or {},
                comment=comment,
                idempotency_key=idempotency_key,
            )
        )

    def define(self, name: str, canvas: Mapping[str, Any]) -> DefinitionView:
        """Keep a Celery canvas as the definition `project.NAME`, in the place of an earlier one."""
        return self.call(make(ops.DefineCanvas, name=name, canvas=plain(canvas)))

    def list_runs(
        self,
        *,
        status: list[RunState] | None = None,
        definition: str | None = None,
        since: str | None = None,
        until: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> RunList:
        """A page of runs, newest first.

        Args:
            status: only runs in one of these states.
            definition: only runs of this definition.
            since, until: RFC 3339 times, or seconds since 1970: from and before.
            q: text in the id, name, comment or payload.
            cursor: `next_cursor` of the page before.
            limit: runs per page, at most 500.
        """
        return self.call(
            make(
                ops.ListRuns,
                status=status,
                definition=definition,
                since=since,
                until=until,
                q=q,
                cursor=cursor,
                limit=limit,
            )
        )

    def count_runs(
        self,
        *,
        status: list[RunState] | None = None,
        definition: str | None = None,
        since: str | None = None,
        until: str | None = None,
        q: str | None = None,
        bins: int = 72,
    ) -> RunCounts:
        """Runs counted by state and time, in up to `bins` stretches. The others as for `list_runs`."""
        wanted = {"status": status, "definition": definition, "since": since, "until": until, "q": q}
        return self.call(make(ops.CountRuns, bins=bins, **wanted))

    def get_run(self, run_id: str) -> RunDetail:
        """One run with its tasks and their attempts."""
        return self.call(ops.GetRun(run_id=run_id))

    def wait_for_run(self, run_id: str, timeout: float | None = None) -> RunDetail:
        """Wait until the run has ended, or `timeout` seconds (None: for ever) are over; the run as it then is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = ops.MAX_WAIT if deadline is None else deadline - time.monotonic()
            wait = min(max(left, 0.0), ops.MAX_WAIT)
            run = self.call(ops.WaitForRun(run_id=run_id, timeout=wait), patience=wait)
            if run.over or (deadline is not None and time.monotonic() >= deadline):
                return run

    def diagnose_run(self, run_id: str) -> Diagnosis:
        """Why the run failed, or why it waits."""
        return self.call(ops.DiagnoseRun(run_id=run_id))

    def cancel_run(self, run_id: str) -> Run:
        """Cancel the run; a finished run stays as it is."""
        return self.call(ops.CancelRun(run_id=run_id))

    def compare_runs(self, run_id: str, other: str = "last_success") -> Comparison:
        """How the run differs from another one, or from the last one of its definition that succeeded before it."""
        return self.call(make(ops.CompareRuns, run_id=run_id, other=other))

    def relaunch_run(self, run_id: str, payload: dict[str, Any] | None = None, *, comment: str | None = None) -> Run:
        """Start a new run with the definition and payload of this one.

        Args:
            run_id: the earlier run.
            payload: in the place of its payload; `***` where that has a sealed value keeps the value.
            comment: a note, shown with the new run.
        """
        return self.call(make(ops.RelaunchRun, run_id=run_id, payload=payload, comment=comment))

    def retry_run(self, run_id: str, tasks: list[str] | None = None, *, preview: bool = False) -> Retry:
        """Run what failed again in the same run, with everything that depends on it.

        Args:
            run_id: a run that has ended.
            tasks: keys of the tasks to begin with, instead of those that failed.
            preview: only say what would run again.
        """
        return self.call(make(ops.RetryRun, run_id=run_id, tasks=tasks, preview=preview))

    def pause_run(self, run_id: str) -> Run:
        """Let nothing new of the run begin; what runs goes on to its end."""
        return self.call(ops.PauseRun(run_id=run_id))

    def resume_run(self, run_id: str) -> Run:
        """Let a paused run go on."""
        return self.call(ops.ResumeRun(run_id=run_id))

    def approve_task(self, run_id: str, key: str, comment: str | None = None) -> Run:
        """Approve a task that waits for a person."""
        return self.call(make(ops.ApproveTask, run_id=run_id, key=key, comment=comment))

    def reject_task(self, run_id: str, key: str, comment: str | None = None) -> Run:
        """Reject a task that waits for a person: it fails."""
        return self.call(make(ops.RejectTask, run_id=run_id, key=key, comment=comment))

    def list_deliveries(
        self, status: DeliveryStatus | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> DeliveryList:
        """What webhooks were told of the ends of runs, newest first; `status` is pending, delivered or failed."""
        return self.call(make(ops.ListDeliveries, status=status, cursor=cursor, limit=limit))

    def get_run_deliveries(self, run_id: str) -> DeliveryList:
        """What the webhook of a run was told."""
        return self.call(ops.GetRunDeliveries(run_id=run_id))

    def redeliver(self, run_id: str, delivery: str) -> Delivery:
        """Tell a webhook again, with the same id."""
        return self.call(ops.Redeliver(run_id=run_id, delivery=delivery))

    def list_schedules(self) -> ScheduleList:
        """Which definitions are started by themselves, and when next."""
        return self.call(ops.ListSchedules())

    def pause_schedule(self, definition: str) -> ScheduleView:
        """Start no runs by this definition's schedule until it is resumed."""
        return self.call(ops.PauseSchedule(definition=definition))

    def resume_schedule(self, definition: str) -> ScheduleView:
        """Go on with this definition's schedule; what was due meanwhile is not made up for."""
        return self.call(ops.ResumeSchedule(definition=definition))

    def list_workers(self) -> WorkerList:
        """The workers that are alive or were lately."""
        return self.call(ops.ListWorkers())

    def get_health(self) -> Health:
        """What is wrong with the installation, seen from the server."""
        return self.call(ops.GetHealth())

    # -- live

    def events(self, run_id: str, after: int = 0) -> Iterator[Event]:
        """The run's events from number `after` + 1 on, live, until nothing of the run is alive any more.

        A dropped connection is taken up again where it broke off, for up to `PATIENCE` seconds.
        """
        path = f"{ops.PREFIX}/runs/{run_id}/events"
        silent_since: float | None = None
        settled = False  # it may begin again: a retry
        while True:
            try:
                for event in self._stream(path, after):
                    silent_since = None
                    after = event.id
                    settled = event.type == EventType.RUN_SETTLED
                    yield event
                # The server ended the stream: it stops, or there is nothing more to come.
                run = self.get_run(run_id)
                if (run.settled or settled) and run.last_event <= after:
                    return
                silent_since = None
            except (httpx.RequestError, ServerUnavailable) as error:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > PATIENCE:
                    raise unreachable(self.url, error) from error
            time.sleep(PAUSE)

    def _stream(self, path: str, after: int) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        timeout = httpx.Timeout(SILENCE, connect=CONNECT)
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            if answer.status_code == 204:  # nothing more will come
                return
            if answer.status_code != 200:
                raise error_of(answer.status_code, answer.read(), str(answer.url))
            for message in messages(answer.iter_bytes()):
                yield Event.model_validate_json(message.data)


def connection(url: str | None, token: str | None, auth: tuple[str, str] | None) -> tuple[str, dict[str, Any]]:
    """The server's address and httpx's options for it, from what was given and the settings."""
    settings = get_settings() if url is None or (token is None and auth is None) else None
    address = (url if url is not None else settings.url if settings else "").rstrip("/")
    if settings and token is None and auth is None:
        token, auth = settings.token, (settings.user, settings.password) if settings.user else None
    try:
        host = urlsplit(address).hostname
    except ValueError as error:
        raise bad_address(address, error) from error
    return address, {
        "base_url": address,
        "headers": {"Authorization": f"Bearer {token}"} if token else {},
        "auth": auth if auth and not token else None,
        "timeout": httpx.Timeout(READ, connect=CONNECT),
        # A proxy named in the environment cannot reach a server on this machine.
        "trust_env": host not in ("127.0.0.1", "localhost", "::1"),
    }


def request_of(operation: ops.Operation[Any], patience: float) -> dict[str, Any]:
    """The arguments of `httpx.Client.request` for an operation."""
    method, path, query, headers, body = operation.request()
    # Not httpx's own encoder: it refuses NaN, which a payload may hold.
    content = None if body is None else json.dumps(body).encode()
    if content is not None:
        headers["Content-Type"] = "application/json"
    headers["Accept"] = "application/json"  # else a picture comes as it is
    timeout = httpx.Timeout(READ + patience, connect=CONNECT)
    return {
        "method": method,
        "url": path,
        "params": query,
        "headers": headers,
        "content": content,
        "timeout": timeout,
    }


def read_answer(operation: ops.Operation[Answer], answer: httpx.Response) -> Answer:
    """What the server answered, or the exception that it meant."""
    spec = operation.spec
    if answer.status_code not in (spec.status, *spec.also):
        raise error_of(answer.status_code, answer.content, str(answer.url))
    try:
        return cast(Answer, spec.answer.model_validate_json(answer.content))
    except ValidationError as error:
        raise error_of(answer.status_code, answer.content, str(answer.url)) from error


def unreachable(url: str, error: Exception) -> UmbelError:
    """The exception for a server that does not answer."""
    return ServerUnavailable(f"No answer from a server at {url}: {str(error) or type(error).__name__}")


def bad_address(url: str, error: Exception) -> UmbelError:
    """The exception for an address that is none."""
    return ServerUnavailable(f"UMBEL_URL is no address of a server: {url} ({error}).")
