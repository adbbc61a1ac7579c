"""The mistakes of plants.py, as `site/sitecustomize.py` makes them in the processes of a world."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final


def plant(name: str) -> None:
    """Put one into this process.

    Raises:
        AssertionError: the product is not any more what the mistake was made for.
    """
    WAYS[name]()


def _lua(verb: str, *swaps: tuple[str, str]) -> None:
    from umbel.engine.scripts import SCRIPTS
    from umbel.machine import Verb

    script = SCRIPTS[Verb(verb)]
    text = script.text
    for old, new in swaps:
        assert old in text, (verb, old)
        text = text.replace(old, new)
    SCRIPTS[Verb(verb)] = replace(script, text=text)


def _no_token() -> None:
    for verb in ("succeed", "fail", "retry"):
        _lua(verb, ("tonumber(value[2]) == attempt and ", ""))


def _no_redispatch() -> None:
    _lua(
        "redispatch", ("if #items < limit and waited and", "if false and"), ("if not seen[member] and", "if false and")
    )


def _no_lease_sweep() -> None:
    _lua("sweep", ("elseif not dead[value[3]] and", "elseif false and"))


def _client_clock() -> None:
    from umbel.engine.engine import Engine

    def skewed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **named: Any) -> Any:
            # Their wall clock against the true one: what an absolute time from this worker would be wrong by.
            wrong = time.time_ns() - time.clock_gettime_ns(time.CLOCK_REALTIME)
            lease, self._lease = self._lease, max(1, self._lease + wrong // 1_000_000)
            try:
                return method(self, *args, **named)
            finally:
                self._lease = lease

        return call

    for name in ("claim", "renew"):
        setattr(Engine, name, skewed(getattr(Engine, name)))


def _double_claim() -> None:
    _lua("claim", ("if not free then return {'not_queued'} end", ""))


def _early_join() -> None:
    needs = "local needs, run_if = tonumber(known[1])"
    for verb in ("succeed", "skip", "advance"):
        _lua(verb, (needs, needs.replace("tonumber(known[1])", "math.max(1, tonumber(known[1]) - 1)")))


def _no_cancel() -> None:
    _lua("claim", ("if is_stopped(run, task) then\n  redis.call('ZREM'", "if false then\n  redis.call('ZREM'"))


def _position_first() -> None:
    from umbel.store.project import Projection

    apply = Projection.apply

    def position_first(self: Any, partition: int, events: Any, expected: str, new: str) -> Any:
        if events:
            apply(self, partition, [], expected, new)
            time.sleep(0.05)
        return apply(self, partition, events, new if events else expected, new)

    Projection.apply = position_first  # type: ignore[method-assign]


def _no_relaunch() -> None:
    from umbel.keeper.relaunch import Relaunch

    Relaunch.turn = lambda self: 5.0  # type: ignore[method-assign]


def _no_request_id() -> None:
    for verb in ("succeed", "skip"):
        _lua(
            verb,
            ("if value[7] == request_id and value[8] then", "if false then"),
            ("value[1] == 'running' and tonumber(value[2])", "tonumber(value[2])"),
        )


def _timers_in_memory() -> None:
    from umbel.engine.loops import Loops

    welcome = Loops.welcome

    def forgetful(self: Any, info: Any) -> None:
        self._engine._client.delete("umbel:{0}:timers")
        welcome(self, info)

    Loops.welcome = forgetful  # type: ignore[method-assign]


def _rebuild_all() -> None:
    from umbel.service import restore

    restore.kept_tasks = lambda *given: iter(())  # type: ignore[assignment]


WAYS: Final[dict[str, Callable[[], None]]] = {
    "no-token": _no_token,
    "no-redispatch": _no_redispatch,
    "no-lease-sweep": _no_lease_sweep,
    "client-clock": _client_clock,
    "double-claim": _double_claim,
    "early-join": _early_join,
    "no-cancel": _no_cancel,
    "position-first": _position_first,
    "no-relaunch": _no_relaunch,
    "no-request-id": _no_request_id,
    "timers-in-memory": _timers_in_memory,
    "rebuild-all": _rebuild_all,
}
