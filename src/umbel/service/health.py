"""The installation as the server sees it."""

import threading
import time
from typing import Final
from weakref import WeakKeyDictionary

from umbel.service.doctor import Site, checks, examine
from umbel.service.doctor.examine import TROUBLE, danger
from umbel.service.doctor.project import sealed
from umbel.service.models.health import Health
from umbel.service.umbel import Umbel

PATIENCE: Final = 3.0
"""Seconds that one check may take: less than who asks waits, such as `umbel doctor`."""
KEPT: Final = 5.0
"""Seconds for which an answer is given again: however many pages ask, the stores are asked once."""


class Checkup:
    """What was found last, for one server."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._found: Health | None = None
        self._at = 0.0

    def ask(self, umbel: Umbel) -> Health:
        """What is wrong; at most `KEPT` seconds old."""
        with self._turn:
            if self._found is None or time.monotonic() - self._at > KEPT:
                self._found, self._at = _look(umbel), time.monotonic()
            return self._found


_CHECKUPS: Final["WeakKeyDictionary[Umbel, Checkup]"] = WeakKeyDictionary()


def get_health(umbel: Umbel) -> Health:
    """What is wrong with the installation. Never raises."""
    return _CHECKUPS.setdefault(umbel, Checkup()).ask(umbel)


def _look(umbel: Umbel) -> Health:
    definitions = umbel.definitions
    site = Site(umbel.settings, definitions.plans, sealed(definitions.catalog.definitions))
    found = examine(checks(site), umbel.settings, patience=PATIENCE)
    trouble = umbel.publish.trouble
    if trouble is None:
        return found
    own = danger(
        "server-cannot-publish",
        f"the server could not publish for {umbel.publish.ago() / 1000:.0f} s: {trouble.why}",
        "Released tasks wait here until the broker takes messages.",
        "See that the broker runs and answers from the server's machine: UMBEL_BROKER_URL.",
        TROUBLE,
    )
    return found.model_copy(update={"ok": False, "findings": [own, *found.findings]})
