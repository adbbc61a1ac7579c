"""The OpenAPI description: valid, complete, and in step with the routes."""

import json
import re
from collections.abc import Iterator
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from jsonschema import Draft202012Validator

from umbel.api.openapi import document
from umbel.api.pages import docs
from umbel.service.models import Picture
from umbel.service.operations import OPERATIONS, PREFIX

DOCUMENT = json.loads(json.dumps(document()))
METHODS = [(path, method, about) for path, methods in DOCUMENT["paths"].items() for method, about in methods.items()]


def everything(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(each)


def test_every_reference_leads_somewhere() -> None:
    refs = {each["$ref"] for each in everything(DOCUMENT) if isinstance(each.get("$ref"), str)}
    assert refs
    for ref in refs:
        assert ref.removeprefix("#/components/schemas/") in DOCUMENT["components"]["schemas"], ref


def test_schemas_are_json_schemas() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for each in everything(DOCUMENT["paths"]):
        if isinstance(each.get("schema"), dict) and "$ref" not in each["schema"]:
            Draft202012Validator.check_schema(each["schema"])


def test_operations_have_names_answers_and_their_path_parameters() -> None:
    names = [about["operationId"] for _, _, about in METHODS]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for path, _, about in METHODS:
        assert set(about["tags"]) <= tags
        assert about["summary"]
        assert all(answer["description"] for answer in about["responses"].values())
        declared = {each["name"] for each in about.get("parameters", ()) if each["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        for each in about.get("parameters", ()):
            assert each["in"] != "path" or each["required"]


def test_every_operation_is_described_with_its_errors() -> None:
    for operation in OPERATIONS:
        spec = operation.spec
        about = DOCUMENT["paths"][PREFIX + spec.path][spec.method.lower()]
        statuses = set(about["responses"])
        assert {str(each) for each in (spec.status, *spec.also)} | {"422", "500", "503"} <= statuses
        for status, answer in about["responses"].items():
            kind = "application/problem+json" if int(status) >= 400 else "application/json"
            assert next(iter(answer["content"])) == kind
            assert len(answer["content"]) == 1 or spec.answer is Picture
        fields = {each["name"] for each in about.get("parameters", ())}
        body = DOCUMENT["components"]["schemas"].get(operation.__name__, {}).get("properties", {})
        headers = set(spec.headers.values())
        assert fields - headers | set(body) | set(spec.headers) == set(operation.model_fields)


def test_the_reference_page_needs_nothing_from_elsewhere() -> None:
    page = docs()
    assert "<script" not in page
    assert not re.search(r"(?:src|href)='?https?:", page)
    for _, _, about in METHODS:
        assert f"id='{about['operationId']}'" in page


def test_every_number_of_a_request_has_an_upper_bound() -> None:
    """A database refuses what is larger than 64 bits: the server would have failed where the request was wrong."""
    numbers = [
        (operation.spec.name, name, metadata)
        for operation in OPERATIONS
        for name, metadata in ((name, field.metadata) for name, field in operation.model_fields.items())
        if any(isinstance(each, Ge | Gt) for each in metadata)
    ]
    assert len(numbers) > 10
    assert [(who, name) for who, name, bounds in numbers if not any(isinstance(each, Le | Lt) for each in bounds)] == []
