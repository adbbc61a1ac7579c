"""The OpenAPI description, made from the operations."""

from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import umbel
from umbel.api import doors
from umbel.api.director_openapi import paths as director_paths
from umbel.plan.picture import MEDIA_TYPES
from umbel.service.models import Event, Picture, Problem, Session
from umbel.service.operations import OPERATIONS, PREFIX, Operation

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_WHEN: Final = {
    400: "The request cannot be understood.",
    401: "The server asks for credentials (UMBEL_AUTH=basic), and the request came without.",
    403: "The account or token may not do this, or a page of another site asks for it.",
    404: "There is no such run, task or definition.",
    409: "The definition has mistakes, the run or task does not stand where this can be done, or a limit is reached.",
    408: "The body did not arrive in time.",
    413: "The payload is too large.",
    422: "The request, or the payload, does not fit its schema; or the Idempotency-Key came with another one.",
    429: "Too many requests, event streams or wrong passwords. Retry-After says when to try again.",
    500: "The server failed.",
    503: "A store does not answer; nothing was done. Try again.",
}


@cache
def document() -> dict[str, Any]:
    """The whole description, OpenAPI 3.1."""
    models: set[type[BaseModel]] = {each.spec.answer for each in OPERATIONS} | {Problem, Event, Session}
    _, defined = models_json_schema(
        [(each, "serialization") for each in sorted(models, key=lambda each: each.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    schemas = dict(defined["$defs"])
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        place = paths.setdefault(PREFIX + each.spec.path, {})
        place[each.spec.method.lower()] = _operation(each, schemas)
    paths.update(_others())
    paths.update(director_paths())
    for path, methods in paths.items():
        for method, each in methods.items():
            _guard(each, doors.declared(method.upper(), path))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Umbel",
            "version": umbel.__version__,
            "description": "Runs of workflows on Celery. `/api/v1` is Umbel's own API; `/api` is celery-director's.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        # None, or one of these where the server asks for credentials.
        "security": [{}, {"basic": []}, {"token": []}, {"session": []}],
        "tags": [
            {"name": "v1", "description": "Runs, tasks, definitions, workers"},
            {"name": "director", "description": "celery-director's API"},
            {"name": "server", "description": "The server itself"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "An account. Where UMBEL_AUTH=basic."},
                "token": {"type": "http", "scheme": "bearer", "description": "An API token. Where UMBEL_AUTH=basic."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "umbel",
                    "description": "Of `POST /api/v1/session`; `__Host-umbel` over TLS. Changes need X-CSRF-Token too.",
                },
            },
        },
    }


def _operation(operation: type[Operation[Any]], schemas: dict[str, Any]) -> dict[str, Any]:
    spec = operation.spec
    schema = operation.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    properties, required = schema["properties"], set(schema.get("required", ()))
    parameters = []
    for name in (*spec.in_path, *spec.query, *spec.headers):
        about = dict(properties[name])
        about.pop("title", None)
        where = "path" if name in spec.in_path else "query" if name in spec.query else "header"
        parameters.append(
            {
                "name": spec.headers.get(name, name),
                "in": where,
                "required": name in required,
                "description": about.pop("description", ""),
                "schema": about,
                **({"style": "form", "explode": False} if where == "query" and name == "status" else {}),
            }
        )
    body = {name: properties[name] for name in operation.in_body()}
    found: dict[str, Any] = {
        "operationId": spec.name,
        "tags": ["v1"],
        "summary": spec.name.replace("_", " ").capitalize(),
        "description": operation.description(),
        "responses": {
            **{str(status): _success(spec.name, status, spec.answer.__name__) for status in (spec.status, *spec.also)},
            **{str(status): _error(status) for status in _errors_of(operation)},
        },
    }
    if parameters:
        found["parameters"] = parameters
    if body:
        name = operation.__name__
        schemas[name] = {
            "type": "object",
            "title": name,
            "properties": body,
            "required": [each for each in body if each in required],
            "additionalProperties": False,
        }
        ref = {"$ref": f"#/components/schemas/{name}"}
        found["requestBody"] = {
            "required": bool(schemas[name]["required"]),
            "content": {"application/json": {"schema": ref}},
        }
    return found


def _success(name: str, status: int, model: str) -> dict[str, Any]:
    said = {200: "Done.", 201: "Started: the run is on disk.", 202: "The run has not ended yet; this is how it stands."}
    text = "The run has ended." if status == 200 and name in ("start_run", "wait_for_run") else said[status]
    found: dict[str, Any] = {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}},
    }
    if model == Picture.__name__:
        found["content"] |= {kind: {"schema": _TEXT} for kind in dict.fromkeys(MEDIA_TYPES.values())}
    if name in ("start_run", "relaunch_run"):
        found["headers"] = {"Location": {"description": "Path of the run.", "schema": {"type": "string"}}}
        found["links"] = _links(tasks=name == "start_run")
    return found


def _links(tasks: bool) -> dict[str, Any]:
    """What can be done with the run that an answer tells of, and with its first task if it tells of tasks."""
    values = {"run_id": "$response.body#/id", "key": "$response.body#/tasks/0/key"}
    known = values if tasks else {"run_id": values["run_id"]}
    return {
        each.spec.name: {
            "operationId": each.spec.name,
            "parameters": {name: values[name] for name in each.spec.in_path},
        }
        for each in OPERATIONS
        if each.spec.in_path and set(each.spec.in_path) <= set(known)
    }


