"""Which values of a payload are secrets: those at places that its JSON Schema marks.

A mark is `writeOnly: true` (JSON Schema, Validation, 9.4: "never present when the value is retrieved") or `format:
password` (OpenAPI 3, data types). jsonschema itself follows references and applies what a schema holds, and here its
"errors" are the marks; but every branch of `anyOf`, `oneOf`, `if` and so on counts, since hiding too much does no harm.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from umbel.definition.patterns import linear
from umbel.errors import DefinitionError
from umbel.secrets import Vault, is_sealed

Path = tuple[str | int, ...]

_MARKED: Final = "umbel-secret"


def marks(schema: Mapping[str, Any]) -> bool:
    """Whether a schema marks secrets at all."""
    stack: list[Any] = [schema]
    while stack:
        here = stack.pop()
        if isinstance(here, Mapping):
            if here.get("writeOnly") is True or here.get("format") == "password":
                return True
            stack.extend(here.values())
        elif isinstance(here, list):
            stack.extend(here)
    return False


def secret_places(schema: Mapping[str, Any] | None, payload: Any) -> set[Path]:
    """Where in a payload its secrets stand, none of them within another. Null is no secret.

    Raises:
        DefinitionError: the schema refers to something that is not there, or to itself without end.
    """
    if schema is None or not marks(schema):
        return set()
    validator: Validator = _marking()(schema, registry=EMPTY_REGISTRY)
    try:
        found = {_path(error) for error in validator.iter_errors(payload) if error.validator == _MARKED}
    except Unresolvable as error:
        raise DefinitionError(f"the JSON Schema refers to {error.ref!r}, which is not there") from error
    except RecursionError as error:
        raise DefinitionError("the JSON Schema or the payload is nested too deep") from error
    if () in found and isinstance(payload, Mapping):  # a payload stays an object
        return {(name,) for name in payload if isinstance(name, str)}
    return {path for path in found if not any(path[:size] in found for size in range(len(path)))}


def plain_secrets(schema: Mapping[str, Any] | None, payload: Mapping[str, Any]) -> set[Path]:
    """Where an author has written a secret in plain text: neither sealed nor an expression."""
    return {path for path in secret_places(schema, payload) if not _is_safe(at(payload, path))}


def at(value: Any, path: Path) -> Any:
    """What stands at a place of a JSON value."""
    for part in path:
        value = value[part]
    return value


def sealed_at(vault: Vault, payload: Any, places: Collection[Path], given: Any = None) -> Any:
    """A payload with its secrets sealed.

    Args:
        payload: everything in it opened.
        places: where the secrets stand.
        given: the same as it came: what is sealed in it stays as it is, wherever it stands.

    Raises:
        SecretKeyMissing: there is no key.
    """
    below: dict[str | int, set[Path]] = {}
    for path in places:
        if not path:
            return given if is_sealed(given) else vault.seal(payload)
        below.setdefault(path[0], set()).add(path[1:])
    if is_sealed(given):
        return given

    def inner(name: str | int, each: Any) -> Any:
        before = given[name] if given is not None else None
        return sealed_at(vault, each, below.get(name, ()), before)

    if isinstance(payload, Mapping):
        return {name: inner(name, each) for name, each in payload.items()}
    if isinstance(payload, list | tuple):
        return [inner(place, each) for place, each in enumerate(payload)]
    return payload


def _is_safe(value: Any) -> bool:
    return is_sealed(value) or (isinstance(value, str) and "${" in value)


def _path(error: ValidationError) -> Path:
    return tuple(error.absolute_path)


def _mark(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if value in (True, "password") and instance is not None:
        yield ValidationError("", validator=_MARKED)


def _all(validator: Any, branches: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    for branch in branches if isinstance(branches, list) else [branches]:
        yield from validator.descend(instance, branch)


def _below_names(validator: Any, branches: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """`dependentSchemas`, and draft 7's `dependencies`, whose values may be lists of names."""
    for branch in branches.values() if isinstance(branches, Mapping) else ():
        if isinstance(branch, Mapping):
            yield from validator.descend(instance, branch)


def _items(validator: Any, schema: Any, instance: Any, parent: Any) -> Iterator[ValidationError]:
    """Also draft 7's form, a list of schemas."""
    if not isinstance(instance, list | tuple):
        return
    first = len(parent.get("prefixItems") or ())
    for place, each in enumerate(instance[first:], first):
        if not isinstance(schema, list):
            yield from validator.descend(each, schema, path=place)
        elif place < len(schema):
            yield from validator.descend(each, schema[place], path=place)
        elif "additionalItems" in parent:
            yield from validator.descend(each, parent["additionalItems"], path=place)


def _each(validator: Any, schema: Any, instance: Any, parent: Any) -> Iterator[ValidationError]:
    """`contains`, `unevaluatedItems`, `unevaluatedProperties`: whatever value it may be about."""
    if isinstance(instance, Mapping):
        for name, each in instance.items():
            yield from validator.descend(each, schema, path=name)
    elif isinstance(instance, list | tuple):
        for place, each in enumerate(instance):
            yield from validator.descend(each, schema, path=place)


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    return iter(())


@lru_cache(maxsize=1)
def _marking() -> type[Validator]:
    base = linear(Draft202012Validator)
    apply = {
        "writeOnly": _mark, "format": _mark, "anyOf": _all, "oneOf": _all, "allOf": _all, "if": _all, "then": _all,
        "else": _all, "dependentSchemas": _below_names, "dependencies": _below_names, "items": _items,
        "contains": _each, "unevaluatedItems": _each, "unevaluatedProperties": _each,
        "$recursiveRef": base.VALIDATORS["$ref"],
    }  # fmt: skip
    keep = {"$ref", "$dynamicRef", "properties", "patternProperties", "additionalProperties", "prefixItems"}
    rest = dict.fromkeys(base.VALIDATORS.keys() - keep - apply.keys(), _nothing)
    made: Any = cast(Any, extend)(base, {**rest, **apply})
    made.evolve = base.evolve
    return cast(type[Validator], made)
