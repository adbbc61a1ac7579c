"""Definitions: what can be started, and what could be."""

from typing import Any

from pydantic import Field

from umbel.service.models import (
    DefinitionCheck,
    DefinitionList,
    DefinitionView,
    EditorSchema,
    Picture,
    VersionDetail,
    VersionList,
)
from umbel.service.operations.base import CanvasName, Format, Operation, Spec, TextKind


class ListDefinitions(Operation[DefinitionList]):
    """What can be started: every definition with the schema of its payload and its tasks."""

    spec = Spec("list_definitions", "GET", "/definitions", DefinitionList)


class GetDefinition(Operation[DefinitionView]):
    """One definition: the schema of its payload, its defaults and its tasks."""

    spec = Spec("get_definition", "GET", "/definitions/{name}", DefinitionView)
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class DefineCanvas(Operation[DefinitionView]):
    """Keep a Celery canvas as a definition, in the place of an earlier one of this name. Every server of the database
    knows it within a second. What the project's own files define cannot be replaced."""

    spec = Spec(
        "define_canvas",
        "PUT",
        "/definitions/{name}",
        DefinitionView,
        raw=("canvas",),
        scope="admin",
        read_only=False,
        destructive=True,
    )
    name: CanvasName = Field(description="`project.NAME`.")
    canvas: dict[str, Any] = Field(description="A Celery signature as JSON: `dict(chain(a.s(), b.s()))`.")


class RemoveDefinition(Operation[DefinitionView]):
    """Remove a definition that `define_canvas` keeps. Its runs stay in the history, and what is under way goes on. What
    the project's own files define is removed there."""

    spec = Spec(
        "remove_definition",
        "DELETE",
        "/definitions/{name}",
        DefinitionView,
        scope="admin",
        read_only=False,
        destructive=True,
    )
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class ListDefinitionVersions(Operation[VersionList]):
    """What a definition has been: each version that its newest runs had, when it was first and last used, and how those
    runs ended."""

    spec = Spec("list_definition_versions", "GET", "/definitions/{name}/versions", VersionList)
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class GetDefinitionVersion(Operation[VersionDetail]):
    """One version of a definition: its tasks as they were planned, and how it differs from another version."""

    spec = Spec(
        "get_definition_version", "GET", "/definitions/{name}/versions/{version}", VersionDetail, query=("against",)
    )
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])
    version: str = Field(min_length=4, max_length=64, description="The version, or how it begins.")
    against: str | None = Field(
        default=None,
        min_length=4,
        max_length=64,
        description="The version to compare it with; the one before it, if not given.",
    )


class GetDefinitionSchema(Operation[EditorSchema]):
    """The JSON Schema of definition files (`workflows.yml`): for editors, and for who writes definitions."""

    spec = Spec("get_definition_schema", "GET", "/definitions/schema", EditorSchema)


class CheckDefinitions(Operation[DefinitionCheck]):
    """Check a text of definitions (YAML, as in `workflows.yml`) without using it: all mistakes with line, column and a
    hint, and for each definition that is right its tasks and what they need. Also warns of queues that no worker
    listens on. With `kind: canvas` the text is a Celery canvas as Python, `chain(a.s(1), group(b.s(), c.s()), d.s())`,
    which is explained and never evaluated. Nothing is stored or started."""

    spec = Spec("check_definitions", "POST", "/definitions/check", DefinitionCheck)
    text: str = Field(description="The definitions.", examples=["demo.HELLO: {tasks: [SAY_HELLO]}"])
    kind: TextKind = Field(default="yaml", description="`yaml`: definitions; `canvas`: a Celery canvas as Python.")
    file: str = Field(default="workflows.yml", max_length=1000, description="What problems call it.")
    graph: Format | None = Field(default=None, description="Also draw each definition, in this format.")


class GetDefinitionGraph(Operation[Picture]):
    """A picture of a definition. Over HTTP it comes as it is, or as JSON to who accepts only that."""

    spec = Spec("get_definition_graph", "GET", "/definitions/{name}/graph", Picture, query=("format",))
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])
    format: Format = "ascii"
