"""The model service's calls, recorded for the X-ray of the runs whose tasks make them."""

import os
import re
import time
from typing import Any, Final

from umbel.engine.trail import Trail
from umbel.settings import get_settings

_BY_TASK: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(.+)", re.DOTALL)
"""The demo's tasks call under `RUN-TASK`."""


class Calls:
    """Where `UMBEL_XRAY` is off, it does nothing."""

    def __init__(self) -> None:
        self._trail: Trail | None = None
        if os.environ.get("UMBEL_XRAY", "off") != "off":
            self._trail = Trail(get_settings())
        self._who = f"model service {os.getpid()}"

    def asked(self, request_id: str, asked: dict[str, Any], count: int) -> float:
        """A call has come; the moment, for `answered`."""
        self._note(request_id, {"asked": asked, "count": count})
        return time.monotonic()

    def answered(self, request_id: str, status: int, answer: dict[str, Any], since: float) -> None:
        """It is answered."""
        self._note(request_id, {"answered": answer, "status": status, "seconds": time.monotonic() - since})

    def _note(self, request_id: str, about: dict[str, Any]) -> None:
        match = _BY_TASK.fullmatch(request_id) if self._trail is not None else None
        if match is not None and self._trail is not None:
            now = time.time_ns() // 1000
            self._trail.note(match[1], {"k": "call", "t": now, "w": self._who, "task": match[2], **about})
