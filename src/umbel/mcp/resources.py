"""What agents may read by address: runs, their tasks and diagnoses, definitions."""

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote

from mcp import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from umbel.errors import UmbelError
from umbel.mcp.door import Door
from umbel.mcp.shown import UNTRUSTED, show
from umbel.service.models import DefinitionList
from umbel.service.operations import DiagnoseRun, GetDefinition, GetRun, GetTask, ListDefinitions, Operation

KIND: Final = "application/json"

_DEFINITION: Final = "umbel://definitions/{name}"
_TEMPLATES: Final[tuple[tuple[str, str, str, Callable[..., Operation[Any]]], ...]] = (
    ("definition", _DEFINITION, "What can be started: payload schema, defaults, tasks.", GetDefinition),
    ("run", "umbel://runs/{run_id}", "A run with its payload, tasks, results and attempts.", GetRun),
    ("diagnosis", "umbel://runs/{run_id}/diagnosis", "Why a run failed, or why it waits.", DiagnoseRun),
    ("task", "umbel://runs/{run_id}/tasks/{key}", "A task of a run with its result or error.", GetTask),
)
_PATTERNS: Final = [
    (re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", template)), operation) for _, template, _, operation in _TEMPLATES
]


async def listed(door: Door) -> ListResourcesResult:
    """Every definition. Runs are too many: list_runs finds them."""
    try:
        found = await door.call(ListDefinitions())
    except UmbelError as error:
        raise MCPError(INVALID_PARAMS, f"{error.code}: {error} {error.hint}".rstrip()) from error
    assert isinstance(found, DefinitionList)
    return ListResourcesResult(
        resources=[
            Resource(
                uri=_DEFINITION.format(name=quote(each.name, safe="")),
                name=each.name,
                description="A definition: what can be started.",
                mime_type=KIND,
            )
            for each in found.items
        ]
    )


def templates() -> ListResourceTemplatesResult:
    """The addresses."""
    return ListResourceTemplatesResult(
        resource_templates=[
            ResourceTemplate(name=name, uri_template=template, description=description, mime_type=KIND)
            for name, template, description, _ in _TEMPLATES
        ]
    )


async def read(door: Door, uri: str) -> ReadResourceResult:
    """What stands at an address, as JSON, cut as the answer of a tool is.

    Raises:
        MCPError: nothing does, or it cannot be had.
    """
    for pattern, operation in _PATTERNS:
        if match := pattern.fullmatch(uri):
            asked = operation(**{name: unquote(value) for name, value in match.groupdict().items()})
            try:
                shown = show(asked, await door.call(asked))
            except UmbelError as error:
                raise MCPError(INVALID_PARAMS, f"{error.code}: {error} {error.hint}".rstrip()) from error
            text = json.dumps(shown.data, ensure_ascii=False)
            meta = {UNTRUSTED: shown.untrusted} if shown.untrusted else None
            return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=KIND, text=text, _meta=meta)])
    known = ", ".join(template for _, template, _, _ in _TEMPLATES)
    raise MCPError(INVALID_PARAMS, f"There is no resource {uri[:200]!r}. Addresses are: {known}.")
