"""One route per operation, made from its `spec`."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from umbel.api.answer import answer
from umbel.api.problems import from_validation, problem
from umbel.api.replies import Context, as_json, json_object, principal, who
from umbel.errors import BadRequest
from umbel.machine import RunState
from umbel.plan.picture import MEDIA_TYPES
from umbel.service.models import Picture, Resource, Run, RunDetail
from umbel.service.operations import BY_NAME, OPERATIONS, PREFIX, ListRuns, Operation, StartRun, WaitForRun
from umbel.service.tools import FORMATS, tools

Endpoint = Callable[[Request], Awaitable[Response]]

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def routes(context: Context) -> list[Route]:
    """All operations, and the tools made of them."""
    found = [Route(each.spec.path, _endpoint(context, each), methods=[each.spec.method]) for each in OPERATIONS]
    return [
        *found,
        Route("/tools", _list_tools, methods=["GET"]),
        Route("/tools/{name}", _call_tool(context), methods=["POST"]),
    ]


def _endpoint(context: Context, operation: type[Operation[Any]]) -> Endpoint:
    spec = operation.spec
    body_fields = frozenset(operation.in_body())
    required = any(operation.model_fields[name].is_required() for name in body_fields)

    async def endpoint(request: Request) -> Response:
        given: dict[str, Any] = {}
        if body_fields:
            body = await context.body(request)
            given = json_object(body) if body or required else {}
            for name in given:
                if name in spec.headers or name in spec.query or name in spec.in_path:
                    raise BadRequest(f"{name} does not stand in the body.", hint=f"See /docs#{spec.name}.")
        for name, value in request.query_params.multi_items():
            if name not in spec.query:
                known = ", ".join(spec.query) or "none"
                raise BadRequest(f"There is no query parameter {name[:80]!r}.", hint=f"Known here: {known}.")
            given[name] = value
        if operation is ListRuns and "status" in given:
            given["status"] = [state for part in request.query_params.getlist("status") for state in _states(part)]
        for name, header in spec.headers.items():
            if header in request.headers:
                given[name] = unquoted(request.headers[header])
        given.update(request.path_params)
        try:
            asked = operation.model_validate(given)
        except ValidationError as error:
            return from_validation(request, operation, error)
        found = await answer(context, asked, who(request))
        if isinstance(found, Picture) and "application/json" not in request.headers.get("Accept", ""):
            return _drawn(found)
        return _reply(asked, found)

    return endpoint


def _reply(asked: Operation[Any], found: Resource) -> Response:
    status = asked.spec.status
    headers = None
    if isinstance(found, RunDetail):
        if isinstance(asked, StartRun):
            headers = {"Location": f"{PREFIX}/runs/{found.id}"}
            if asked.wait is not None:
                status = 200 if found.over else 202
        elif isinstance(asked, WaitForRun):
            status = 200 if found.over else 202
    elif status == 201 and isinstance(found, Run):
        headers = {"Location": f"{PREFIX}/runs/{found.id}"}
    return as_json(found, status, headers)


def _drawn(found: Picture) -> Response:
    """A picture as it is. What an author wrote is escaped in it; the header lets no script run, even so."""
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept",
    }
    return Response(found.text.encode(errors="replace"), 200, headers, MEDIA_TYPES[found.format])


def _states(text: str) -> list[str]:
    """States of a run; celery-director's `progress` is understood too."""
    return [RunState.RUNNING if part == "progress" else part for part in text.split(",") if part]


def unquoted(value: str) -> str:
    """The key in an Idempotency-Key header: in quotes, as the IETF draft has it, or bare."""
    value = value.strip()
    if match := _QUOTED.fullmatch(value):
        return re.sub(r"\\(.)", r"\1", match.group(1))
    return value


async def _list_tools(request: Request) -> Response:
    wanted = request.query_params.get("format", "mcp")
    for shape in FORMATS:
        if wanted == shape:
            return JSONResponse(tools(shape, principal(request).scope))
    raise BadRequest(f"There is no format {wanted[:80]!r}.", hint=f"Formats are: {', '.join(FORMATS)}.")


def _call_tool(context: Context) -> Endpoint:
    async def call_tool(request: Request) -> Response:
        name = request.path_params["name"]
        operation = BY_NAME.get(name)
        if operation is None or not operation.spec.tool:
            hint = f"Tools are: {', '.join(name for name, each in BY_NAME.items() if each.spec.tool)}."
            return problem(request, 404, f"There is no tool {name[:80]!r}.", BadRequest.code, hint)
        body = await context.body(request)
        try:
            asked = operation.model_validate(json_object(body) if body else {})
        except ValidationError as error:
            return from_validation(request, operation, error)
        return as_json(await answer(context, asked, who(request)))

    return call_tool
