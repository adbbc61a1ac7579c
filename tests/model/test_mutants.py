"""The model must notice when a script is broken: each mutant here has to be killed by walks of bounded length.

It breaks the scripts that promise [U-2] to [U-8], [U-10] and [U-11]. UMBEL_TEST_MUTANT_WALKS=500 for the long form.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

import pytest
import redis

from tests.model.mutants import CONTROL, MUTANTS, WIDE, Mutant
from tests.model.pair import Pair
from tests.model.telling import stories
from tests.model.test_epochs import test_many_kept_items_are_passed_over_in_portions as many_items
from tests.model.test_epochs import test_many_sub_runs_are_stopped_in_portions as many_runs
from tests.model.test_wide_plans import go_on, open_fan
from tests.model.walk import walk_alone
from umbel.engine.scripts import SCRIPTS
from umbel.errors import StateUnavailable

WALKS = int(os.environ.get("UMBEL_TEST_MUTANT_WALKS") or 60)
STEPS = 60


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
    for story in stories():
        yield partial(story, client)
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


@pytest.mark.parametrize("mutated", [*MUTANTS, *CONTROL], indirect=True, ids=named)
def test_a_broken_script_is_noticed(mutated: Mutant, valkey: "redis.Redis") -> None:
    assert is_killed(killers(valkey)), f"nobody noticed {mutated}"


@pytest.mark.parametrize("mutated", WIDE, indirect=True, ids=named)
def test_a_broken_wide_release_is_noticed(mutated: Mutant, valkey: "redis.Redis") -> None:
    assert is_killed(partial(each, valkey) for each in (wide, many_runs, many_items)), f"nobody noticed {mutated}"


def test_the_killers_kill_nothing_that_is_sound(valkey: "redis.Redis") -> None:
    """Else every mutant would die of it."""
    assert not is_killed([*islice(killers(valkey), 20), partial(wide, valkey)])
