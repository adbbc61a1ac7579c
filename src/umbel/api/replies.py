"""Small things that all routes share: running a use case in a thread, reading a body, writing JSON."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, ParamSpec, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python
from starlette.requests import Request
from starlette.responses import Response

from umbel.errors import PayloadTooLarge
from umbel.service.models import utc
from umbel.service.runs import ELSEWHERE
from umbel.service.umbel import Umbel

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 32
"""Requests in work at once: enough to share the disk's flush, fewer than the database's connections."""


WHO: Final = "umbel.user"
"""Where in a request's scope the name of the account stands that it came from."""


class Context:
    """What the routes need: the container, and the threads in which its use cases run."""

    def __init__(self, umbel: Umbel) -> None:
        self.umbel = umbel
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="umbel-request")

    async def run(self, use_case: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The use case's answer, without blocking the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: use_case(*args, **kwargs))

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def body(self, request: Request) -> bytes:
        """The request's body.

        Raises:
            PayloadTooLarge: it is larger than any payload may be; it is not read to its end.
        """
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


def who(request: Request) -> str:
    """Whom the history shall name for what a request does."""
    return str(request.scope.get(WHO, "api"))


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
