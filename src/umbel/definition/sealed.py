"""Secrets do not stand in definition files in plain text: whoever reads the project, or a plan, would have them."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final

from yaml.nodes import Node

from umbel.definition.marked import at, marks, plain_secrets, secret_places
from umbel.definition.problems import Report
from umbel.errors import DefinitionError
from umbel.secrets import SHOWN, Mask

HINT: Final = "Leave it to who starts a run, or write what `umbel secret seal` makes of it."


def check_secrets(
    schema: Mapping[str, Any] | None,
    fields: Mapping[str, tuple[Node, Node]],
    source: MutableMapping[str, Any],
    engine: str,
    report: Report,
) -> None:
    """Refuse plain secrets in the defaults and in the schedule's payload, and secrets where Celery would keep them.

    What is refused is taken out of `source`, which is shown to everybody.
    """
    if schema is None or not marks(schema):
        return
    if engine == "canvas":
        message = "the schema marks secrets, which Celery's own messages and results would hold"
        report.add("secret-in-canvas", fields["engine"][0].start_mark, message, "Leave out `engine: canvas`.")
    _refuse("defaults", fields.get("defaults"), source.get("defaults"), schema, report)
    for word in ("periodic", "schedule"):
        outer = source.get(word)
        inner = outer.get("payload") if isinstance(outer, Mapping) else None
        _refuse("payload", fields.get(word), inner, schema, report)


def first_error(errors: Sequence[str], schema: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The first error of a payload in a file, short, without the secrets that it holds in plain text."""
    mask = Mask(*(at(given, path) for path in secret_places(schema, given)))
    return mask.text(errors[0])[:200]


def _refuse(word: str, pair: tuple[Node, Node] | None, given: Any, schema: Mapping[str, Any], report: Report) -> None:
    if pair is None or not isinstance(given, dict):
        return
    try:
        found = plain_secrets(schema, given)
    except DefinitionError:
        found = {(name,) for name in given}  # nobody can say which, so all of them
    for path in sorted(found, key=str):
        message = f"`{word}` holds the secret {'.'.join(map(str, path))} in plain text"
        report.add("plain-secret", pair[0].start_mark, message, HINT)
        here: Any = given
        for part in path[:-1]:
            here = here[part]
        here[path[-1]] = SHOWN
