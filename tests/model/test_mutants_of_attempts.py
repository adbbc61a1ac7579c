"""The model must notice when a script is broken: what a worker calls, [U-2] to [U-5], [U-10].

Each mutant has to be killed by walks of bounded length. UMBEL_TEST_MUTANT_WALKS=500 for the long form.
"""

import redis

from tests.model.killing import OF_ATTEMPTS, check_is_noticed, mutants_of
from tests.model.mutants import Mutant


@mutants_of(OF_ATTEMPTS)
def test_a_broken_script_is_noticed(mutant: Mutant, valkey: "redis.Redis") -> None:
    check_is_noticed(mutant, valkey)
