"""The scripts do what the reference does, whatever comes: [U-1] to [U-8], [U-10], [U-11].

8,000 steps by default; UMBEL_TEST_MODEL_STEPS=2000000 for the long form.
"""

import os

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.pair import Pair
from tests.model.telling import stories
from tests.model.walk import WalkingMachine, walk_alone
from umbel.engine.scripts import SCRIPTS
from umbel.machine import Code

STEPS = int(os.environ.get("UMBEL_TEST_MODEL_STEPS") or 0)
PROFILE = settings(
    max_examples=STEPS // 200 or 40,
    stateful_step_count=50,
    derandomize=not STEPS,  # the default run is the same every time, so that it fails for a reason only
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(0 if STEPS else 300)
def test_scripts_and_reference_agree(valkey: "redis.Redis") -> None:
    """Every answer and every key, after every step; and every answer that a script declares was given."""

    class Machine(WalkingMachine):
        client = valkey

    Pair.seen.clear()
    Pair.told.clear()
    Pair.compared = 0
    for story in stories():
        story(valkey)
    run_state_machine_as_test(Machine, settings=PROFILE)
    seed = 0
    while Pair.compared < (STEPS or 8_000):
        walk_alone(valkey, seed, 100)
        seed += 1
    print(f"{Pair.compared:,} steps compared")
    declared = {(verb, Code(code)) for verb, script in SCRIPTS.items() for code, _ in script.returns}
    assert declared - set(Pair.seen) == set(), "never answered: the model does not reach it"
    assert set(Pair.seen) - declared == set(), "answered, but not declared in the header"
    events = {(verb, event) for verb, script in SCRIPTS.items() for event in script.events}
    told = set(Pair.told)
    assert told - events == set(), "told, but not declared in the header"
    assert events - told - ONLY_WIDE == set(), "never told: the model does not reach it"


ONLY_WIDE = {("advance", "run.canceled"), ("advance", "run.stopped")}
"""Only a run with too many others below it for one call tells these: test_epochs.py."""
