"""The operations as tools of a language model, in the three shapes that are in use."""

from typing import Any, Final, Literal

from pydantic.json_schema import GenerateJsonSchema

from umbel.service.models import ToolAnnotations, ToolSpec
from umbel.service.operations import OPERATIONS, Operation, Scope, reaches

Format = Literal["openai", "anthropic", "mcp"]
FORMATS: Final[tuple[Format, ...]] = ("openai", "anthropic", "mcp")


def tool(operation: type[Operation[Any]]) -> ToolSpec:
    """One operation as a tool. `POST /api/v1/tools/NAME` with the arguments as JSON object calls it."""
    spec = operation.spec
    return ToolSpec(
        name=spec.name,
        title=spec.name.replace("_", " ").capitalize(),
        description=operation.description(),
        inputSchema=_input_schema(operation),
        outputSchema=spec.answer.model_json_schema(mode="serialization", schema_generator=_Lean),
        annotations=ToolAnnotations(
            readOnlyHint=spec.read_only,
            destructiveHint=spec.destructive,
            idempotentHint=spec.idempotent,
            openWorldHint=spec.open_world,
        ),
    )


def tools(shape: Format, scope: Scope = "admin") -> list[dict[str, Any]]:
    """The operations that agents are offered and who has this `scope` may do, ready to be passed on: to OpenAI's chat
    completions as `tools`, to Anthropic's messages as `tools`, or as the `tools` of an MCP list."""
    offered = [each for each in OPERATIONS if each.spec.tool and reaches(scope, each.spec.scope)]
    return [_shaped(tool(each), shape) for each in offered]


def _shaped(spec: ToolSpec, shape: Format) -> dict[str, Any]:
    if shape == "openai":
        function = {"name": spec.name, "description": spec.description, "parameters": spec.inputSchema}
        return {"type": "function", "function": function}
    if shape == "anthropic":
        return {"name": spec.name, "description": spec.description, "input_schema": spec.inputSchema}
    return spec.model_dump(mode="json")


class _Lean(GenerateJsonSchema):
    """Without pydantic's titles, which only say the name again: a model pays for every word."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def _input_schema(operation: type[Operation[Any]]) -> dict[str, Any]:
    schema = operation.model_json_schema(schema_generator=_Lean)
    return {"type": "object", **{name: schema[name] for name in _KEPT if name in schema}}


_KEPT: Final = ("properties", "required", "additionalProperties", "$defs")
