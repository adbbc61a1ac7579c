"""Named places where a test lets a process die, fail, wait or lose an answer. Test equipment, off by default.

Owns: how a test arms a point, and what then happens there.
May import: nothing.
Promises: unless `UMBEL_FAILPOINTS` names a directory when the process starts, a point does nothing and costs one look
at a variable.

A file in that directory, named like the point, arms it in every process at once. Each line is what one hit does, and
is used up by it: `kill` (SIGKILL to the process), `kill-parent` (from a pool process, to its worker too), `raise`,
`sleep:SECONDS`, `drop-reply` (as if the answer to what has just been done were lost) or `pass` (nothing, so that a
later hit counts). The file is gone after its last line was used.
"""

import logging
import os
import signal
import time
import uuid
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

ENV: Final = "UMBEL_FAILPOINTS"


class FailpointError(RuntimeError):
    """What `raise` raises: an error that nobody foresees."""


def failpoint(name: str, lost: type[Exception] = FailpointError) -> None:
    """A place where a test may break the process. `lost` is what a caller gets who hears no answer (`drop-reply`)."""
    if _where is not None:
        _hit(_where, name, lost)


def _find() -> Path | None:
    named = os.environ.get(ENV)
    if not named or not Path(named).is_dir():
        return None
    log.warning("%s is set: this process can be broken by files in %s", ENV, named)
    return Path(named)


_where = _find()


def on() -> bool:
    """Whether points can be armed in this process."""
    return _where is not None


def _hit(where: Path, name: str, lost: type[Exception]) -> None:
    action, _, argument = _take(where, name).partition(":")
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "kill-parent":
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise FailpointError(f"failpoint {name}")
        case "drop-reply":
            raise lost(f"failpoint {name}: the answer is lost")
        case "sleep":
            time.sleep(float(argument))


def _take(where: Path, name: str) -> str:
    """The first line of the point's file, which one process gets, and nobody twice; empty: it is not armed."""
    file = where / name
    mine = where / f".{uuid.uuid4().hex}"
    try:
        file.rename(mine)
    except FileNotFoundError:
        return ""
    first, _, rest = mine.read_text(encoding="utf-8").partition("\n")
    if rest.strip():
        mine.write_text(rest, encoding="utf-8")
        mine.rename(file)
    else:
        mine.unlink()
    return first.strip()
