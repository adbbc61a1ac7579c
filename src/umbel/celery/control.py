"""What a claimed task is to do instead of, or before, its body: `when`, `map`, `workflow`, `approval`, `expires`.

The worker that has claimed the task evaluates its expressions, and the outcome is recorded under its token (engine.md,
"Rules that close the known holes").
"""

import time
import uuid
from typing import Any, Final

from umbel.celery import calling, codec, errback
from umbel.celery.calling import Call, is_item
from umbel.celery.capture import opened
from umbel.celery.hushed import hush
from umbel.celery.outcome import Awaited, Expanded, Failed, Outcome, Skipped, Spawned, Succeeded, describe
from umbel.celery.process import Process
from umbel.celery.variables import Scope
from umbel.engine.calls import Claim
from umbel.engine.engine import MAX_WINDOW, Token
from umbel.errors import DefinitionError, ExpressionError, ResultTooLarge
from umbel.plan.model import Node, SubRun

MAX_ITEMS: Final = 100_000
"""Items of one map."""

MAX_LIST: Final = 256 * 1024 * 1024
"""Bytes of JSON in the list that a map gives. Its items have each been held against `max_result_bytes`, and so many as
there are may be in it; but the state store takes no more than 512 MB at once (Redis, `proto-max-bulk-len`)."""

FIRST_PORTION: Final = 16
PORTION: Final = 500
PORTION_BYTES: Final = 8 * 1024 * 1024
"""Items that are looked at in one call: so many at first, then by how large their results are, but never more."""

GOOD: Final = frozenset({"success", "skipped"})


