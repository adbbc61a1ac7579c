"""How lengths of time are said."""

import pytest

from umbel.service.phrases import seconds


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-5, "0.0 s"),
        (1_234, "1.2 s"),
        (60_000, "1 min 0 s"),
        (266_400, "4 min 26 s"),
        (7_320_000, "2 h 2 min"),
        (180_000_000, "2 d 2 h"),
    ],
)
def test_a_length_of_time_is_said_in_two_units(ms: float, said: str) -> None:
    assert seconds(ms) == said
