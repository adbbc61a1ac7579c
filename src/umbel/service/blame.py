"""Which line of the author's own code a traceback blames."""

import re
from pathlib import Path
from typing import Final

_FRAME: Final = re.compile(r'^\s*File "([^"\n]+)", line (\d+)', re.MULTILINE)
_DEMO: Final = re.compile(r"[/\\]umbel[/\\]demo[/\\]project[/\\]")
_NOT_OWN: Final = re.compile(
    r"[/\\](?:site|dist)-packages[/\\]"
    r"|[/\\]lib(?:64)?[/\\]python3[.\d]*[/\\]"
    r"|[/\\]umbel[/\\](?:celery|engine|plan|definition)[/\\]\w+\.py$"
    r"|^<"
)


def file_line(traceback: str | None, home: Path | None = None) -> str | None:
    """`file:line` of the last frame that is the author's own: not of an installed package, the standard library, Celery
    or Umbel. Without such a frame, that of the last one; None without any.

    Args:
        traceback: as Python prints it; chained exceptions are read to their end, where the final one was raised.
        home: the project's folder; a path below it is given relative to it.
    """
    frames = _FRAME.findall(traceback or "")
    if not frames:
        return None
    own = [frame for frame in frames if _DEMO.search(frame[0]) or not _NOT_OWN.search(frame[0])]
    path, line = (own or frames)[-1]
    root = str(home.resolve()) + "/" if home is not None else ""
    return f"{path.removeprefix(root) if root else path}:{line}"
