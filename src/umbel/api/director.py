"""Below `/api`: celery-director 0.10's REST API, byte for byte, as recorded in `tests/contract/director/`.

Its 500s for a malformed id or a body that is no object are not copied: they are 404 and 400 here.
"""

import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from umbel.api.director_json import definition_dict, dumps, run_dict, task_dicts
from umbel.api.problems import headers_of, status_of
from umbel.api.replies import Context, who
from umbel.errors import DefinitionNotFound, LimitReached, PayloadInvalid, RunNotFound, UmbelError
from umbel.service import control, runs
from umbel.service.reading import require
from umbel.service.umbel import Umbel
from umbel.store import RunRow

log = logging.getLogger(__name__)

NOT_FOUND: Final = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and"
    " try again."
)
NOT_ALLOWED: Final = "The method is not allowed for the requested URL."
NOT_UNDERSTOOD: Final = "The browser (or proxy) sent a request that this server could not understand."
NOT_JSON: Final = "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
FAILED: Final = (
    "The server encountered an internal error and was unable to complete your request. Either the server is overloaded"
    " or there is an error in the application."
)

_BODY: Final = Draft202012Validator(
    {
        "required": ["project", "name", "payload"],
        "additionalProperties": False,
        "properties": {
            "project": {"type": "string"},
            "name": {"type": "string"},
            "payload": {"type": "object"},
            "comment": {"type": "string"},
        },
    }
)
_JSON_TYPE: Final = re.compile(r"application/(?:json|[^;\s]+\+json)\s*(?:;.*)?", re.IGNORECASE)
_FALSE: Final = frozenset({"n", "no", "f", "false", "off", "0"})
_ROUTES: Final = (
    (re.compile(r"/api/workflows"), {"GET": "list_runs", "POST": "start"}, "GET, POST, HEAD, OPTIONS"),
    (re.compile(r"/api/workflows/([^/]+)"), {"GET": "one"}, "GET, HEAD, OPTIONS"),
    (re.compile(r"/api/workflows/([^/]+)/relaunch"), {"POST": "relaunch"}, "OPTIONS, POST"),
    (re.compile(r"/api/workflows/([^/]+)/cancel"), {"POST": "cancel"}, "OPTIONS, POST"),
    (re.compile(r"/api/definitions"), {"GET": "definitions"}, "GET, HEAD, OPTIONS"),
    (re.compile(r"/api/ping"), {"GET": "ping"}, "GET, HEAD, OPTIONS"),
)


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, error: str, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **more}


class Director:
    """An ASGI application for everything below `/api` that is not `/api/v1`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        if request.method == "HEAD":
            response.body = b""  # the Content-Length stays that of the GET
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._route(request)
        except Refused as refused:
            return _json(refused.body, refused.status)
        except PayloadInvalid as error:
            return _json({"error": "Payload is not valid", "errors": error.errors}, 400)
        except UmbelError as error:
            return refusal(error)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return _json({"error": FAILED}, 500)

    async def _route(self, request: Request) -> Response:
        for pattern, methods, allowed in _ROUTES:
            match = pattern.fullmatch(request.scope["path"])
            if match is None:
                continue
            if request.method == "OPTIONS":
                return Response(b"", headers={"Allow": allowed}, media_type="text/html")
            name = methods.get("GET" if request.method == "HEAD" else request.method)
            if name is None:
                return _json({"error": NOT_ALLOWED}, 405, {"Allow": allowed})
            if name == "ping":
                return _json({"message": "pong"})
            use_case, *arguments = await self._prepare(name, request, match.groups())
            status, body = await self._context.run(use_case, self._context.umbel, *arguments)
            return Response(body, status, media_type="application/json")
        raise Refused(404, NOT_FOUND)

    async def _prepare(self, name: str, request: Request, places: tuple[str, ...]) -> tuple[Callable[..., Any], Any]:
        if name == "start":
            return start, _read_body(request.headers.get("content-type", ""), await self._context.body(request))
        if name in ("list_runs", "definitions"):
            query = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
            return (list_runs if name == "list_runs" else definitions), query
        if name == "cancel":
            return partial(cancel, by=who(request)), places[0]
        return {"one": one, "relaunch": relaunch}[name], places[0]


def template(path: str) -> str | None:
    """The pattern that a path fits, for metrics; None if it fits none."""
    for pattern, _, _ in _ROUTES:
        if pattern.fullmatch(path):
            return pattern.pattern.replace("([^/]+)", "{id}")
    return None


def refusal(error: UmbelError) -> Response:
    """What an UmbelError says, in Director's form."""
    status = status_of(error)
    headers = headers_of(error)
    if status == 409 and not isinstance(error, LimitReached):
        status = 400
    return _json({"error": str(error)}, status, headers)


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(dumps(body), status, headers, "application/json")