def _error(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _WHEN[status],
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }
    if status in (429, 503):
        found["headers"] = {
            "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}}
        }
    return found


def _guard(operation: dict[str, Any], need: doors.Need) -> None:
    """Says what of it anybody may do, and how others are refused."""
    if need == "open":
        operation["security"] = [{}]
    for status in (403, 429) if need == "open" else (401, 403, 429):
        found = operation["responses"][str(status)] = _error(status)
        if "director" in operation["tags"]:
            found["content"] = {"application/json": {"schema": {"type": "object"}}}
    if need not in ("open", "any"):
        operation["description"] = f"{operation.get('description', '')} Needs the scope `{need}`.".strip()


def _errors_of(operation: type[Operation[Any]]) -> list[int]:
    spec = operation.spec
    found = {400, 422, 500, 503}
    if spec.in_path or not spec.read_only:
        found.add(404)
    if spec.answer is Picture:
        found.add(409)
    if not spec.read_only:
        found |= {409} if spec.name == "cancel_run" else {409, 413}
    return sorted(found)


def _others() -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0}
    resume = [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Number of the last event seen: the feed goes on after it.",
            "schema": number,
        },
        {
            "name": "last_event_id",
            "in": "query",
            "description": "The same, for browsers that cannot set the header.",
            "schema": number,
        },
    ]
    run_id = {"name": "run_id", "in": "path", "required": True, "description": "Id of the run.", "schema": _TEXT}
    feed = {
        "200": {
            "description": "Server-sent events named run.state, task.state, task.attempt or task.log; the data of each"
            " is an Event.",
            "content": {"text/event-stream": {"schema": _TEXT}},
        },
        **{str(status): _error(status) for status in (400, 500, 503)},
    }
    shapes = {"type": "string", "enum": ["openai", "anthropic", "mcp"], "default": "mcp"}
    called = {
        "description": "What the operation answers.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    tool_list = {"type": "array", "items": {"type": "object"}}
    return {
        f"{PREFIX}/runs/{{run_id}}/events": {
            "get": {
                "operationId": "run_events",
                "tags": ["v1"],
                "summary": "Follow one run",
                "description": "All events of the run from the first (or after Last-Event-ID), numbered within the run."
                " Ends when the run has settled.",
                "parameters": [run_id, *resume],
                "responses": {
                    **feed,
                    "204": {"description": "The run has settled and nothing follows."},
                    "404": _error(404),
                },
            }
        },
        doors.SESSION: _session(),
        f"{PREFIX}/events": {
            "get": {
                "operationId": "all_events",
                "tags": ["v1"],
                "summary": "Follow all runs",
                "description": "The events of all runs from now on (or after Last-Event-ID), numbered by the history.",
                "parameters": resume,
                "responses": feed,
            }
        },
        f"{PREFIX}/tools": {
            "get": {
                "operationId": "list_tools",
                "tags": ["v1"],
                "summary": "Tools for agents",
                "description": "The operations as tools of a language model.",
                "parameters": [{"name": "format", "in": "query", "description": "Whose shape.", "schema": shapes}],
                "responses": {
                    "200": {"description": "Done.", "content": {"application/json": {"schema": tool_list}}},
                    **{str(status): _error(status) for status in (400, 500)},
                },
            }
        },
        f"{PREFIX}/tools/{{name}}": {
            "post": {
                "operationId": "call_tool",
                "tags": ["v1"],
                "summary": "Call a tool",
                "description": "Does the operation with the arguments that a model gave.",
                "parameters": [
                    {"name": "name", "in": "path", "required": True, "description": "The tool.", "schema": _TEXT}
                ],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {
                    "200": called,
                    **{str(status): _error(status) for status in (400, 404, 409, 413, 422, 500, 503)},
                },
            }
        },
        "/healthz": {"get": _plain("healthz", "Whether the process answers", {"200": "It does."})},
        "/readyz": {
            "get": _plain(
                "readyz", "Whether the stores answer", {"200": "All do.", "503": "One does not; the body says which."}
            )
        },
    }


_TEXT: Final = {"type": "string"}


def _session() -> dict[str, Any]:
    session = {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}
    errors = {str(status): _error(status) for status in (500, 503)}
    body = {
        "type": "object",
        "required": ["name", "password"],
        "additionalProperties": False,
        "properties": {"name": _TEXT, "password": {**_TEXT, "format": "password"}},
    }
    return {
        "post": {
            "operationId": "sign_in",
            "tags": ["v1"],
            "summary": "Sign in",
            "description": "Begins a session: for the pages. Programs use an API token.",
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {
                "200": {"description": "Signed in; the cookie is the session's.", "content": session},
                **{str(status): _error(status) for status in (400, 401, 413, 422)},
                **errors,
            },
        },
        "get": {
            "operationId": "get_session",
            "tags": ["v1"],
            "summary": "Who is signed in",
            "description": "Whose credentials the request has, and what they may do.",
            "responses": {"200": {"description": "Done.", "content": session}, **errors},
        },
        "delete": {
            "operationId": "sign_out",
            "tags": ["v1"],
            "summary": "Sign out",
            "description": "Ends the session.",
            "responses": {"204": {"description": "Signed out."}, **errors},
        },
    }


def _plain(name: str, summary: str, said: dict[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": name,
        "tags": ["server"],
        "summary": summary,
        "responses": {status: {"description": text, "content": content} for status, text in said.items()},
    }
