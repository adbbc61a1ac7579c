"""JSON Schemas of payloads: found below schemas/, checked when a definition is read, applied when a run is started."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY as SPECIFICATIONS
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY, specification_with

from umbel.definition.patterns import check_patterns, linear
from umbel.errors import DefinitionError
from umbel.secrets import holds_sealed

MAX_BYTES: Final = 1_000_000


def load_schema(folder: Path, name: str) -> Mapping[str, Any]:
    """The schema `folder/NAME.json`; NAME may have slashes but may not lead out of the folder.

    Raises:
        FileNotFoundError: there is no such file.
        DefinitionError: it lies outside, is no JSON object, or is no valid JSON Schema.
    """
    try:
        root = folder.resolve()
        path = (root / f"{name}.json").resolve()
        if not path.is_relative_to(root):
            raise DefinitionError(f"the schema {name!r} lies outside schemas/")
        if not path.is_file():
            raise FileNotFoundError(name)
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # no permission, name too long, NUL, a circle of links
        raise DefinitionError(f"the schema {name!r} cannot be read: {error}") from error
    if len(raw) > MAX_BYTES:
        raise DefinitionError(f"the schema {name!r} is larger than {MAX_BYTES:,} bytes")
    try:
        schema = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"schemas/{name}.json is not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise DefinitionError(f"schemas/{name}.json is not a JSON object")
    try:
        check_schema(schema)
    except DefinitionError as error:
        raise DefinitionError(f"schemas/{name}.json: {error}") from error
    return schema


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is not a JSON Schema of the draft it names (2020-12 if none).

    Raises:
        DefinitionError: with the place and the reason.
    """
    try:
        mistake = _mistake(json.dumps(schema))
    except RecursionError as error:
        raise DefinitionError("the JSON Schema is nested too deep") from error
    if mistake:
        raise DefinitionError(mistake)


@lru_cache(maxsize=256)  # half a millisecond each, and definitions often share one
def _mistake(text: str) -> str:
    schema = json.loads(text)
    try:
        kind = _class_for(schema)
        kind.check_schema(schema)
        check_patterns(schema)
        return _unresolved(kind, schema)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "its top"
        return f"not a JSON Schema: {error.message[:200]} (at {where})"
    except DefinitionError as error:
        return str(error)


def _unresolved(kind: type[Validator], schema: Mapping[str, Any]) -> str:
    """What is wrong with the schema's references, each looked up once, nothing fetched; nothing if all are there."""
    known = specification_with(str(kind.META_SCHEMA.get("$schema", "")), default=DRAFT202012)
    root = known.create_resource(schema)
    stack = [(SPECIFICATIONS.combine(EMPTY_REGISTRY).resolver_with_root(root), root)]
    while stack:
        resolver, here = stack.pop()
        found = here.contents if isinstance(here.contents, Mapping) else {}
        for word in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = found.get(word)
            if not isinstance(reference, str):
                continue
            try:
                resolver.lookup(reference)
            except (Unresolvable, ValueError):
                hint = "Nothing is fetched: copy it into this schema, below `$defs`."
                return f"the JSON Schema refers to {reference!r}, which is not there. {hint}"
        stack.extend((resolver.in_subresource(each), each) for each in here.subresources())
    return ""


def payload_errors(schema: Mapping[str, Any], payload: Any) -> list[str]:
    """One sentence for each way the payload does not fit, in the words of jsonschema; none if it fits.

    References to other documents are never fetched.

    Raises:
        DefinitionError: the schema refers to something that is not there, or to itself without end.
    """
    return [error.message for error in _errors(schema, payload)]


def _errors(schema: Mapping[str, Any], payload: Any) -> list[ValidationError]:
    registry: Registry[Any] = EMPTY_REGISTRY
    validator: Validator = linear(_class_for(schema))(schema, registry=registry)
    try:
        # A sealed value is judged when it is opened.
        found = [each for each in validator.iter_errors(payload) if not (each.path and holds_sealed(each.instance))]
        return sorted(found, key=lambda error: [str(part) for part in error.absolute_path])
    except Unresolvable as error:
        raise DefinitionError(f"the JSON Schema refers to {error.ref!r}, which is not there") from error
    except RecursionError as error:
        raise DefinitionError("the JSON Schema or the payload is nested too deep") from error


def contradictions(schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """One sentence for each default that is right in no payload. Raises what `payload_errors` raises.

    What is told of the payload as a whole (`required`, `anyOf`) may be mended by what else a payload brings; only
    `additionalProperties` may not.
    """
    return [error.message for error in _errors(schema, defaults) if error.path or error.validator in _OF_ONE]


_OF_ONE: Final = ("additionalProperties", "propertyNames", "maxProperties")


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON value")


def _class_for(schema: Mapping[str, Any]) -> type[Validator]:
    named = schema.get("$schema")
    if named is None:
        return Draft202012Validator
    if not isinstance(named, str):
        raise DefinitionError("not a JSON Schema: `$schema` is not text")
    found: type[Validator] = validator_for(schema, default=Draft202012Validator)
    return found
