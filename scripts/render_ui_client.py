"""Writes ui/src/api/generated.ts from the OpenAPI description: every resource and every operation as a type."""

import json
import re
from pathlib import Path
from typing import Any

from umbel.api.openapi import document
from umbel.service.operations import OPERATIONS, PREFIX

TARGET = Path(__file__).parents[1] / "ui" / "src" / "api" / "generated.ts"
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def render() -> str:
    """The whole file."""
    described = document()
    schemas = described["components"]["schemas"]
    inputs = {operation.__name__ for operation in OPERATIONS}
    parts = ["// Written by `make docs-render` from the server's OpenAPI description. Do not edit.\n"]
    for name, schema in sorted(schemas.items()):
        if name not in inputs:
            parts.append(_model(name, schema))
    parts.append(
        "export interface Operations {\n" + "".join(_operation(described, each) for each in OPERATIONS) + "}\n"
    )
    routes = "".join(
        f'  {spec.name}: {{ method: "{spec.method}", path: "{PREFIX}{spec.path}" }},\n'
        for spec in (each.spec for each in OPERATIONS)
    )
    kind = "Record<keyof Operations, { method: string; path: string }>"
    parts.append(f"export const ROUTES: {kind} = {{\n{routes}}};\n")
    return "\n".join(parts)


def _model(name: str, schema: dict[str, Any]) -> str:
    note = f"/** {_sentence(schema['description'])} */\n" if "description" in schema else ""
    if schema.get("type") == "object" and "properties" in schema:
        return f"{note}export interface {name} {_object(schema, answer=True)}\n"
    return f"{note}export type {name} = {_type(schema)};\n"


def _object(schema: dict[str, Any], *, answer: bool = False) -> str:
    """The fields. An answer has all of them, whatever has a default; a request only what is required."""
    required = schema.get("required", ())
    lines = []
    for name, about in schema["properties"].items():
        note = f"  /** {_sentence(about['description'])} */\n" if "description" in about else ""
        key = name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)
        lines.append(f"{note}  {key}{'' if answer or name in required else '?'}: {_type(about)};\n")
    return "{\n" + "".join(lines) + "}"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"Record<string, {_type(inner if isinstance(inner, dict) else {})}>"
    return _PLAIN.get(str(kind), "unknown")


def _operation(described: dict[str, Any], operation: type[Any]) -> str:
    spec = operation.spec
    about = described["paths"][PREFIX + spec.path][spec.method.lower()]
    groups: dict[str, list[str]] = {"path": [], "query": [], "header": []}
    for each in about.get("parameters", ()):
        mark = "" if each["required"] else "?"
        groups[each["in"]].append(f"{json.dumps(each['name'])}{mark}: {_type(each['schema'])}")
    fields = [f"{where}: {{ {'; '.join(names)} }}" for where, names in groups.items() if names]
    if "requestBody" in about:
        schema = described["components"]["schemas"][operation.__name__]
        fields.append("body: " + re.sub(r"\s+", " ", re.sub(r"/\*\*.*?\*/", "", _object(schema))))
    return f"  {spec.name}: {{ {'; '.join([*fields, f'answer: {spec.answer.__name__}'])} }};\n"


def _sentence(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("*/", "* /")


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(render(), encoding="utf-8")
