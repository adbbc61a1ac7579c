"""The client for programs that run on asyncio: it does what `Client` does, and waits without a thread."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from umbel.client.canvas import plain
from umbel.client.handle import result_of
from umbel.client.http import bad_address, connection, read_answer, request_of, unreachable
from umbel.client.operation import make
from umbel.client.problems import error_of
from umbel.machine import RunState
from umbel.service import operations as ops
from umbel.service.models import Resource, RunDetail, Session, TaskView

Answer = TypeVar("Answer", bound=Resource)


class AsyncClient:
    """Speaks to one server. An asynchronous context manager that closes its connections.

    Raises what `Client` raises.

    Args:
        url, token, auth: as of `Client`.
        transport: for tests: what sends the requests.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        auth: tuple[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url, options = connection(url, token, auth)
        try:
            self._http = httpx.AsyncClient(**options, transport=transport)
        except (httpx.InvalidURL, ValueError) as error:
            raise bad_address(self.url, error) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self, operation: ops.Operation[Answer], *, patience: float = 0.0) -> Answer:
        """Do any operation of `umbel.service.operations`.

        Args:
            operation: what to do, with its arguments.
            patience: seconds that the server is expected to take, on top of the usual.
        """
        try:
            answer = await self._http.request(**request_of(operation, patience))
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise unreachable(self.url, error) from error
        return read_answer(operation, answer)

    async def session(self) -> Session:
        """Who asks, by the token or account, and what they may do."""
        try:
            answer = await self._http.get(f"{ops.PREFIX}/session", headers={"Accept": "application/json"})
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise unreachable(self.url, error) from error
        if answer.status_code != 200:
            raise error_of(answer.status_code, answer.content, str(answer.url))
        return Session.model_validate_json(answer.content)

    async def submit(
        self,
        canvas: Mapping[str, Any],
        *,
        name: str | None = None,
        comment: str | None = None,
        idempotency_key: str | None = None,
    ) -> RunDetail:
        """Start a run of a Celery canvas; see `Client.submit`."""
        return await self.call(
            make(ops.StartRun, canvas=plain(canvas), name=name, comment=comment, idempotency_key=idempotency_key)
        )

    async def get_run(self, run_id: str) -> RunDetail:
        """One run with its tasks and their attempts."""
        return await self.call(ops.GetRun(run_id=run_id))

    # The server waits, a minute at most, so a timeout around this would not tell it when to answer.
    async def wait_for_run(self, run_id: str, timeout: float | None = None) -> RunDetail:  # noqa: ASYNC109
        """Wait until the run has ended, or `timeout` seconds (None: for ever) are over; the run as it then is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = ops.MAX_WAIT if deadline is None else deadline - time.monotonic()
            wait = min(max(left, 0.0), ops.MAX_WAIT)
            run = await self.call(ops.WaitForRun(run_id=run_id, timeout=wait), patience=wait)
            if run.over or (deadline is not None and time.monotonic() >= deadline):
                return run


class AsyncRunHandle:
    """One run, as `RunHandle` is, for asyncio: what is a property there is awaited here.

    Args:
        id: the run's id.
    """

    def __init__(self, id: str) -> None:
        self.id = id

    def __repr__(self) -> str:
        return f"<AsyncRunHandle {self.id}>"

    async def get(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """The run's result, waiting for it. Raises RunFailed, TimeoutError; see `RunHandle.get`."""
        async with AsyncClient() as client:
            return result_of(await client.wait_for_run(self.id, timeout), timeout)

    async def run(self) -> RunDetail:
        """The run as it stands, with its tasks and their attempts."""
        async with AsyncClient() as client:
            return await client.get_run(self.id)

    async def state(self) -> RunState:
        """`pending`, `running`, `success`, `error` or `canceled`."""
        return (await self.run()).state

    async def status(self) -> str:
        """`state` in celery-director's words."""
        return (await self.run()).status

    async def tasks(self) -> list[TaskView]:
        """The run's tasks, with their states, results, errors and attempts."""
        return (await self.run()).tasks

    async def result(self) -> Any:
        """The result; None before success."""
        return (await self.run()).result

    async def cancel(self) -> None:
        """Cancel the run."""
        async with AsyncClient() as client:
            await client.call(ops.CancelRun(run_id=self.id))


async def asubmit(
    canvas: Mapping[str, Any],
    *,
    name: str | None = None,
    comment: str | None = None,
    idempotency_key: str | None = None,
) -> AsyncRunHandle:
    """`umbel.submit` for asyncio: the same arguments and exceptions."""
    async with AsyncClient() as client:
        started = await client.submit(canvas, name=name, comment=comment, idempotency_key=idempotency_key)
        return AsyncRunHandle(started.id)
