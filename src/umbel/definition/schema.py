"""JSON Schemas of payloads: found below schemas/, checked when a definition is read, applied when a run is started."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from umbel.errors import DefinitionError

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
    check_schema(schema)
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
        _class_for(schema).check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "its top"
        return f"not a JSON Schema: {error.message[:200]} (at {where})"
    except DefinitionError as error:
        return str(error)
    return ""


def payload_errors(schema: Mapping[str, Any], payload: Any) -> list[str]:
    """One sentence for each way the payload does not fit, in the words of jsonschema; none if it fits.

    References to other documents are never fetched.

    Raises:
        DefinitionError: the schema refers to something that is not there, or to itself without end.
    """
    registry: Registry[Any] = EMPTY_REGISTRY
    validator: Validator = _class_for(schema)(schema, registry=registry)
    try:
        found = sorted(validator.iter_errors(payload), key=lambda error: [str(part) for part in error.absolute_path])
        return [error.message for error in found]
    except Unresolvable as error:
        raise DefinitionError(f"the JSON Schema refers to {error.ref!r}, which is not there") from error
    except RecursionError as error:
        raise DefinitionError("the JSON Schema or the payload is nested too deep") from error


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
