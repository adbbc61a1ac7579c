"""`GET /metrics` for Prometheus, and the counting of requests."""

import asyncio
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from umbel.api.director import template
from umbel.api.problems import REQUEST_ID
from umbel.api.replies import Context
from umbel.observe import meters
from umbel.observe.logs import about
from umbel.observe.metrics import OTHER, Metrics
from umbel.observe.spans import CALLER, parse

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_USABLE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def routes(context: Context) -> list[Route]:
    """`/metrics`, in a thread of its own: the others may all wait for a store that does not answer."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="umbel-metrics")
    context.on_close(lambda: thread.shutdown(wait=False, cancel_futures=True))

    async def metrics(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        page, media_type = await asyncio.get_running_loop().run_in_executor(thread, context.umbel.metrics.page, accept)
        return Response(page, headers={"Content-Type": media_type})

    return [Route("/metrics", metrics)]


class Requests:
    """Middleware: counts requests, and gives each an id, which its answer, its log lines and its errors carry; notes
    the caller's place in a trace."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = scope[REQUEST_ID] = given if _USABLE.fullmatch(given) else uuid.uuid4().hex
        arrived = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                self._tell(scope, message["status"], time.perf_counter() - arrived)
            await send(message)

        parent = Headers(scope=scope).get("traceparent", "")
        CALLER.set(parent if parent and parse(parent) else None)
        with about(request=request_id):
            await self._app(scope, receive, watched)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        route = _route(scope)
        self._metrics.count(meters.HTTP, method, route, str(status))
        self._metrics.observe(meters.HTTP_SECONDS, seconds, method, route)


def _route(scope: Scope) -> str:
    """The template of the route that was found."""
    found = scope.get("route")
    if isinstance(found, Mount):
        return template(scope["path"]) or OTHER
    return f"{scope.get('root_path', '')}{found.path}" if isinstance(found, Route) else OTHER