def _read_body(content_type: str, body: bytes) -> Mapping[str, Any]:
    if not _JSON_TYPE.fullmatch(content_type.strip()):
        raise Refused(415, NOT_JSON)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, NOT_UNDERSTOOD) from error
    if not isinstance(data, dict):
        raise Refused(400, NOT_UNDERSTOOD)
    errors = [error.message for error in _BODY.iter_errors(data)]
    if errors:
        raise Refused(400, "Error validating against schema", errors=errors)
    return data


# Each use case: (umbel, what the request says) -> status and body. They run in a thread.

Answer = tuple[int, bytes]


def start(umbel: Umbel, data: Mapping[str, Any]) -> Answer:
    """POST /api/workflows"""
    fullname = f"{data['project']}.{data['name']}"
    try:
        accepted = runs.start(umbel, fullname, data["payload"], comment=data.get("comment"))
    except DefinitionNotFound as error:
        raise Refused(404, f"Workflow {fullname} not found") from error
    return 201, dumps(run_dict(accepted.run))


def list_runs(umbel: Umbel, query: Mapping[str, list[str]]) -> Answer:
    """GET /api/workflows"""
    page, per_page = _number(query, "page", 1), _number(query, "per_page", umbel.settings.workflows_per_page)
    if page < 1 or per_page < 0 or page * max(per_page, 1) >= 2**62:
        raise Refused(404, NOT_FOUND)
    with_payload = query.get("with_payload", ["true"])[0].lower() not in _FALSE
    found = umbel.store.runs_page(page=page, per_page=per_page, with_payload=with_payload)
    if not found and page != 1:
        raise Refused(404, NOT_FOUND)
    return 200, dumps([run_dict(run, with_payload=with_payload) for run in found])


def one(umbel: Umbel, given: str) -> Answer:
    """GET /api/workflows/<id>"""
    run = _find(umbel, given)
    plan = umbel.plan(run.plan_hash)
    tasks = task_dicts(run, plan, umbel.store.tasks(run.id, below=len(plan.nodes)))
    return 200, dumps({**run_dict(run), "tasks": tasks})


def relaunch(umbel: Umbel, given: str) -> Answer:
    """POST /api/workflows/<id>/relaunch"""
    run = _find(umbel, given)
    try:
        return 201, dumps(run_dict(runs.relaunch(umbel, run.id).run))
    except DefinitionNotFound as error:
        raise Refused(404, f"Workflow {run.definition} not found") from error


def cancel(umbel: Umbel, given: str, by: str = "api") -> Answer:
    """POST /api/workflows/<id>/cancel"""
    return 201, dumps(run_dict(control.cancel(umbel, _find(umbel, given).id, by=by)))


def definitions(umbel: Umbel, query: object) -> Answer:
    """GET /api/definitions"""
    catalog = umbel.definitions.catalog
    sources = {**catalog.refused, **{name: each.source for name, each in catalog.definitions.items()}}
    return 200, dumps([definition_dict(name, sources[name]) for name in sorted(sources)])


def _find(umbel: Umbel, given: str) -> RunRow:
    """The run by an id as Python's `uuid.UUID` reads it: braces, upper case and missing hyphens are fine."""
    try:
        return require(umbel, str(uuid.UUID(given)))
    except (ValueError, RunNotFound) as error:
        raise Refused(404, f"Workflow {given} not found") from error


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    try:
        return int(query[name][0])
    except (KeyError, ValueError):
        return default
