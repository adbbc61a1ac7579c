"""What each route needs: the one table that is asked for every request, whichever door it comes to.

A route that is not in it answers nobody (403): who adds one has to say here who may use it.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope as Request

from umbel.api.ui import PAGES
from umbel.service.operations import BY_NAME, OPERATIONS, PREFIX, Scope

Need = Scope | Literal["open", "any", "nobody"]
"""A scope; nothing; any credentials that are right; or what cannot be had."""

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

MCP: Final = "/mcp"
SESSION: Final = f"{PREFIX}/session"
TOOL: Final = f"{PREFIX}/tools/{{name}}"
"""Does the operation of this name, and needs what that needs."""
DIRECTOR: Final = frozenset({"/api", "/api/*"})
"""All that celery-director's application answers."""

_NEEDS: Final[dict[tuple[str, str], Need]] = {
    **{(each.spec.method, PREFIX + each.spec.path): each.spec.scope for each in OPERATIONS},
    # The pages' own files hold nothing of anybody's: they must be there to ask who comes.
    ("GET", "/"): "open",
    ("GET", "/assets/{name}"): "open",
    **{("GET", f"/{page}{rest}"): "open" for page in PAGES for rest in ("", "/{rest:path}")},
    ("GET", "/healthz"): "open",
    ("GET", "/readyz"): "open",
    ("POST", SESSION): "open",  # signing in
    ("GET", SESSION): "any",
    ("DELETE", SESSION): "any",
    ("POST", MCP): "read",  # each tool needs what its operation does
    ("GET", "/metrics"): "read",
    ("GET", "/openapi.json"): "read",
    ("GET", "/docs"): "read",
    ("GET", f"{PREFIX}/events"): "read",
    ("GET", f"{PREFIX}/runs/{{run_id}}/events"): "read",
    ("GET", f"{PREFIX}/tools"): "read",
}

_UNKNOWN: Final[Need] = "any"
"""Of a path or a method that no route has: who is known is told that it is not there."""


def declared(method: str, path: str) -> Need:
    """What a route needs, by the path it is described with."""
    if path.startswith("/api/") and not path.startswith(f"{PREFIX}/"):
        return _directors({"method": method, "path": path})
    return "any" if path == TOOL else _NEEDS.get((method, path), "nobody")


def need(routes: Sequence[BaseRoute], scope: Request) -> Need:
    """What the route needs that would answer this request."""
    found = _route(routes, scope)
    if found is None:
        return _UNKNOWN
    template, full, parameters = found
    if template in DIRECTOR:
        return _directors(scope)
    if not full:
        return _UNKNOWN
    if template == TOOL:
        operation = BY_NAME.get(parameters["name"])
        return operation.spec.scope if operation is not None else _UNKNOWN
    return _NEEDS.get(("GET" if scope["method"] == "HEAD" else scope["method"], template), "nobody")


def _directors(scope: Request) -> Need:
    if scope["path"] == "/api/ping":
        return "open"
    return "read" if scope["method"] in READING else "run"


def _route(routes: Sequence[BaseRoute], scope: Request, prefix: str = "") -> tuple[str, bool, dict[str, Any]] | None:
    """The route that Starlette's router would take: the path it was declared with, below its mounts; whether the
    method is one of its own; and what stands in the path. None if there is none."""
    partial: tuple[str, bool, dict[str, Any]] | None = None
    for route in routes:
        match, found = route.matches(scope)
        if match is Match.NONE:
            continue
        child = {**scope, **found}
        if isinstance(route, Mount):
            below = f"{prefix}{route.path}"
            return _route(route.routes, child, below) if route.routes else (f"{below}/*", True, child["path_params"])
        path = prefix + route.path if isinstance(route, Route) else repr(route)
        if match is Match.FULL:
            return path, True, child["path_params"]
        partial = partial or (path, False, child["path_params"])
    return partial
