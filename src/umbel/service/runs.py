"""Starting runs: check, write to disk, launch, answer."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from umbel.celery import codec
from umbel.errors import BadRequest, DefinitionNotFound, HistoryUnavailable, PayloadTooLarge
from umbel.failpoints import failpoint
from umbel.keeper import limit_of
from umbel.observe.spans import CALLER
from umbel.plan.model import Plan
from umbel.service import secrets
from umbel.service.reading import require
from umbel.service.umbel import Umbel, now_ms
from umbel.store import Accepted, IdempotencyKey, Limit, NewRun

ELSEWHERE: Final = "Store large data elsewhere and pass a reference to it (UMBEL_MAX_PAYLOAD_BYTES is the limit)."
PLAYGROUND: Final = "playground"
"""First part of the names of tried runs, so that they never count as runs of what the project keeps."""
_TOO_DEEP: Final = f"The payload nests lists and objects more than {codec.MAX_DEPTH} deep."


def start(
    umbel: Umbel,
    definition: str,
    payload: Mapping[str, Any],
    *,
    comment: str | None = None,
    key: str | None = None,
    relaunch_of: str | None = None,
) -> Accepted:
    """Accept a run and launch it. When this returns, the run is on disk; it ends whatever happens next.

    Args:
        definition: `project.NAME`.
        payload: values that the definition's defaults do not have, or have otherwise.
        comment: a note, kept with the run.
        key: the client's idempotency key: the same key and request give the first run again.
        relaunch_of: run that this one repeats, with its payload as it is kept.

    Raises:
        DefinitionNotFound, DefinitionError: nothing can be started by this name.
        PayloadInvalid, PayloadTooLarge: this payload cannot be taken.
        SecretKeyMissing, SecretUnreadable: it holds secrets, and the server lacks the key.
        BadRequest: a text has no UTF-8, the payload is nested too deep, or the key of a limit cannot be computed.
        LimitReached: as many runs are live as the definition allows, and it refuses one more.
        IdempotencyConflict: the key came before with another request.
        HistoryUnavailable: the run could not be written; try again (with the same key).
        StateFull: the state store takes nothing more for now.
    """
    storable(definition=definition, comment=comment, idempotency_key=key)
    _encode(payload)  # refused here if it is nested too deep to be walked through
    found, plan = umbel.definitions.get(definition)
    entered = secrets.enter(umbel.settings.secret_key, found, payload, again=relaunch_of is not None)
    limit = limit_of(definition, found.concurrency, entered.likeness)
    alike = {name: entered.likeness[name] for name in payload}
    idempotency = idempotency_of(key, definition, alike, comment) if key is not None else None
    full = entered.payload
    return accept(umbel, plan, full, comment=comment, idempotency=idempotency, relaunch_of=relaunch_of, limit=limit)


def accept(
    umbel: Umbel,
    plan: Plan,
    payload: Mapping[str, Any],
    *,
    comment: str | None = None,
    idempotency: IdempotencyKey | None = None,
    relaunch_of: str | None = None,
    limit: Limit | None = None,
) -> Accepted:
    """Accept a run of a plan whose payload is complete and right, and launch it. Raises what `start` raises."""
    storable(definition=plan.definition, comment=comment)
    text = _encode(payload)
    if len(text) > umbel.settings.max_payload_bytes:
        most = umbel.settings.max_payload_bytes
        raise PayloadTooLarge(f"The payload has {len(text):,} bytes of JSON, allowed are {most:,}.", hint=ELSEWHERE)
    umbel.require_room()
    umbel.remember(plan)
    run_id = str(uuid.uuid4())
    project, _, name = plan.definition.partition(".")
    accepted = umbel.store.accept(
        NewRun(
            id=run_id,
            definition=plan.definition,
            project=project,
            name=name,
            plan=plan,
            payload=text,
            partition=umbel.engine.partition(run_id),
            created_at=now_ms(),
            comment=comment,
            relaunch_of=relaunch_of,
            idempotency=idempotency,
            limit=limit,
            traceparent=CALLER.get() if umbel.settings.traces else None,
        )
    )
    failpoint("run-accepted", HistoryUnavailable)
    if accepted.created:
        if limit is not None and limit.on_limit == "cancel_oldest":
            umbel.keeper.held.wake()  # somebody may have to make room
        if accepted.run.settled:
            umbel.feed.resync()  # canceled at once: no projector will tell of it
        umbel.try_launch(accepted.run)
    return accepted


def relaunch(
    umbel: Umbel, run_id: str, payload: Mapping[str, Any] | None = None, *, comment: str | None = None
) -> Accepted:
    """Start a new run with the definition (as it is now) and the payload of an earlier one.

    Args:
        payload: in the place of the earlier one's; its secrets have to be typed anew then.
        comment: a note, kept with the new run.

    Raises:
        RunNotFound: there is no such run.
        And what `start` raises.
    """
    run = require(umbel, run_id)
    again = json.loads(run.payload)
    if payload is not None:
        _encode(payload)  # refused here if it is nested too deep to be walked through
        again = secrets.edited(payload, again)
    plan = umbel.plan(run.plan_hash)
    definition = umbel.definitions.catalog.definitions.get(run.definition)
    if plan.returns is not None and (definition is None or definition.canvas is None):
        # It was started from a canvas, whatever it was called.
        return accept(umbel, plan, again, comment=comment, relaunch_of=run.id)
    if definition is None and run.definition.startswith(f"{PLAYGROUND}."):
        if again != json.loads(run.payload):  # nobody could say any more whether it fits, and what of it is secret
            hint = "Run the text again in the playground, with the other payload."
            raise DefinitionNotFound("The server has not kept the definition that was tried.", hint=hint)
        return accept(umbel, plan, again, comment=comment, relaunch_of=run.id)
    return start(umbel, run.definition, again, comment=comment, relaunch_of=run.id)


def storable(**texts: str | None) -> None:
    """Raises BadRequest for a text that UTF-8 cannot carry."""
    for name, text in texts.items():
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:
            raise BadRequest(
                f"The {name.replace('_', ' ')} holds half a character, which UTF-8 has no form for."
            ) from error


def _encode(payload: Mapping[str, Any]) -> str:
    try:
        # Not orjson: whole numbers of any size, and NaN, which celery-director takes too.
        text = json.dumps(payload, separators=(",", ":"))
    except RecursionError as error:
        raise BadRequest(_TOO_DEEP) from error
    if codec.too_deep(text):
        raise BadRequest(_TOO_DEEP)
    return text


def idempotency_of(key: str, definition: str, payload: Mapping[str, Any], comment: str | None) -> IdempotencyKey:
    """The client's key, with a hash of its request."""
    request = json.dumps([definition, payload, comment], sort_keys=True)
    return IdempotencyKey(key, definition, hashlib.sha256(request.encode()).hexdigest())