class Control:
    """Decides what is to be done with a claimed task."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._scope = Scope(lambda: process.engine)

    def decide(self, token: Token, claim: Claim, node: Node) -> Call | Outcome:
        """How its body is to be called, or how the attempt has ended without.

        Raises:
            StateUnavailable: no answer.
            And what arguments that are none may raise.
        """
        if claim.phase:
            return self._gather(token, claim)
        if node.expires is not None or node.expires_at is not None:
            late = _expired(node, max(claim.waited_ms, claim.age_ms) / 1000, time.time() * 1000)
            if late is not None:
                return late
        item = is_item(token, claim)
        try:
            if node.when is not None and not item and not self._scope.holds(token, claim, node.when):
                return Skipped(node.when)
            if node.map is not None and not item:
                return self._expand(token, claim, node)
            if node.workflow is not None:
                return self._spawn(token, claim, node.workflow)
            if node.approval:
                return self._ask(token, claim, node)
            if node.call is not None and node.call.template and not claim.args:
                return Call((), self._scope.render(token, claim, dict(node.call.kwargs)))
        except ExpressionError as error:
            return Failed(describe(error, None, "expression"))
        if node.errback and not claim.args:
            return errback.decide(self._process.app, self._process.engine, token, claim, node)
        return calling.arguments(self._process.engine, token, claim, node, lambda: self._scope.payload(token, claim))

    def _expand(self, token: Token, claim: Claim, node: Node) -> Outcome:
        items = self._scope.render(token, claim, node.map)
        if not isinstance(items, list):
            text = f"map: {node.map!r} gives no list, but {_shown(items)}."
            return _failed("ExpressionError", text, "expression")
        if len(items) > MAX_ITEMS:
            text = f"map: {node.map!r} gives {len(items):,} items; at most {MAX_ITEMS:,} are allowed."
            return _failed("ExpressionError", text, "expression")
        if not items:
            return Succeeded("[]")
        limit = self._process.settings.max_result_bytes
        return Expanded([codec.encode(each, limit) for each in items], min(node.max_parallel or MAX_WINDOW, MAX_WINDOW))

    def _gather(self, token: Token, claim: Claim) -> Outcome:
        """The items have all ended: their results in order, or how many of them failed."""
        engine = self._process.engine
        base, count = map(int, claim.phase.split(":"))
        texts: list[str] = []
        at, portion, size, failed, first = base, FIRST_PORTION, 0, 0, ""
        while at < base + count:
            indices = range(at, min(at + portion, base + count))
            for index, end in zip(indices, engine.ends(token.run, indices), strict=True):
                if end.state not in GOOD:
                    failed += 1
                    first = first or f"item {index - base}: {_told(end.error) or end.state}"
            if not failed:
                texts += [text or "null" for text in engine.results(token.run, indices)]
                size += sum(len(text.encode()) + 1 for text in texts[at - base :])
                if size > MAX_LIST:
                    text = f"The list of the results has more than {MAX_LIST:,} bytes of JSON."
                    return _failed(ResultTooLarge.__name__, text, "result")
            at = indices.stop
            portion = max(1, min(PORTION, PORTION_BYTES * (at - base) // (size + 1)))
        if failed:
            return _failed("ItemsFailed", f"{failed} of {count} items failed; the first was {first}", "items")
        whole = f"[{','.join(texts)}]"
        if codec.too_deep(whole):
            text = f"The list of the results nests lists and objects more than {codec.MAX_DEPTH} deep."
            return _failed("ValueError", text, "result")
        return Succeeded(whole)

    def _spawn(self, token: Token, claim: Claim, sub: SubRun) -> Outcome:
        given = self._scope.render(token, claim, dict(sub.payload))
        payload, secrets = {**sub.defaults, **given}, opened()
        limit = self._process.settings.max_payload_bytes
        if sub.schema is not None:
            # Not for workers that start no runs.
            from umbel.definition.marked import at, sealed_at, secret_places
            from umbel.definition.schema import payload_errors

            try:
                payload = secrets.open(payload)
                places = secret_places(sub.schema, payload)
                for place in places:
                    secrets.note(at(payload, place))
                errors = payload_errors(sub.schema, payload)
                payload = sealed_at(secrets.vault, payload, places)
            except DefinitionError as error:
                errors = [str(error)]
            if errors:
                text = f"The payload does not fit the schema of {sub.definition}: {errors[0]}"
                return _failed("PayloadInvalid", text, "payload")
        try:
            text = codec.encode(payload, limit)
        except ResultTooLarge:
            text = f"The payload for {sub.definition} has more than the {limit:,} bytes of JSON that are allowed."
            return _failed("PayloadTooLarge", text, "payload")
        return Spawned(self._child(token.run), sub.plan, text, sub.definition)

    def _child(self, run: str) -> str:
        """A new run id in the same partition, since one script starts it and notes it here."""
        engine = self._process.engine
        partition = engine.partition(run)
        while True:
            child = str(uuid.uuid4())
            if engine.partition(child) == partition:
                return child

    def _ask(self, token: Token, claim: Claim, node: Node) -> Outcome:
        about = {}
        if node.call is not None:
            about["about"] = self._scope.render(token, claim, dict(node.call.kwargs))
        return Awaited(about, node.timeout)


def _expired(node: Node, waited: float, now_ms: float) -> Failed | None:
    """As a worker of Celery's revokes what it gets too late (`celery/worker/request.py`, `maybe_expire`).

    `expires` is measured by the state store's clock, `expires_at` by this worker's, as in Celery. Celery counts it from
    the sending, so that a countdown and the pauses of retries are part of it.

    Args:
        waited: seconds since its countdown ended or, if that is longer ago, since its first attempt began.
    """
    waited += node.countdown or 0.0
    if node.expires is not None and waited > node.expires:
        text = f"The task expired: it was released {waited:.1f} s ago, {node.expires:g} s were allowed."
    elif node.expires_at is not None and now_ms > node.expires_at:
        text = f"The task expired {(now_ms - node.expires_at) / 1000:.1f} s before a worker took it."
    else:
        return None
    return _failed("TaskRevokedError", text, "expired")


def _failed(kind: str, text: str, reason: str) -> Failed:
    return Failed({"exception": text, "type": kind, "traceback": "", "reason": reason})


def _told(error: dict[str, Any] | None) -> str:
    return f"{error.get('type') or 'Error'}: {error.get('exception')}" if error else ""


def _shown(value: Any) -> str:
    text = hush(repr(value))  # before a secret is cut in two
    return text if len(text) <= 200 else f"{text[:200]}..."
