"""Every canvas in `shapes.py` is run by Celery and by Umbel, on the same worker: both must come to the same.

And so must canvases by chance: 40 by default; UMBEL_TEST_CANVASES=4000 for more.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conformance.world import Outcome, World, a_key, load_shop, unkeyed, world

load_shop()

from tests.conformance.random_canvas import CANVASES, at_fault  # noqa: E402
from tests.conformance.shapes import FAULTS, KEYED, SHAPES  # noqa: E402

MANY = int(os.environ.get("UMBEL_TEST_CANVASES") or 0)
AT_ONCE = 8
"""Random canvases under way together: one alone would leave the worker idle most of the time."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("c")) as found:
        yield found


@pytest.fixture(scope="module")
def outcomes(both: World) -> dict[str, tuple[Outcome, Outcome]]:
    """Name -> what Celery and what Umbel made of it."""
    keys = {name: (a_key(), a_key()) for name in SHAPES}
    native = both.native({keys[name][0]: make(keys[name][0]) for name, make in SHAPES.items()})
    umbel = both.umbel({keys[name][1]: make(keys[name][1]) for name, make in SHAPES.items()})
    found = {}
    for name, (ours, theirs) in keys.items():
        if name in KEYED:
            native[ours].notes = both.written(ours)
            umbel[theirs].notes = both.notes(theirs, len(native[ours].notes))
        found[name] = unkeyed(native[ours], ours), unkeyed(umbel[theirs], theirs)
    print(f"\n{len(found)} canvases run by both, {len(KEYED)} of them with ids, callbacks or errbacks")
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_umbel_does_what_celery_does(outcomes: dict[str, tuple[Outcome, Outcome]], name: str) -> None:
    celery, umbel = outcomes[name]
    assert umbel == celery


@pytest.mark.parametrize("name", FAULTS)
def test_where_celery_is_at_fault_umbel_does_what_was_meant(both: World, name: str) -> None:
    make, meant = FAULTS[name]
    (outcome,) = both.umbel({name: make()}).values()
    assert outcome == (
        Outcome(error=(type(meant).__name__, str(meant))) if isinstance(meant, Exception) else Outcome(meant)
    )


def test_there_are_enough() -> None:
    assert len(SHAPES) >= 120, len(SHAPES)


@pytest.mark.timeout(0 if MANY else 300)
def test_random_canvases_come_to_the_same(both: World) -> None:
    compared = 0

    @settings(
        max_examples=max(MANY or 40, AT_ONCE) // AT_ONCE,
        derandomize=not MANY,  # the default run is the same every time, so that it fails for a reason only
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(st.lists(CANVASES.filter(lambda canvas: not at_fault(canvas)), min_size=AT_ONCE, max_size=AT_ONCE))
    def compare(canvases: list[Any]) -> None:
        nonlocal compared
        keyed = {a_key(): canvas for canvas in canvases}
        native = both.native({key: canvas.clone() for key, canvas in keyed.items()})
        umbel = both.umbel(keyed)
        for key, canvas in keyed.items():
            assert umbel[key] == native[key], repr(canvas)
        compared += len(keyed)

    compare()
    print(f"\n{compared} canvases by chance run by both")


def test_a_canvas_may_be_long(both: World) -> None:
    shop: Any = load_shop()
    from celery import chain, group

    steps = [
        each for _ in range(12) for each in (shop.double.s(), group(shop.double.s(), shop.double.s()), shop.total.s())
    ]
    (outcome,) = both.umbel({"long": chain(shop.add.s(1, 0), *steps)}).values()
    assert outcome == Outcome(8**12)
