"""Telling the engine how an attempt ended: one verb for each kind of outcome."""

from umbel.celery.outcome import Awaited, Expanded, Failed, Outcome, Retried, Skipped, Spawned, Succeeded
from umbel.engine.engine import Engine, Token
from umbel.engine.wire import Item
from umbel.machine import Code


def record(
    engine: Engine, token: Token, plan: str, result: Outcome, *, by: str, request: str
) -> tuple[Code, list[Item]]:
    """The engine's answer, and the tasks that this released, for the caller to publish.

    Args:
        plan: hash of the run's plan.
        by: who publishes what is released.
        request: the same for each repetition of the call.

    Raises:
        StateUnavailable: no answer.
    """
    released: tuple[int, ...] = ()
    match result:
        case Succeeded(text):
            done = engine.succeed(token, text, by=by, request=request)
            code, released = done.code, done.released
        case Retried(delay, info, args):
            again = engine.retry(token, delay, info, by=by, args=args, request=request)
            code, released = again.code, again.released
        case Failed(info):
            ended = engine.fail(token, info, by=by, request=request)
            code, released = ended.code, ended.released
        case Skipped(why):
            skipped = engine.skip(token, why=why, by=by, request=request)
            code, released = skipped.code, skipped.released
        case Expanded(items, window):
            expanded = engine.expand(token, items, window=window, by=by, request=request)
            code, released = expanded.code, expanded.released
        case Spawned(child, of, payload, definition):
            spawned = engine.spawn(token, child, of, payload, definition, by=by, request=request)
            if spawned.code is Code.NO_PLAN:
                return record(engine, token, plan, _no_plan(definition), by=by, request=request)
            return spawned.code, list(spawned.items)
        case Awaited(info, timeout):
            code = engine.ask(token, info, timeout=timeout, request=request).code
    return code, [Item(token.run, task, token.epoch, plan) for task in released]


def _no_plan(definition: str) -> Failed:
    text = f"The plan of {definition} is not in the state store."
    return Failed({"exception": text, "type": "DefinitionError", "traceback": "", "reason": "workflow"})
