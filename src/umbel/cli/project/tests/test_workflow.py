"""The workflow in memory: no broker, no Redis, no worker, and no waiting for the pauses of retries."""

from pathlib import Path

import pytest

from umbel.errors import PayloadInvalid
from umbel.testing import run

PROJECT = Path(__file__).parents[1]
BOOK = {"name": "book", "price": 12.5}


def test_an_order_is_charged_and_shipped() -> None:
    done = run(PROJECT, "shop.ORDER", {"customer": "Ada", "items": [BOOK, BOOK]})
    assert done.status == "success"
    assert done.result == {"to": "Ada", "by": "post", "paid": 25.0, "boxes": 1}
    assert done.tasks["CHARGE"].attempts == 2
    assert done.tasks["CHARGE"].waits == (1.0,)


def test_an_order_of_nothing_is_refused() -> None:
    with pytest.raises(PayloadInvalid):
        run(PROJECT, "shop.ORDER", {"customer": "Ada", "items": []})
