"""The last lines of an attempt do not overtake those that are on their way already."""

import threading
from types import SimpleNamespace
from typing import Any

from umbel.celery.capture import Output
from umbel.celery.renew import Renewal
from umbel.engine.engine import Token


class SlowLog:
    """An engine whose first `log` waits until it may go on."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def log(self, token: Token, lines: list[tuple[int, str, str]]) -> None:
        if not self.begun.is_set():
            self.begun.set()
            assert self.may_go_on.wait(10)
        self.sent += [text for _, _, text in lines]


def test_lines_arrive_in_the_order_in_which_they_were_printed() -> None:
    engine: Any = SlowLog()
    renewal = Renewal(SimpleNamespace(engine=engine), kill=False)  # type: ignore[arg-type]
    output = Output(Token("r", 0, 1, 1), 1000)
    output.write("stdout", "first\n")
    beat = threading.Thread(target=renewal._flush, args=(engine, output))
    beat.start()
    assert engine.begun.wait(10)
    output.write("stdout", "last\n")
    end = threading.Thread(target=renewal.end, args=(output,))
    end.start()
    end.join(0.1)  # without the lock it is through by now
    engine.may_go_on.set()
    beat.join(10)
    end.join(10)
    assert engine.sent == ["first", "last"]
