"""The door through which secrets come: sealed here, before anything is written or told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from umbel.definition import Definition
from umbel.definition.marked import at, marks, sealed_at, secret_places
from umbel.definition.schema import payload_errors
from umbel.errors import BadRequest, PayloadInvalid, SecretKeyMissing
from umbel.secrets import SHOWN, Mask, Vault, holds_sealed, is_sealed


@dataclass(frozen=True, slots=True)
class Entered:
    """A payload that may be kept, and a likeness of it without any secret, in which equal secrets are equal."""

    payload: Mapping[str, Any]
    likeness: Mapping[str, Any]


def enter(keys: str, found: Definition, given: Mapping[str, Any], *, again: bool) -> Entered:
    """The payload of a new run: with the defaults, checked, its secrets sealed.

    Args:
        keys: `UMBEL_SECRET_KEY`.
        given: the payload as it was sent; in plain text.
        again: it is the one of an earlier run, sealed where that was.

    Raises:
        PayloadInvalid: it does not fit the schema; what is told shows no secret.
        BadRequest: it holds what only the server may write.
        SecretKeyMissing: the definition has secrets, and there is no key.
        SecretUnreadable: it holds what was sealed with another key.
    """
    name = found.fullname
    if not again:
        _unsealed(given)
    full = {**found.defaults, **given} if found.defaults else dict(given)
    sealed = holds_sealed(full)
    marked = found.schema is not None and marks(found.schema)
    if not sealed and not marked:
        _check(name, found, full, Mask())
        return Entered(full, full)
    vault = Vault(keys)
    if not vault.has_key:
        raise SecretKeyMissing(f"{name} has secrets in its payload, and the server has no key to seal them with.")
    opened = vault.open_all(full)
    places = secret_places(found.schema, opened)
    for place in places:
        if at(opened, place) == SHOWN:
            text = f"/{'/'.join(map(str, place))} is {SHOWN}, which only stands for a secret where one is shown."
            raise PayloadInvalid(f"The payload does not fit the schema of {name}: {text}", [text])
    _check(name, found, opened, Mask(*(at(opened, place) for place in places)))
    payload = sealed_at(vault, opened, places, full)
    return Entered(payload, vault.likeness(payload))


def edited(payload: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload of an earlier run as somebody has changed it, who has seen `***` for what is sealed in it.

    Args:
        payload: as it was sent: where it still has `***`, the sealed value of before stays, if nothing else changed.
            Else who may start runs could send somebody's secret elsewhere, by changing the address beside it.
        before: the earlier one, as it is kept.

    Raises:
        BadRequest: it holds what only the server may write, or would keep a secret beside something that has changed.
    """
    _unsealed(payload)
    found: Mapping[str, Any] = _with_sealed(payload, before)
    if found != before and holds_sealed(found):
        raise BadRequest(
            f"The payload keeps a secret ({SHOWN}) and changes something else.",
            hint="Type the secrets anew, or change nothing: what is changed may decide where they are sent.",
        )
    return found


def _with_sealed(value: Any, before: Any) -> Any:
    if value == SHOWN and is_sealed(before):
        return before
    if isinstance(value, Mapping) and isinstance(before, Mapping):
        return {name: _with_sealed(each, before.get(name)) for name, each in value.items()}
    if isinstance(value, list) and isinstance(before, list):
        rest = [None] * (len(value) - len(before))
        return [_with_sealed(each, old) for each, old in zip(value, [*before, *rest], strict=False)]
    return value


def _unsealed(given: Mapping[str, Any]) -> None:
    if holds_sealed(given):
        raise BadRequest("The payload holds a sealed value.", hint="Send the value itself; the server seals it.")


def _check(name: str, found: Definition, payload: Mapping[str, Any], mask: Mask) -> None:
    if found.schema is None:
        return
    errors = [mask.text(each) for each in payload_errors(found.schema, payload)]
    if errors:
        raise PayloadInvalid(
            f"The payload does not fit the schema of {name}: {errors[0]}",
            errors,
            hint=f"GET /api/v1/definitions/{name} shows the schema.",
        )
