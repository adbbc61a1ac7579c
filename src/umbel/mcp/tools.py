"""The operations as MCP tools."""

import json
import logging
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from mcp import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, TextContent, Tool
from pydantic import ValidationError
from pydantic_core import from_json

from umbel import errors
from umbel.errors import BadRequest, Forbidden, UmbelError
from umbel.mcp import confirm
from umbel.mcp.door import Door
from umbel.mcp.shown import UNTRUSTED, show, visible
from umbel.service.operations import BY_NAME, Operation, Scope, reaches
from umbel.service.tools import tools

log = logging.getLogger(__name__)

_PASSES: Final = (
    errors.StateUnavailable,
    errors.HistoryUnavailable,
    errors.BrokerUnavailable,
    errors.ServerUnavailable,
    errors.TooManyRequests,
    errors.RunLost,
)
"""Errors after which the same call may succeed a little later."""


@cache
def offered(scope: Scope) -> list[Tool]:
    """The tools of who has this scope, always in the same order."""
    return [Tool.model_validate(_confirmed(each)) for each in tools("mcp", scope)]


def _confirmed(tool: dict[str, Any]) -> dict[str, Any]:
    if not tool["annotations"]["destructiveHint"]:
        return tool
    given = tool["inputSchema"]
    given = {**given, "properties": {**given["properties"], confirm.FIELD: confirm.SCHEMA}}
    return {**tool, "inputSchema": given, "outputSchema": confirm.answer_of(tool["outputSchema"])}


async def call(door: Door, name: str, arguments: dict[str, Any] | None) -> CallToolResult:
    """What a tool answers. What cannot be done is an answer too: the agent shall read why.

    Raises:
        MCPError: there is no such tool.
    """
    operation = BY_NAME.get(name)
    if operation is None or not operation.spec.tool:
        near = get_close_matches(name[:80], [each.name for each in offered("admin")])
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {name[:80]}", {"valid_values": near} if near else None)
    try:
        if not reaches(await door.scope(), operation.spec.scope):
            raise Forbidden(f"{name} needs the scope {operation.spec.scope}.")
        return await _call(door, operation, arguments or {})
    except ValidationError as error:
        return _unusable(name, error)
    except UmbelError as error:
        return refused(error)
    except Exception:
        log.exception("the tool %s failed", name)
        return refused(UmbelError("Umbel failed while it worked on this.", hint="Its log says more; please report it."))


async def _call(door: Door, operation: type[Operation[Any]], arguments: dict[str, Any]) -> CallToolResult:
    given = _json(arguments)
    confirmed = given.pop(confirm.FIELD, None) if operation.spec.destructive else None
    asked = operation.model_validate(given)
    if confirm.needs(asked):
        preview = await confirm.preview(door, asked)
        if confirmed is None:
            token = preview.token(asked)
            text = f"Nothing was done. {preview.sentence} To do it, call {asked.spec.name} again with confirm: {token}"
            data = {"done": False, "preview": preview.shown, "confirm": token}
            return _result(f"{text}\n{json.dumps(preview.shown)}", data)
        confirm.check(asked, preview, confirmed)
    shown = show(asked, await door.call(asked))
    return _result(shown.text, shown.data, shown.untrusted)


def _json(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the REST API would take them: no NaN, no half characters, not nested without end."""
    try:
        found: dict[str, Any] = from_json(json.dumps(arguments), allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The arguments are not JSON: {error}.") from error
    return found


def _unusable(name: str, error: ValidationError) -> CallToolResult:
    details = [
        {"pointer": "".join(f"/{part}" for part in each["loc"]), "detail": each["msg"]}
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = details[0]
    what = f"{first['pointer'][1:]}: {first['detail']}" if first["pointer"] else first["detail"]
    mistake = BadRequest(f"The arguments cannot be used: {what}", hint=f"inputSchema of {name} describes them.")
    return refused(mistake, details)


def refused(error: UmbelError, details: list[dict[str, str]] | None = None) -> CallToolResult:
    """An error as an agent sees it: its code, what is wrong, what to do, and whether to try again."""
    said: dict[str, Any] = {
        "code": error.code,
        "detail": str(error),
        "hint": error.hint or None,
        "retryable": isinstance(error, _PASSES),
    }
    found = details or [{"pointer": "/payload", "detail": each} for each in getattr(error, "errors", ())]
    if found:
        said["errors"] = found
    result = _result(f"{error.code}: {visible(json.dumps(said, ensure_ascii=False))}", {"error": said})
    return result.model_copy(update={"is_error": True})


def _result(text: str, data: dict[str, Any], untrusted: list[str] | None = None) -> CallToolResult:
    meta = {UNTRUSTED: untrusted} if untrusted else None
    return CallToolResult(content=[TextContent(text=text)], structured_content=data, _meta=meta)
