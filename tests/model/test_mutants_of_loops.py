"""The model must notice when a script is broken: what the loops call, and what goes on later, [U-4], [U-6] to [U-8].

Each mutant has to be killed by walks of bounded length. UMBEL_TEST_MUTANT_WALKS=500 for the long form.
"""

import redis

from tests.model.killing import OF_LOOPS, WANDERINGS, check_is_noticed, killer, known_killers, mutants_of, wide
from tests.model.mutants import Mutant


@mutants_of(OF_LOOPS)
def test_a_broken_script_is_noticed(mutant: Mutant, valkey: "redis.Redis") -> None:
    check_is_noticed(mutant, valkey)


def test_the_killers_kill_nothing_that_is_sound(valkey: "redis.Redis") -> None:
    """Else every mutant would die of it. Moments are tests themselves."""
    walks = {name: WANDERINGS[name] for name in known_killers().values() if name in WANDERINGS}
    assert killer({**walks, "wide": wide}, valkey) is None
