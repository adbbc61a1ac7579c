"""A server and a worker that break at chosen points: in rounds, all shapes of runs at once, several points in each.

Every point by itself, in every way: `python -m tests.chaos.failpoints`.
"""

import pytest

from tests.chaos.failpoints import SHAPES, Case, Site, open_site

pytestmark = pytest.mark.chaos

# Those that kill a server or a worker's main process are few: each costs a start.
ROUNDS = (
    "claimed=kill before-promote=sleep:1 after-launch=drop-reply events-written=drop-reply child-gone=sleep:1",
    "body-done=kill after-claim=drop-reply before-sweep=raise before-forget=raise publishing=drop-reply",
    "recorded=kill-parent run-launched=kill stream-trimmed=raise after-expand=drop-reply taken-over=raise",
    "run-accepted=kill after-succeed=drop-reply before-succeed=raise after-promote=drop-reply lease-taken=raise",
    "after-commit=drop-reply before-commit=raise straight-on=kill after-retry=drop-reply before-beat=raise",
    "events-written=kill before-claim=kill after-cancel=drop-reply published=raise promoted=raise",
    "run-forgotten=kill after-succeed=kill before-launch=raise before-expand=drop-reply tick-written=raise",
    "events-read=raise before-retry=sleep:1 after-forget=drop-reply expand-portion=drop-reply after-beat=drop-reply",
)
FEW = 3
"""So many rounds are in `make test`."""
SELDOM = 2
"""So many points of a round may be missed: a process that dies at one of them may never come to another."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory):
    with open_site(tmp_path_factory.mktemp("points")) as site:
        yield site


@pytest.mark.parametrize(
    "points", [*ROUNDS[:FEW], *(pytest.param(points, marks=pytest.mark.long) for points in ROUNDS[FEW:])]
)
def test_every_run_ends_right_whatever_breaks(site: Site, points: str) -> None:
    """[U-1] [U-2] [U-9] [U-10]"""
    pairs = tuple((point, action) for point, _, action in (each.partition("=") for each in points.split()))
    hit = site.play(Case(pairs, SHAPES))
    assert len(pairs) - len(hit) <= SELDOM, f"only {hit} were hit"
