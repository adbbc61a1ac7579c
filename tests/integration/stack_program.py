"""A command that runs a stack, for tests that must signal or kill the supervisor itself.

Usage: stack_program.py DATA GRACE. Valkey is real; `pool` is a part that does not end on SIGTERM and has a
child, as a busy Celery worker does; it is given GRACE seconds. Prints `up` and a JSON line with every
process id once all are ready, then waits for something that never comes, as a command that follows a run may.
"""

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import umbel.stack.run as run
from umbel.errors import StackError
from umbel.stack.options import StackOptions
from umbel.stack.probes import log_line
from umbel.stack.process import Part

POOL = "trap 'echo asked' TERM; tail -f /dev/null & echo child $!; wait; tail -f /dev/null"


def with_pool(build: Callable[..., Any], grace: float) -> Callable[..., Any]:
    def build_more(*arguments: Any) -> Any:
        parts, urls = build(*arguments)
        pool = Part("pool", ("/bin/sh", "-c", POOL), ready=log_line(r"child \d+\n"), grace=grace)
        return [*parts, pool], urls

    return build_more


def main(data: Path, grace: float) -> int:
    data.mkdir(parents=True, exist_ok=True)
    run.build = with_pool(run.build, grace)
    options = StackOptions(project=data, data=data, start=frozenset())
    say = lambda line: print(line, flush=True)  # noqa: E731
    try:
        with run.run_stack(options, say, signals=True) as stack:
            child = int(stack.log_path("pool").read_text().split()[-1])
            guard = stack._supervisor.guard_pid
            pids = {**stack.pids, "child": child, "guard": guard, "broker": stack.urls.broker}
            say("up " + json.dumps(pids))
            threading.Event().wait()
    except run.Interrupted as interrupted:
        say(f"interrupted {interrupted.signum}")
        return 0
    except StackError as error:
        say(f"error {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
