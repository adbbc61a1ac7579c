"""Regular expressions of JSON Schemas, matched in time linear in the text: by RE2, and not by `re`.

Whoever starts a run sends the text. Python's `re` tries every way of matching it, and `^(a+)+$` with thirty letters
stops the whole process for minutes. RE2 (https://github.com/google/re2/wiki/Syntax) knows nothing that would need that.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, cast

import re2
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from umbel.errors import DefinitionError

MAX_WORK: Final = 100_000_000
"""Steps of RE2's (which are bytes of text times instructions of the pattern): at worst about two seconds."""
MAX_MEMORY: Final = 1 << 20
"""Bytes that one pattern may take; RE2 refuses what would need more."""

_HINT: Final = (
    "Patterns are matched by RE2, in time linear in the text: it has no (?=…), (?!…), (?<=…), no \\1, no possessive"
    " quantifiers and no {n} above 1000. Write it without, or as several patterns below `allOf` and `not`;"
    " for lengths use `minLength` and `maxLength`."
)
_ESCAPE: Final = re.compile(r"(\\\\)|\\u([0-9A-Fa-f]{4})")
_REPEATS: Final = re.compile(r"[*+?{]")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_MEMORY
    text = _ESCAPE.sub(lambda found: found[1] or f"\\x{{{found[2]}}}", pattern)  # RE2 does not know \uXXXX
    try:
        return re2.compile(text.encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        told = error.args[0] if error.args else ""
        why = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(error)
        raise DefinitionError(f"the pattern {pattern[:100]!r} cannot be used: {why}. {_HINT}") from error


def check_patterns(schema: Any) -> None:
    """Refuse the patterns anywhere in a schema that RE2 does not know.

    Raises:
        DefinitionError: with the pattern, where it stands, and what it may not have.
    """
    alone = not _has(schema, "unevaluatedProperties")
    for place, pattern, of_keys in _patterns(schema, ()):
        where = "/".join(place)
        try:
            _compiled(pattern)
        except DefinitionError as error:
            raise DefinitionError(f"{error} (at {where})") from error
        if of_keys and not alone and _REPEATS.search(pattern):
            raise DefinitionError(
                f"the pattern {pattern[:100]!r} cannot be used: in a schema with `unevaluatedProperties`, a pattern of"
                f" `patternProperties` may repeat nothing (* + ? {{). Use `additionalProperties`. (at {where})"
            )


def _patterns(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = (*place, str(key))
            if key in ("const", "default", "enum", "examples") and (not place or place[-1] != "properties"):
                continue  # values, not schemas
            if key == "pattern" and isinstance(inner, str):
                yield here, inner, False
            elif key == "patternProperties" and isinstance(inner, Mapping):
                for pattern in inner:
                    yield here, str(pattern), True
            yield from _patterns(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _patterns(inner, (*place, str(index)))


def _has(value: Any, word: str) -> bool:
    if isinstance(value, Mapping):
        return word in value or any(_has(each, word) for each in value.values())
    return isinstance(value, list) and any(_has(each, word) for each in value)


def _found(pattern: str, text: str) -> bool:
    compiled, raw = _compiled(pattern), text.encode("utf-8", "replace")  # JSON may hold half a character
    if compiled.programsize * len(raw) > MAX_WORK:
        raise ValidationError(f"a text of {len(raw):,} bytes is too long for the pattern {pattern[:100]!r}")
    return compiled.search(raw) is not None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    try:
        if validator.is_type(instance, "string") and not _found(pattern, instance):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")
    except ValidationError as error:
        yield error


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            try:
                if not _found(pattern, key):
                    continue
            except ValidationError as error:
                yield error
                continue
            yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional(plain: Any) -> Any:
    """jsonschema's own `additionalProperties`, given only what no pattern takes."""

    def check(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        patterns = schema.get("patternProperties")
        if not patterns or not validator.is_type(instance, "object"):
            yield from plain(validator, allowed, instance, schema)
            return
        try:
            own = {key: it for key, it in instance.items() if not any(_found(each, key) for each in patterns)}
        except ValidationError:
            return  # `patternProperties` tells of it
        extras = sorted(own.keys() - schema.get("properties", {}).keys())
        if validator.is_type(allowed, "object"):
            for key in extras:
                yield from validator.descend(instance[key], allowed, path=key)
        elif not allowed and extras:
            verb = "does" if len(extras) == 1 else "do"
            shown = ", ".join(map(repr, extras))
            yield ValidationError(
                f"{shown} {verb} not match any of the regexes: {', '.join(repr(each) for each in sorted(patterns))}"
            )

    return check


def _unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As jsonschema's, which compares each with each where it cannot sort."""
    if wanted and validator.is_type(instance, "array") and len({_key(each) for each in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _key(value: Any) -> Any:
    """Equal for what JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, Mapping):
        return frozenset((key, _key(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(_key(each) for each in value)
    return (bool, value) if isinstance(value, bool) else value


@lru_cache
def linear(base: type[Validator]) -> type[Validator]:
    """A draft's validator with these keywords in the place of jsonschema's own, in the same words."""
    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional(base.VALIDATORS["additionalProperties"]),
        "uniqueItems": _unique,
    }
    made: Any = cast(Any, extend)(base, own)
    evolve = made.evolve

    def stay(self: Any, **changes: Any) -> Any:
        """Of this class: jsonschema takes another one for a part of the schema that has a `$schema` of its own."""
        schema = changes.get("schema", self.schema)
        if isinstance(schema, Mapping) and "$schema" in schema:
            changes["schema"] = {key: value for key, value in schema.items() if key != "$schema"}
        return evolve(self, **changes)

    made.evolve = stay
    found: type[Validator] = made
    return found
