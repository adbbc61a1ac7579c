"""What the expressions of a step may use: payload, the tasks that it needs, and a map's item."""

import copy
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from umbel.celery import codec
from umbel.celery.calling import is_item
from umbel.celery.capture import opened
from umbel.definition import scan
from umbel.engine.calls import Claim
from umbel.engine.engine import Engine, Token
from umbel.secrets import MARK

_Tasks = dict[str, dict[str, Any]]

PORTION = 500
"""Tasks that are looked at in one call."""


class Scope:
    """Evaluates the expressions of claimed tasks, reading no more than they name.

    The library is imported when the first expression is met: most workers never need it.

    Args:
        engine: gives this process's engine.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        # All items of a map ask for the same: read once, not once for each item.
        self._kept = lru_cache(maxsize=2)(self._read)
        self._text = lru_cache(maxsize=2)(lambda run: engine().payload(run))
        self._shared = lru_cache(maxsize=2)(lambda run: codec.decode(self._text(run)))

    def payload(self, token: Token, claim: Claim) -> Any:
        """The run's payload, which the caller may change. Raises StateUnavailable."""
        return opened().decode(self._text(token.run) if is_item(token, claim) else claim.payload)

    def holds(self, token: Token, claim: Claim, text: str) -> bool:
        """Whether the condition `text` is true.

        Raises:
            ExpressionError: it has no value, or another one than true and false.
            StateUnavailable: no answer.
        """
        from umbel.definition.expressions import condition

        return condition(text, self._variables(token, claim, [f"${{{scan.unwrap(text)}}}"]))

    def render(self, token: Token, claim: Claim, template: Any) -> Any:
        """A template with the values of its expressions.

        Raises:
            ExpressionError: one of them has no value.
            StateUnavailable: no answer.
        """
        from umbel.definition.expressions import render

        found = render(template, self._variables(token, claim, template))
        # What is kept for the next item must not be what this one's body is given to change.
        return copy.deepcopy(found) if is_item(token, claim) else found

    def _variables(self, token: Token, claim: Claim, template: Any) -> Any:
        from umbel.definition.expressions import MISSING, variables

        engine, item, secrets = self._engine(), is_item(token, claim), opened()
        wanted = _named(template)
        tasks, sealed = _Tasks(), False
        if wanted is None or wanted:
            read = self._kept if item else self._read
            tasks, sealed = read(token.run, token.epoch, claim.plan, claim.node, wanted)
        # What is sealed is not shared: each attempt opens it for itself.
        shared = item and MARK not in self._text(token.run)
        return variables(
            self._shared(token.run) if shared else self.payload(token, claim),
            secrets.open(tasks) if sealed else tasks,
            run_id=token.run,
            definition=engine.definition(engine.partition(token.run), claim.plan),
            item=secrets.decode(claim.item) if item else MISSING,
        )

    def _read(self, run: str, epoch: int, plan: str, index: int, wanted: frozenset[str] | None) -> tuple[_Tasks, bool]:
        """What the needs of a node gave and how they ended, by key: those that are wanted. Fixed within an epoch. And
        whether anything in it is sealed."""
        engine = self._engine()
        needs = [each for each in engine.needs(engine.partition(run), plan, index) if not wanted or each.key in wanted]
        found, sealed = _Tasks(), False
        for start in range(0, len(needs), PORTION):
            some = needs[start : start + PORTION]
            indices = [each.index for each in some]
            for need, end, text in zip(some, engine.ends(run, indices), engine.results(run, indices), strict=True):
                result = codec.decode(text) if text is not None else None
                sealed = sealed or (text is not None and MARK in text)
                found[need.key] = {"result": result, "state": end.state}
        return found, sealed


def _named(template: Any) -> frozenset[str] | None:
    """Keys of the tasks that the expressions in a template name; None: which ones is computed, so all of them."""
    from umbel.definition.expressions import references

    found: set[str] = set()
    todo = [template]
    while todo:
        here = todo.pop()
        if isinstance(here, Mapping):
            todo.extend(here.values())
        elif isinstance(here, list | tuple):
            todo.extend(here)
        elif isinstance(here, str):
            for part in scan.split(here):
                if part.code:
                    if scan.is_computed(part.text, "tasks") or scan.is_computed(part.text, "needs"):
                        return None
                    found |= references(part.text)
    return frozenset(found)
