"""Deterministic simulation: the engine's rules, the real loops and keeper, simulated workers, faults by seed.

Long form: `python -m tests.sim --seeds 20000 --report FILE`. A failing seed: `python -m tests.sim --seed N`.
Promises: [U-1] [U-2] [U-3] [U-4] [U-5] [U-6] [U-8] [U-9] [U-10] [U-11] [U-12].
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.sim.planted import hunt
from tests.sim.simulation import simulate

SEEDS = 50
TWICE = 10
"""Each of so many seeds is played a second time."""
REGRESSIONS = Path(__file__).with_name("regressions.txt")
MUST_FIRE = """
    body killed its process; broker away; child frozen; child killed under a body; fetched message lost; history away;
    killed after a commit; killed at a call; killed before a commit; lost answer to a commit; lost reply; lost request;
    message doubled; message late; message lost; no answer of the history; restore broken off; server frozen;
    server killed; state store away; state store emptied; state store older; worker frozen; worker killed
"""
MUST_BE_SEEN = """
    advance ok; ask ok; cancel ok; claim canceled; claim no_run; claim not_queued; claim ok; claim paused;
    client decide ok; client retry ok; client start connection lost; decide ok; drop ok; event run.restored;
    event task.fenced; event task.lost; expand ok; fail ok; forget ok; launch ok; lose ok; pause ok; redispatch_of ok;
    refused by a closed store; renew stale; restore ok; resume ok; retry ok; skip ok; spawn ok; stopped body;
    succeed canceled; succeed ok
"""


def listed(text: str) -> list[str]:
    return [" ".join(each.split()) for each in text.split(";")]


def test_seeds() -> None:
    """Nothing is broken, everything comes to its end, and every fault and answer occurs."""
    counts: Counter[str] = Counter()
    old = [int(line.split()[0]) for line in REGRESSIONS.read_text().splitlines() if line and line[0] != "#"]
    for seed in sorted({*range(SEEDS), *old}):
        result = simulate(seed)
        assert not result.problem, f"{result.problem}\npython -m tests.sim --seed {seed}"
        counts += result.counts
        if seed % TWICE == 0:
            assert simulate(seed).trace == result.trace, f"two plays of seed {seed} differ"
    wanted = [*(f"fault {fault}" for fault in listed(MUST_FIRE)), *listed(MUST_BE_SEEN)]
    assert [each for each in wanted if not counts[each]] == []


@pytest.mark.parametrize("bug", ["a finish needs no valid token", "a rebuilt run does again what is done"])
def test_planted_bugs_are_found(bug: str) -> None:
    """All of them: `python -m tests.sim --plants`."""
    assert hunt(bug) is not None
