"""Schemas of payloads: in jsonschema's own words, and never for longer than a moment."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator

from umbel.definition import parse
from umbel.definition.schema import check_schema, contradictions, payload_errors
from umbel.errors import DefinitionError

EVIL = "^(a+)+$"
LONG = "a" * 100_000 + "b"


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        ({"properties": {"x": {"pattern": EVIL}}}, {"x": LONG}),
        ({"properties": {"x": {"$schema": Draft7Validator.META_SCHEMA["$schema"], "pattern": EVIL}}}, {"x": LONG}),
        ({"$schema": Draft4Validator.META_SCHEMA["$schema"], "additionalProperties": {"pattern": EVIL}}, {"x": LONG}),
        ({"patternProperties": {EVIL: False}, "additionalProperties": False}, {LONG: 1}),
        ({"properties": {"x": {"uniqueItems": True}}}, {"x": [*({"k": i} for i in range(20_000)), {"k": 1}]}),
        ({"properties": {"x": {"pattern": "((a{100}){10}|b)*c"}}}, {"x": "a" * 1_000_000}),
    ],
)
def test_no_payload_takes_long(schema: dict[str, Any], payload: dict[str, Any]) -> None:
    check_schema(schema)
    begun = time.process_time()
    assert payload_errors(schema, payload)
    assert time.process_time() - begun < 3


PLAIN = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, "a", "ab", "b", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "ab", "b", "x"]), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"pattern": "^a+$"}}, "additionalProperties": {"type": "string", "pattern": "b"}},
        {"patternProperties": {"^a": {"uniqueItems": True}}, "additionalProperties": False},
        {"patternProperties": {"^a": {"type": "string"}, "b$": True}, "additionalProperties": {"uniqueItems": True}},
        {"patternProperties": {"^a": {"$ref": "#"}}, "unevaluatedProperties": False, "uniqueItems": True},
    ],
)
@given(PLAIN)
def test_the_words_are_those_of_jsonschema(schema: dict[str, Any], payload: Any) -> None:
    check_schema(schema)
    expected = sorted(error.message for error in Draft202012Validator(schema).iter_errors(payload))
    assert sorted(payload_errors(schema, payload)) == expected


def test_a_pattern_may_be_written_as_json_schema_writes_it() -> None:
    schema = {"properties": {"x": {"pattern": r"^\u00e9\d{1,3}\/[\w.-]+$"}}}
    check_schema(schema)
    assert payload_errors(schema, {"x": "é12/a.b-c"}) == []
    assert payload_errors(schema, {"x": "é12/\ud800"}) != []


def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused_with_its_place_and_a_way_out() -> None:
    (problem,) = parse("a.B:\n  tasks: [A]\n  schema: {properties: {pin: {pattern: '^(?!0000)[0-9]+$'}}}\n").problems
    assert (problem.code, problem.line) == ("bad-schema", 3)
    for word in ("(?!", "RE2", "`not`", "properties/pin/pattern"):
        assert word in problem.message


def test_what_only_looks_like_a_pattern_is_none() -> None:
    check_schema({"const": {"pattern": "(?=a)"}, "properties": {"pattern": {"type": "string"}, "default": {}}})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/definitions/nope"},
        {"$schema": Draft7Validator.META_SCHEMA["$schema"], "items": {"$ref": "http://example.org/x.json"}},
        {"allOf": [{"$ref": "#gone"}]},
    ],
)
def test_a_reference_to_nothing_is_told_when_the_schema_is_read(schema: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match="which is not there"):
        check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"x": {"type": "string"}}, "items": {"$ref": "#/$defs/x"}},
        {"$id": "http://example.org/a", "$defs": {"x": {"$anchor": "here"}}, "items": {"$ref": "#here"}},
        {"$id": "http://example.org/a", "$defs": {"x": {"$id": "b"}}, "items": {"$ref": "b"}},
        {"items": {"$ref": "#"}},
        {"const": {"$ref": "#/nope"}},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        {
            "$schema": Draft4Validator.META_SCHEMA["$schema"],
            "definitions": {"x": {}},
            "not": {"$ref": "#/definitions/x"},
        },
    ],
)
def test_references_that_are_there(schema: dict[str, Any]) -> None:
    check_schema(schema)


def test_defaults_contradict_a_schema_only_where_no_payload_could_mend_them() -> None:
    schema = {"required": ["a", "b"], "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    assert contradictions(schema, {"a": "x"}) == []
    assert contradictions(schema, {"a": 1}) == ["1 is not of type 'string'"]
    assert len(contradictions(schema, {"c": 1})) == 1
