"""What the expressions of a step may use: payload, the tasks that it needs, and a map's item."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from umbel.celery import codec
from umbel.celery.calling import is_item
from umbel.engine.calls import Claim
from umbel.engine.engine import Engine, Token

PORTION = 500
"""Tasks that are looked at in one call."""


class ExpressionFailed(Exception):
    """An expression has no value; the text says where it stands, what it is, and why."""

    def __init__(self, text: str, cause: BaseException) -> None:
        super().__init__(text)
        self.cause = cause


class Scope:
    """Evaluates the expressions of claimed tasks, reading no more than they name.

    Args:
        engine: this process's engine.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        # All items of a map ask for the same: read once, not once for each item.
        self._kept = lru_cache(maxsize=2)(self._read)

    def evaluate(self, token: Token, claim: Claim, where: str, text: str) -> Any:
        """The value of an expression. Raises ExpressionFailed, StateUnavailable."""
        from umbel.definition.expressions import evaluate

        return self._guard(token, claim, where, text, evaluate)

    def render(self, token: Token, claim: Claim, where: str, template: Any) -> Any:
        """A template with the values of its expressions. Raises ExpressionFailed, StateUnavailable."""
        from umbel.definition.expressions import render

        return self._guard(token, claim, where, template, render)

    def _guard(self, token: Token, claim: Claim, where: str, what: Any, call: Callable[[Any, Any], Any]) -> Any:
        from umbel.definition.expressions import ExpressionError  # imported late: most workers never need the library

        try:
            return call(what, self._variables(token, claim, what))
        except ExpressionError as error:
            raise ExpressionFailed(f"{where}: {error}", error) from error

    def _variables(self, token: Token, claim: Claim, what: Any) -> Any:
        from umbel.definition.expressions import variables

        engine, tasks = self._engine(), {}
        if wanted := named(what):
            read = self._kept if is_item(token, claim) else self._read
            tasks = read(token.run, token.epoch, claim.plan, claim.node, wanted)
        more = {"item": codec.decode(claim.item)} if is_item(token, claim) else {}
        definition = engine.definition(engine.partition(token.run), claim.plan)
        return variables(codec.decode(claim.payload), tasks, run_id=token.run, definition=definition, **more)

    def _read(self, run: str, epoch: int, plan: str, index: int, wanted: frozenset[str]) -> dict[str, dict[str, Any]]:
        """What the needs of a node gave and how they ended, by key: those that are wanted. Fixed within an epoch."""
        engine = self._engine()
        needs = [each for each in engine.needs(engine.partition(run), plan, index) if each.key in wanted]
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(needs), PORTION):
            some = needs[start : start + PORTION]
            indices = [each.index for each in some]
            for need, end, text in zip(some, engine.ends(run, indices), engine.results(run, indices), strict=True):
                result = codec.decode(text) if text is not None else None
                found[need.key] = {"result": result, "state": end.state}
        return found


def named(template: Any) -> frozenset[str]:
    """Keys of the tasks that the expressions in a template name."""
    from umbel.definition.expressions import references

    return frozenset(references(template))
