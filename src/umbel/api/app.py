"""The HTTP application: which door serves which path."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, Router

from umbel.api import health, mcp, metrics, openapi, pages, problems, session, ui
from umbel.api.auth import Auth
from umbel.api.director import Director
from umbel.api.headers import Headers
from umbel.api.replies import Context
from umbel.api.v1 import events, routes
from umbel.api.v1.paths import by_path
from umbel.errors import UmbelError
from umbel.service.umbel import Umbel


def create_app(umbel: Umbel) -> Starlette:
    """The server as an ASGI application. Its lifespan starts and stops the loops of `umbel`."""
    context = Context(umbel)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        umbel.start()
        try:
            yield
        finally:
            umbel.stop()
            context.close()

    director = Director(context)
    v1 = by_path([*routes.routes(context), *events.routes(context), *session.routes(context)])
    app = Starlette(
        routes=[
            Mount("/api/v1", Router(v1, redirect_slashes=False)),
            Mount("/api", app=director),
            Route("/api", director),
            *health.routes(context),
            *metrics.routes(context),
            *mcp.routes(context),
            Route("/openapi.json", _openapi),
            Route("/docs", _docs),
            *ui.routes(),
        ],
        exception_handlers={
            HTTPException: problems.on_http_error,
            UmbelError: problems.on_umbel_error,
        },
        middleware=[
            Middleware(metrics.Requests, umbel.metrics),
            Middleware(Headers),
            Middleware(problems.Bugs),
            Middleware(Auth, context),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def _openapi(_: Request) -> Response:
    return JSONResponse(openapi.document())


async def _docs(_: Request) -> Response:
    return HTMLResponse(pages.docs(), headers=pages.HEADERS)
