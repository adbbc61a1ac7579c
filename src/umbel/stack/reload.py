"""`umbel dev`: when a file of the project changes, the server and the worker start again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from umbel.definition import load_catalog
from umbel.errors import StackError
from umbel.plan import build_all
from umbel.stack.supervisor import Supervisor

_SUFFIXES = (".py", ".yml", ".yaml", ".json", ".env", ".toml")
_RESTARTED = ("worker", "server")


class _ProjectFiles(DefaultFilter):
    """What makes a project: code, definitions, schemas, settings; not what the stack itself writes."""

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(_SUFFIXES) and super().__call__(change, path)


@contextmanager
def reload_on_change(supervisor: Supervisor, project: Path, data: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Watch `project`, except the data folder, while the block runs."""
    ended = threading.Event()
    root = project.resolve()

    def follow() -> None:
        files = _ProjectFiles(ignore_paths=[data])
        for changes in watch(root, watch_filter=files, stop_event=ended, raise_interrupt=False, debounce=400):
            first, *others = sorted(Path(path).relative_to(root).as_posix() for _, path in changes)
            more = f" and {len(others)} more" if others else ""
            _restart(supervisor, root, f"{first}{more} changed", say)

    thread = threading.Thread(target=follow, name="reload", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        supervisor.stop()  # so that a restart under way ends now
        thread.join()


def say_problems(project: Path, say: Callable[[str], None]) -> None:
    """Say what is wrong with the project's definitions.

    Not of a `workflow` that is not there: tasks/ may make it with `umbel.define`, and is not imported here. The server
    does that, and says it.
    """
    _, catalog = build_all(load_catalog(project))
    for problem in catalog.problems:
        if problem.code != "unknown-workflow":
            say(str(problem))


def _restart(supervisor: Supervisor, root: Path, why: str, say: Callable[[str], None]) -> None:
    names = [name for name in _RESTARTED if name in supervisor.names]
    say(f"{why}; starting {' and '.join(names)} again")
    say_problems(root, say)
    for name in names:
        if supervisor.stopping:
            return
        supervisor.stop_part(name)
        try:
            supervisor.start_part(name)
        except StackError as error:
            if not supervisor.stopping:
                say(f"{error}; waiting for the next change")
        else:
            say(f"{name} is ready")
