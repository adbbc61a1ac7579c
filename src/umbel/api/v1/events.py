"""Server-sent events: of one run (numbered within it) and of all (numbered by the history)."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from umbel.api.replies import Context, caller
from umbel.errors import BadRequest, UmbelError
from umbel.machine import EventType
from umbel.service import reading
from umbel.service.events import event_name, indices_of, view
from umbel.store import AppliedEvent

log = logging.getLogger(__name__)

KEEP_ALIVE: Final = 15.0
"""Seconds of silence after which a comment is sent, so that proxies do not close the connection."""
LONGEST: Final = 300.0
"""Seconds after which who follows a feed shows their credentials again."""
RETRY_MS: Final = 2000
BATCH: Final = 500

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Read = Callable[[int], Sequence[AppliedEvent]]


def routes(context: Context) -> list[Route]:
    """The two feeds."""

    async def of_run(request: Request) -> Response:
        umbel = context.umbel
        run = await context.run(reading.require, umbel, request.path_params["run_id"])
        after = _last_seen(request, 0)
        if run.settled and after >= run.last_seq:
            return Response(status_code=204)  # by the HTML standard, this tells an EventSource not to come back

        def read(number: int) -> Sequence[AppliedEvent]:
            return umbel.store.events(run.id, number, limit=BATCH)

        return _stream(context, request, Tale(context, run.id, after, read, lambda event: event.seq, run.settled))

    async def of_all(request: Request) -> Response:
        umbel = context.umbel
        newest = await context.run(umbel.store.last_event)

        def read(number: int) -> Sequence[AppliedEvent]:
            return umbel.store.events_all(number, limit=BATCH)

        seen = _last_seen(request, newest)
        return _stream(context, request, Tale(context, None, seen, read, lambda event: event.id, False))

    return [Route("/runs/{run_id}/events", of_run), Route("/events", of_all)]


def _last_seen(request: Request, default: int) -> int:
    # The query parameter is for browsers, whose EventSource sends the header only when it comes back.
    text = request.headers.get("last-event-id") or request.query_params.get("last_event_id") or ""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise BadRequest(f"Last-Event-ID {text[:80]!r} is no event's number.", hint="Send the last `id:` you saw.")
    return int(text)


class Feed(StreamingResponse):
    """An open stream, which gives its place back when it ends."""

    def __init__(self, tale: "Tale", place: ExitStack) -> None:
        super().__init__(tale.frames(), headers=_HEADERS, media_type="text/event-stream")
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends until one side ends it."""
        with self._place:
            await super().__call__(scope, receive, send)


def _stream(context: Context, request: Request, tale: "Tale") -> Response:
    if request.method == "HEAD":  # its answer would end never, and hold a place
        return Response(headers=_HEADERS, media_type="text/event-stream")
    place = ExitStack()
    place.enter_context(context.streams.one(caller(request)))
    return Feed(tale, place)


@dataclass
class Tale:
    """What the history has after `seen`, then what is committed from then on; each event once, in order.

    The feed of one run ends after the run has settled (`over`), and any feed after a while, if the server asks for
    credentials: who comes back shows them again, so that what was revoked meanwhile counts no more.
    """

    context: Context
    run_id: str | None
    seen: int
    read: Read
    number: Callable[[AppliedEvent], int]
    over: bool

    async def frames(self) -> AsyncIterator[bytes]:
        """The bytes to send. Ends early if the history does not answer: the client comes back where it was."""
        yield f"retry: {RETRY_MS}\n\n".encode()
        behind = True
        loop = asyncio.get_running_loop()
        until = loop.time() + (LONGEST if self.context.asks else math.inf)
        try:
            async with self.context.umbel.feed.subscribe(self.run_id) as news:
                while not news.closed and (behind or not self.over) and loop.time() < until:
                    told = None if behind else await news.next(KEEP_ALIVE)
                    if told is None:
                        found = await self.context.run(self.read, self.seen)
                        behind = len(found) == BATCH
                    else:
                        found = [event for event in told if self.number(event) > self.seen]
                    yield await self.context.run(self._write, found) if found else b": keep-alive\n\n"
        except UmbelError as error:
            log.warning("an event feed ends: %s", error)

    def _write(self, events: Sequence[AppliedEvent]) -> bytes:
        lines: list[str] = []
        for event in events:
            self.seen = self.number(event)
            if self.run_id is not None and event.type in (EventType.RUN_SETTLED, EventType.RUN_RESTORED):
                self.over = event.type == EventType.RUN_SETTLED
            names = self.context.umbel.names_of(event.run_id, *indices_of(event))
            if names is None:
                continue  # its run was deleted meanwhile
            data = view(names, event, self.seen).model_dump_json(exclude_none=True)
            lines.append(f"id: {self.seen}\nevent: {event_name(event.type)}\ndata: {data}\n\n")
        return "".join(lines).encode(errors="replace")
