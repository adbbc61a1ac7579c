"""Definitions: what can be started, and what could be."""

from typing import Any

from pydantic import Field

from umbel.service.models import DefinitionCheck, DefinitionList, DefinitionView, EditorSchema, Picture
from umbel.service.operations.base import CanvasName, Format, Operation, Spec


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


class GetDefinitionSchema(Operation[EditorSchema]):
    """The JSON Schema of definition files (`workflows.yml`): for editors, and for who writes definitions."""

    spec = Spec("get_definition_schema", "GET", "/definitions/schema", EditorSchema)


class CheckDefinitions(Operation[DefinitionCheck]):
    """Check a text of definitions (YAML, as in `workflows.yml`) without using it: all mistakes with line, column and a
    hint, and for each definition that is right its tasks and what they need. Also warns of queues that no worker
    listens on. Nothing is stored or started."""

    spec = Spec("check_definitions", "POST", "/definitions/check", DefinitionCheck)
    text: str = Field(description="The definitions.", examples=["demo.HELLO: {tasks: [SAY_HELLO]}"])
    file: str = Field(default="workflows.yml", max_length=1000, description="What problems call it.")
    graph: Format | None = Field(default=None, description="Also draw each definition, in this format.")


class GetDefinitionGraph(Operation[Picture]):
    """A picture of a definition. Over HTTP it comes as it is, or as JSON to who accepts only that."""

    spec = Spec("get_definition_graph", "GET", "/definitions/{name}/graph", Picture, query=("format",))
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])
    format: Format = "ascii"
