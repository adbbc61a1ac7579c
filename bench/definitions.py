"""What reading a nasty definition file costs: seconds and memory, each file in a process of its own.

The promise is 250 ms and 64 MB for each: `python -m bench --only definitions`.
"""

import os
import resource
import struct
import sys
import time
from collections.abc import Callable

from tests.nasty import NASTY
from umbel.definition import parse
from umbel.plan import build_all

MOST_MS = 250.0
MOST_MB = 64.0
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def measure(text: str) -> tuple[float, float, int, int]:
    """Reads and plans a file: milliseconds of processor, megabytes on top, how many definitions and problems."""

    def read() -> tuple[float, float, int, int]:
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        _, catalog = build_all(parse(text))
        taken = (time.process_time() - began) * 1000
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _UNIT / 1e6
        return taken, grown, len(catalog.definitions), len(catalog.problems)

    return in_fork(read)


def in_fork(work: Callable[[], tuple[float, float, int, int]]) -> tuple[float, float, int, int]:
    """`work` in a child, so that its memory is its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(writing, struct.pack("ddii", *work()))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        found = stream.read()
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("reading a definition file failed")
    milliseconds, megabytes, definitions, problems = struct.unpack("ddii", found)
    return milliseconds, megabytes, definitions, problems


def definitions() -> None:
    """Prints a line for each file, the slowest first, and how many are beyond the promise."""
    parse("a.B: {tasks: [A], periodic: {interval: 5, timezone: Mars/Base}}")  # imports, and the list of time zones
    rows = []
    for name, (text, _) in NASTY.items():
        found = [measure(text) for _ in range(3)]
        rows.append((min(each[0] for each in found), max(each[1] for each in found), name, len(text), *found[0][2:]))
    rows.sort(reverse=True)
    print(f"\nnasty definition files (best of 3; promised are {MOST_MS:.0f} ms and {MOST_MB:.0f} MB)")
    print("       ms      MB   text kB  definitions  problems  file")
    for taken, grown, name, size, count, wrong in rows:
        beyond = "  BEYOND" if taken > MOST_MS or grown > MOST_MB else ""
        print(f"  {taken:7.1f} {grown:7.1f} {size / 1000:9.1f} {count:12} {wrong:9}  {name}{beyond}")
    slow = sum(row[0] > MOST_MS or row[1] > MOST_MB for row in rows)
    print(f"  {len(rows) - slow} of {len(rows)} within")
