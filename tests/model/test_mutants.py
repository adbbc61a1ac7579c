"""The model must notice when a script is broken: each mutant here has to be killed by walks of bounded length.

It breaks the scripts that promise [U-2] to [U-8], [U-10] and [U-11]. UMBEL_TEST_MUTANT_WALKS=500 for the long form.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

import pytest
import redis

from tests.model import test_corners, test_redispatch
from tests.model.pair import Pair
from tests.model.test_wide_plans import go_on, open_fan
from tests.model.walk import walk_alone
from umbel.engine.scripts import SCRIPTS
from umbel.errors import StateUnavailable

WALKS = int(os.environ.get("UMBEL_TEST_MUTANT_WALKS") or 60)
STEPS = 60


class Mutant(NamedTuple):
    """What stands in a script or an include, and what is put in its place."""

    verb: str
    text: str
    instead: str


MUTANTS = (
    # tokens and states
    Mutant("succeed", "tonumber(value[2]) == attempt and ", ""),
    Mutant("fail", " and run.epoch == epoch", ""),
    Mutant("retry", "value[1] == 'running' and ", ""),
    Mutant("skip", "value[7] == request_id and value[8]", "false"),
    Mutant("succeed", "value[9] ~= request_id", "true"),
    Mutant("fail", "value[9] ~= request_id", "false"),
    Mutant("lose", "outcome ~= 'lost' and ", ""),
    Mutant("succeed", "if mine and run.state ~= 'canceled' then", "if mine then"),
    Mutant("retry", "redis.call('HSET', run.key, task .. ':state', 'canceled')\n", ""),
    Mutant("retry", "return nil, answer(run, task, request_id, {'canceled'})", "return nil, {'canceled'}"),
    Mutant("claim", "if state ~= 'queued' then return {'not_queued'} end", ""),
    Mutant("claim", "if run.epoch ~= tonumber(epoch) then return {'stale'} end", ""),
    Mutant("claim", "if run.state == 'canceled' then", "if false then"),
    Mutant("claim", "state == 'running' and value[5] == request_id", "false"),
    Mutant("claim", "value[5] == request_id", "true"),
    Mutant("claim", "attempt = attempt + 1", "attempt = attempt"),
    Mutant("claim", "redis.call('HDEL', run.key, task .. ':answer')", ""),
    Mutant("claim", "redis.call('ZREM', key('ready', queue), member)\n  -- How", "-- How"),
    Mutant("claim", "if run.state == 'pending' then run.state = 'running' end", ""),
    Mutant("claim", "redis.call('ZADD', key('leases'), run.now + lease_ms, member)", ""),
    Mutant("claim", "tonumber(ready_at) then", "0 then"),
    Mutant("claim", "  run.live = run.live + 1\n", ""),
    Mutant("renew", "value[2] ~= epoch or ", ""),
    Mutant("renew", " or value[4] ~= attempt", ""),
    Mutant("renew", "if value[1] == 'canceled' then return {'canceled'} end", ""),
    Mutant("renew", "clock() + lease_ms", "clock()"),
    # release and block
    Mutant("succeed", "if done == tonumber(", "if done >= 0 * tonumber("),
    Mutant("succeed", "if good == '1' then", "if false then"),
    Mutant("fail", "elseif not redis.call('HGET', run.key, task .. ':state') then", "else"),
    Mutant("fail", "      due[#due + 1] = task .. ':0:0'\n", ""),
    Mutant("fail", "run.blocked[#run.blocked + 1] = task", ""),
    Mutant("fail", "      run.left = run.left - 1\n      run.blocked", "      run.blocked"),
    Mutant("fail", "  ended(run, task)\n  work", "  work"),
    Mutant("fail", "    run.state = 'error'\n", ""),
    Mutant("fail", "== 'running' then\n    run.state = 'error'", "== 'running' or true then\n    run.state = 'error'"),
    Mutant("succeed", "redis.call('HSET', key('results', run_id), task, result)", ""),
    Mutant("succeed", "let_go(run, task, mine.worker)", ""),
    Mutant("skip", "ended(run, task)\nwork", "work"),
    Mutant("succeed", " and run.hooks == 0 and", " and"),
    Mutant("succeed", "  run.hooks = run.hooks + 1\n", ""),
    Mutant("succeed", "if tonumber(task) >= run.tasks then", "if tonumber(task) > run.tasks then"),
    Mutant("fail", ", call_hook(run, 'failure', by) or ''", ""),
    Mutant("skip", ", task, 'null')", ", task, '0')"),
    Mutant("succeed", "emit(run, 'task.succeeded', task, attempt, object(outcome(run)), result)", ""),
    Mutant("succeed", "if run.left == 0 and (", "if (run.left == 0 or run.left == 1) and ("),
    Mutant("succeed", " and run.live == 0 and run.hooks == 0", " and run.hooks == 0"),
    Mutant("cancel", " and run.live == 0 and run.hooks == 0", " and run.hooks == 0"),
    Mutant("succeed", "  run.seq = run.seq + 1\n", "  run.seq = run.seq + 2\n"),
    Mutant("launch", "if known[2] == request_id then return cjson.decode(known[3]) end", ""),
    Mutant("launch", "  return {'exists', ''}\n", ""),
    Mutant("launch", "redis.call('PERSIST', plan_key)", ""),
    Mutant("launch", "redis.call('HINCRBY', plan_key, 'runs', 1)", ""),
    # time, losses, loops
    Mutant("retry", "if due > run.now then", "if due >= run.now then"),
    Mutant("retry", "task .. ':retries', mine.retries + 1)", "task .. ':retries', mine.retries)"),
    Mutant("retry", "run.now + tonumber(delay_ms)", "run.now + 1"),
    Mutant("retry", "if args ~= '' then", "if false then"),
    Mutant("promote", "'-inf', now, ", "'-inf', '+inf', "),
    Mutant("promote", "run.state ~= 'canceled' and ", ""),
    Mutant("promote", " and redis.call('HGET', run.key, task .. ':state') == 'retrying'", ""),
    Mutant("promote", "redis.call('ZREM', key('timers'), member)", ""),
    Mutant("lose", "if sure == '0' and expires >= run.now then return {'alive'} end", ""),
    Mutant("lose", "expires >= run.now", "expires > run.now"),
    Mutant("lose", "sure == '0' and ", ""),
    Mutant("lose", "losses < tonumber(max_lost)", "losses <= tonumber(max_lost)"),
    Mutant("lose", "mine.losses + tonumber(counts)", "mine.losses + 1"),
    Mutant("lose", "emit(run, 'task.lost'", "local _ = (function() end)('task.lost'"),
    Mutant("sweep", "'-inf', now - 1, 'LIMIT', 0, limit)) do\n  dead", "'-inf', now, 'LIMIT', 0, limit)) do\n  dead"),
    Mutant("sweep", "HSETNX", "HSET"),
    Mutant("sweep", "not dead[value[3]] and ", ""),
    Mutant("sweep", "alone and 1 or 0", "1"),
    Mutant("sweep", "(now - beat) * 2", "(now - beat)"),
    Mutant("sweep", "if redis.call('EXISTS', key('held', worker)) == 0 then", "do"),
    Mutant("sweep", "redis.call('ZREM', key('leases'), member)", ""),
    Mutant("sweep", "value[1] ~= epoch or value[2] ~= 'running' or value[3] ~= attempt", "false"),
    Mutant("beat", "leaving == '1' and now - 1 or ", ""),
    Mutant("beat", "redis.call('HDEL', key('worker', worker), 'held')", ""),
    Mutant("beat", "redis.call('PEXPIRE', key('worker', worker), keep_ms)", ""),
    Mutant("redispatch", "run.state == 'canceled' or ", ""),
    Mutant("redispatch", " or redis.call('HGET', run.key, task .. ':state') ~= 'queued'", ""),
    Mutant("redispatch", "redis.call('ZADD', key('ready', queue), now, member)", ""),
    Mutant("redispatch", "redis.call('HINCRBY', run.key, task .. ':copies', 1)", ""),
    Mutant("redispatch", " * 2 ^ math.min(copies, 3)", ""),
    Mutant("redispatch", "math.min(copies, 3)", "copies"),
    Mutant("redispatch", "ready_at < passed or ", ""),
    Mutant("redispatch", "(ready_at < passed or in_front)", "(ready_at < passed)"),
    Mutant("redispatch", "now - claimed >= after_ms and ", ""),
    Mutant("redispatch", " and now - front >= after_ms", ""),
    Mutant("redispatch", "owner == by or ", ""),
    Mutant("redispatch", " or string.sub(owner, 1, #by + 1) == by .. '/'", ""),
    Mutant("redispatch", "0, head - 1)", "0, head)"),
    Mutant("cancel", "if known == request_id then return {'ok'} end", ""),
    Mutant("cancel", "if run.state ~= 'pending' and run.state ~= 'running' then return {'finished'} end", ""),
    Mutant("forget", "value[1] == '1' and not value[3]", "not value[3]"),
    Mutant("forget", " and not value[3]", ""),
    Mutant("forget", "redis.call('PEXPIRE', key('results', run_id), ttl_ms)", ""),
    Mutant("forget", "<= 0", "<= 1"),
    Mutant("log", "if redis.call('HGET', run.key, task .. ':logged') == request_id then return {'ok'} end", ""),
)  # fmt: skip

WIDE = (
    Mutant("advance", "run.budget = run.budget - 1", ""),
    Mutant("succeed", "run.budget >= CHUNK", "run.budget >= 0"),
    Mutant("succeed", "redis.call('RPUSH', key('work', run.id), unpack(rest))", ""),
    Mutant("succeed", "redis.call('ZADD', key('cursors'), run.now, run.id)", ""),
    Mutant("succeed", "due[#due + 1] = source .. ':' .. (chunk + 1) .. ':' .. good", ""),
    Mutant("advance", "if more == 0 then", "if false then"),
    Mutant("advance", "emit(run, 'run.advanced', nil, nil, object(outcome(run)))", ""),
    Mutant("advance", "close(run)\nlocal more", "local more"),
    Mutant("cancel", "redis.call('DEL', key('work', run_id))", ""),
    Mutant("cancel", "redis.call('ZREM', key('cursors'), run_id)", ""),
)  # fmt: skip
"""What only a plan reaches that is too wide for one call."""


@pytest.fixture
def mutated(request: pytest.FixtureRequest) -> Iterator[Mutant]:
    """The mutant in place of its script."""
    mutant: Mutant = request.param
    verb, script = next((verb, script) for verb, script in SCRIPTS.items() if verb == mutant.verb)
    assert script.text.count(mutant.text) == 1, f"{mutant.text!r} is there {script.text.count(mutant.text)} times"
    SCRIPTS[verb] = replace(script, text=script.text.replace(mutant.text, mutant.instead))
    yield mutant
    SCRIPTS[verb] = script


def wide(client: "redis.Redis") -> None:
    """A wide release, then a cancel; a wide block."""
    for how in ("succeed", "fail"):
        pair = Pair(client)
        open_fan(pair, how)
        pair.do("advance", 0, by="w1")
        if how == "fail":
            go_on(pair)
        pair.do("cancel", "r0", request="x")


def killers(client: "redis.Redis") -> Iterator[Callable[[], None]]:
    """First the moments that walks seldom meet, since they are quick, then walks."""
    for test in [*vars(test_corners).values(), *vars(test_redispatch).values()]:
        if getattr(test, "__name__", "").startswith("test_"):
            yield partial(test, client)
    for seed in range(WALKS):
        yield partial(walk_alone, client, seed, STEPS)


def is_killed(by: Iterable[Callable[[], None]]) -> bool:
    """One of these finds a difference, or the script does not run at all."""
    for attack in by:
        try:
            attack()
        except (AssertionError, StateUnavailable):
            return True
    return False


def named(mutant: Mutant) -> str:
    return f"{mutant.verb}: {mutant.text.strip()[:40]}"


@pytest.mark.parametrize("mutated", MUTANTS, indirect=True, ids=named)
def test_a_broken_script_is_noticed(mutated: Mutant, valkey: "redis.Redis") -> None:
    assert is_killed(killers(valkey)), f"nobody noticed {mutated}"


@pytest.mark.parametrize("mutated", WIDE, indirect=True, ids=named)
def test_a_broken_wide_release_is_noticed(mutated: Mutant, valkey: "redis.Redis") -> None:
    assert is_killed([partial(wide, valkey)]), f"nobody noticed {mutated}"


def test_the_killers_kill_nothing_that_is_sound(valkey: "redis.Redis") -> None:
    """Else every mutant would die of it."""
    assert not is_killed([*islice(killers(valkey), 20), partial(wide, valkey)])
