"""Small things that all routes share: running a use case in a thread, reading a body, writing JSON."""

import asyncio
import contextvars
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, ParamSpec, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json, to_jsonable_python
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from umbel.api.gate import Gate, address_of
from umbel.api.throttle import Streams
from umbel.errors import BadRequest, PayloadTooLarge, RequestTooSlow
from umbel.service.access import ANYBODY, Principal
from umbel.service.models import utc
from umbel.service.runs import ELSEWHERE
from umbel.service.umbel import Umbel

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 32
"""Requests in work at once: enough to share the disk's flush, fewer than the database's connections."""


WHO: Final = "umbel.principal"
"""Where in a request's scope stands who it came from."""
PATIENCE: Final = 30.0
"""Seconds in which the body of a request has to arrive."""


class Context:
    """What the routes need: the container, and the threads in which its use cases run."""

    def __init__(self, umbel: Umbel) -> None:
        self.umbel = umbel
        settings = umbel.settings
        self.asks = settings.auth != "none"
        """Whether the server asks for credentials."""
        self.streams = Streams(settings.max_streams, settings.max_streams_per_caller)
        self.gate = Gate(umbel.store, settings, self.run)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="umbel-request")
        self._closing: list[Callable[[], object]] = []

    async def run(self, use_case: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The use case's answer, without blocking the event loop."""
        context = contextvars.copy_context()  # its log lines name the request
        call = lambda: context.run(use_case, *args, **kwargs)  # noqa: E731
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def on_close(self, call: Callable[[], object]) -> None:
        """To be called when the server ends."""
        self._closing.append(call)

    def close(self) -> None:
        """Ends the threads."""
        self.gate.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for call in self._closing:
            call()

    async def body(self, request: Request) -> bytes:
        """The request's body.

        Raises:
            PayloadTooLarge: it is larger than any payload may be; it is not read to its end.
            RequestTooSlow: it did not arrive in time.
            BadRequest: the connection was closed before its end.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._body(request)
        except ClientDisconnect as error:  # nobody reads the answer; but it is no fault of ours, to be logged as one
            raise BadRequest("The connection was closed before the end of the body.") from error
        except TimeoutError as error:
            raise RequestTooSlow(f"The request's body did not arrive within {PATIENCE:g} s.") from error

    async def _body(self, request: Request) -> bytes:
        # The payload's own limit is checked precisely later; here room for the rest of the body is added.
        limit = self.umbel.settings.max_payload_bytes + 4096
        length = request.headers.get("content-length", "")
        parts: list[bytes] = []
        size = int(length) if length.isdigit() and len(length) < 19 else 0
        if size <= limit:
            size = 0
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    break
                parts.append(part)
            else:
                return b"".join(parts)
        raise PayloadTooLarge(f"The request's body is larger than {limit:,} bytes.", hint=ELSEWHERE)


def principal(request: Request) -> Principal:
    """Who asks."""
    found: Principal = request.scope.get(WHO, ANYBODY)
    return found


def who(request: Request) -> str:
    """Whom the history shall name for what a request does."""
    return principal(request).by


def caller(request: Request) -> str:
    """By what limits count requests: who asks, or from where if nobody is asked who they are."""
    found = principal(request)
    return address_of(request) if found is ANYBODY else found.by


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        BadRequest: it is something else.
    """
    try:
        found = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.", hint="Send one JSON object, in UTF-8.") from error
    if not isinstance(found, dict):
        raise BadRequest("The body is not a JSON object.", hint='Send one JSON object, such as {"definition": "a.B"}.')
    return found


def as_json(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A resource as an answer."""
    try:
        content = model.__pydantic_serializer__.to_json(model)
    except PydanticSerializationError:
        # A value nested deeper than pydantic writes, which an earlier version has let in.
        content = json.dumps(model.model_dump(), default=_other, separators=(",", ":")).encode()
    return Response(content, status, headers, "application/json")


def _other(value: object) -> object:
    return utc(value) if isinstance(value, datetime) else to_jsonable_python(value)
