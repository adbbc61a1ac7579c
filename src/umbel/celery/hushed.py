"""What this process itself says (its log, its terminal) without what the attempts that run in it have opened."""

import logging
from typing import Any

from umbel.secrets import Mask

_alive: dict[int, Mask] = {}
"""Those of the attempts that run in this process and have opened something."""


def begin(mask: Mask) -> None:
    """From now on nothing is said that this masks."""
    _alive[id(mask)] = mask


def end(mask: Mask) -> None:
    """Its attempt is over."""
    _alive.pop(id(mask), None)


def hush(text: str) -> str:
    """A text without what the attempts that run in this process have opened."""
    for mask in list(_alive.values()):
        text = mask.text(text)
    return text


def watch_logs() -> None:
    """From now on this holds for every log record, whoever writes it; once."""
    make = logging.getLogRecordFactory()
    if getattr(make, "hushed", False):
        return

    def hushed(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        return _hushed(record) if _alive else record

    hushed.hushed = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(hushed)


def _hushed(record: logging.LogRecord) -> logging.LogRecord:
    try:
        text = record.getMessage()
    except Exception:
        return record  # logging itself says what is wrong with it
    if (shown := hush(text)) != text:
        record.msg, record.args = shown, ()
    if record.exc_info and record.exc_info[0] is not None:
        text = logging.Formatter().formatException(record.exc_info)
        if (shown := hush(text)) != text:
            # What formatters print if there is no exception to format.
            record.exc_info, record.exc_text = None, shown
    return record
