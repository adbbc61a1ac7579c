"""celery-director's API in the OpenAPI description."""

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_WORKFLOW: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "project", "name", "fullname", "status", "created", "updated", "periodic"],
    "properties": {
        **dict.fromkeys(("id", "project", "name", "fullname", "created", "updated", "comment"), _TEXT),
        "status": {"type": "string", "enum": ["pending", "progress", "success", "error", "canceled"]},
        "periodic": {"type": "boolean"},
        "payload": {"type": "object"},
        "tasks": {"type": "array", "items": {"type": "object"}},
    },
}
_BODY: Final = {
    "type": "object",
    "required": ["project", "name", "payload"],
    "additionalProperties": False,
    "properties": {"project": _TEXT, "name": _TEXT, "payload": {"type": "object"}, "comment": _TEXT},
}
_ID: Final = {"name": "id", "in": "path", "required": True, "description": "Id of the workflow.", "schema": _TEXT}


def paths() -> dict[str, Any]:
    """The paths below `/api`."""
    many = {"type": "array", "items": _WORKFLOW}
    numbers = [
        {"name": name, "in": "query", "description": text, "schema": {"type": "integer", "default": default}}
        for name, text, default in (("page", "Page, from 1.", 1), ("per_page", "Workflows per page.", 1000))
    ]
    flag = {
        "name": "with_payload",
        "in": "query",
        "description": "Whether to give the payloads.",
        "schema": {"type": "boolean", "default": True},
    }
    start = _operation("director_start", "Start a workflow", 201, _WORKFLOW, (400, 404, 413, 415, 503))
    start["requestBody"] = {"required": True, "content": {"application/json": {"schema": _BODY}}}
    named = {"parameters": [_ID]}
    return {
        "/api/workflows": {
            "get": {
                **_operation("director_list", "List workflows, newest first", 200, many, (404, 503)),
                "parameters": [*numbers, flag],
            },
            "post": start,
        },
        "/api/workflows/{id}": {
            "get": {**_operation("director_get", "One workflow with its tasks", 200, _WORKFLOW, (404, 503)), **named}
        },
        "/api/workflows/{id}/relaunch": {
            "post": {**_operation("director_relaunch", "Start it anew", 201, _WORKFLOW, (400, 404, 503)), **named}
        },
        "/api/workflows/{id}/cancel": {
            "post": {**_operation("director_cancel", "Cancel it", 201, _WORKFLOW, (404, 503)), **named}
        },
        "/api/definitions": {
            "get": _operation(
                "director_definitions", "What is defined", 200, {"type": "array", "items": {"type": "object"}}, ()
            )
        },
        "/api/ping": {"get": _operation("director_ping", "Answers pong", 200, {"type": "object"}, ())},
    }


def _operation(name: str, summary: str, status: int, schema: Any, errors: tuple[int, ...]) -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": _TEXT, "errors": {"type": "array", "items": _TEXT}},
    }
    return {
        "operationId": name,
        "tags": ["director"],
        "summary": summary,
        "responses": {
            str(status): {"description": "Done.", "content": {"application/json": {"schema": schema}}},
            **{
                str(each): {"description": "Refused.", "content": {"application/json": {"schema": error}}}
                for each in (*errors, 500)
            },
        },
    }
