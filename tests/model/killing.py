"""What attacks a broken script, and how the tests find out whether anything notices.

`python -m tests.model.killing` writes killers.json anew: the cheapest attack that kills each mutant, which the tests
then try first. It is only an order: if it names none or the wrong one, all others follow, and the test takes longer.
"""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.model import test_epochs, test_wide_plans
from tests.model.mutants import CONTROL, MUTANTS, WIDE, Mutant
from tests.model.pair import Pair
from tests.model.telling import stories
from tests.model.test_wide_plans import go_on, open_fan
from tests.model.walk import walk_alone
from tests.valkey import running_valkey
from umbel.engine.scripts import SCRIPTS
from umbel.errors import StateUnavailable

WALKS = int(os.environ.get("UMBEL_TEST_MUTANT_WALKS") or 60)
STEPS = 60
KILLERS = Path(__file__).with_name("killers.json")

ALL = (*MUTANTS, *CONTROL, *WIDE)
OF_ATTEMPTS = frozenset({"claim", "renew", "succeed", "skip", "fail", "log", "ask"})
OF_RUNS = frozenset({"launch", "cancel", "pause", "resume", "decide", "restore", "forget", "drop", "spawn"})
OF_LOOPS = frozenset(mutant.verb for mutant in ALL) - OF_ATTEMPTS - OF_RUNS
"""And of attempts that do not end: three files of tests, so that three processes may share them."""

Attack = Callable[["redis.Redis"], None]


def wide(client: "redis.Redis") -> None:
    """A wide release, then a cancel; a wide block."""
    for how in ("succeed", "fail"):
        pair = Pair(client)
        open_fan(pair, how)
        pair.do("advance", 0, by="w1")
        if how == "fail":
            go_on(pair)
        pair.do("cancel", "r0", request="x")


MOMENTS: dict[str, Attack] = {story.__name__: story for story in stories()}
"""First the moments that walks seldom meet, since they are quick, ..."""
WANDERINGS: dict[str, Attack] = {f"walk {seed}": partial(walk_alone, seed=seed, steps=STEPS) for seed in range(WALKS)}
"""... then walks."""
BIG: dict[str, Attack] = {
    "wide": wide,
    **{
        test.__name__: test
        for test in (
            test_epochs.test_many_sub_runs_are_stopped_in_portions,
            test_epochs.test_many_kept_items_are_passed_over_in_portions,
            test_wide_plans.test_a_cancel_ends_a_wide_release,
            test_wide_plans.test_a_block_that_goes_on_below_a_wide_one,
            test_wide_plans.test_a_lost_run_leaves_no_work,
            test_wide_plans.test_many_roots,
        )
    },
}


def name(mutant: Mutant) -> str:
    return f"{mutant.verb}: {mutant.text.strip()}"


def known_killers() -> dict[str, str]:
    """Mutants' names -> attacks' names."""
    known: dict[str, str] = json.loads(KILLERS.read_text(encoding="utf-8"))
    return known


def attacks_on(mutant: Mutant) -> dict[str, Attack]:
    """All of them, the one that has killed it before first."""
    known = BIG if mutant in WIDE else MOMENTS | WANDERINGS
    first = known_killers().get(name(mutant))
    return ({first: known[first]} if first in known else {}) | known


@contextlib.contextmanager
def in_place(mutant: Mutant) -> Iterator[None]:
    """The mutant instead of its script."""
    verb, script = next((verb, script) for verb, script in SCRIPTS.items() if verb == mutant.verb)
    assert script.text.count(mutant.text) == 1, f"{mutant.text!r} is there {script.text.count(mutant.text)} times"
    SCRIPTS[verb] = replace(script, text=script.text.replace(mutant.text, mutant.instead))
    try:
        yield
    finally:
        SCRIPTS[verb] = script


def killer(attacks: Mapping[str, Attack], client: "redis.Redis") -> str | None:
    """The first that finds a difference, or for which the script does not run at all."""
    for told, attack in attacks.items():
        try:
            attack(client)
        except (AssertionError, StateUnavailable):
            return told
    return None


def mutants_of(verbs: frozenset[str]) -> "pytest.MarkDecorator":
    """Parametrizes a test with the mutants of these scripts."""
    some = [mutant for mutant in ALL if mutant.verb in verbs]
    return pytest.mark.parametrize("mutant", some, ids=lambda mutant: name(mutant)[:50])


def check_is_noticed(mutant: Mutant, client: "redis.Redis") -> None:
    """Fail unless something kills the mutant."""
    with in_place(mutant):
        assert killer(attacks_on(mutant), client), f"nobody noticed {mutant}"


def _by_cost(attacks: dict[str, Attack], client: "redis.Redis") -> dict[str, Attack]:
    costs: dict[str, float] = {}
    for told, attack in attacks.items():
        begun = time.process_time()
        attack(client)
        costs[told] = time.process_time() - begun
    return {told: attacks[told] for told in sorted(attacks, key=costs.__getitem__)}


def find_killers(client: "redis.Redis", mutants: Iterable[Mutant]) -> dict[str, str]:
    """The cheapest for each."""
    moments, big = (_by_cost(attacks, client) for attacks in (MOMENTS, BIG))
    found: dict[str, str] = {}
    for mutant in mutants:
        with in_place(mutant):
            best = killer(big if mutant in WIDE else moments | WANDERINGS, client)
        print(f"{name(mutant)[:70]!r}: {best}", flush=True)
        assert name(mutant) not in found, f"two mutants of the same text: {mutant}"
        if best:
            found[name(mutant)] = best
    return found


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        running_valkey(Path(folder)) as url,
        redis.Redis.from_url(url) as own,
    ):
        killers = find_killers(own, ALL)
    KILLERS.write_text(json.dumps(killers, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
