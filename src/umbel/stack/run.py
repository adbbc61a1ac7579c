"""`run_stack`: the stack as a context manager, for the CLI, the tests and the benchmark."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from umbel.errors import StackError
from umbel.stack import identity
from umbel.stack.folder import hold
from umbel.stack.monitor import watching
from umbel.stack.options import StackOptions
from umbel.stack.parts import Urls, build, xray_of
from umbel.stack.reload import reload_on_change, say_problems
from umbel.stack.roster import Roster, Watch
from umbel.stack.supervisor import Supervisor


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP came; `signum` says which."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Stack:
    """A running stack: where its parts are, and how to disturb them. Parts: valkey, model, server, worker."""

    def __init__(self, supervisor: Supervisor, urls: Urls, data: Path) -> None:
        self._supervisor = supervisor
        self.urls = urls
        self.data = data

    @property
    def pids(self) -> dict[str, int]:
        """Process id of each part that is up."""
        pids = {name: self._supervisor.pid(name) for name in self._supervisor.names}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def log_path(self, name: str) -> Path:
        """The file with a part's output."""
        return self._supervisor.log_path(name)

    def set_restart(self, name: str, restart: bool) -> None:
        """Whether the part is started again when it dies."""
        self._supervisor.set_restart(name, restart)

    def kill(self, name: str, signum: int = signal.SIGKILL) -> None:
        """Send a signal to the part's own process, not to its children.

        If it dies, what is left of its children is killed, and it is started again unless `set_restart` says no.

        Raises:
            StackError: it is not running.
        """
        self._supervisor.signal(name, signum)

    def stop(self, name: str) -> None:
        """Stop one part as at the end of the stack, and leave it down."""
        self._supervisor.stop_part(name)

    def start(self, name: str) -> None:
        """Start a part that is down; returns when it is ready.

        Raises:
            StackError: it died or was not ready in time.
        """
        self._supervisor.start_part(name)

    def check(self) -> None:
        """Raise what ended the stack, if something did.

        Raises:
            StackError: a part kept dying.
        """
        if self._supervisor.failure:
            raise self._supervisor.failure

    def wait(self, timeout: float | None = None) -> bool:
        """Serve until the stack ends (True) or `timeout` seconds have passed (False).

        Raises:
            StackError: a part kept dying.
            Interrupted: a signal came (only with `signals=True`).
        """
        ended = self._supervisor.wait(timeout)
        self.check()
        return ended


@contextmanager
def run_stack(options: StackOptions, say: Callable[[str], None] = print, *, signals: bool = False) -> Iterator[Stack]:
    """Start a stack, and end it with the block. Nothing is left behind, whatever ends the block.

    Args:
        say: gets the lines for a person; the last two of the start are `server: URL` and `model service:
        URL`. signals: for a command: turn SIGINT, SIGTERM and SIGHUP into `Interrupted` in the main thread,
        where it also
            arrives when a part keeps dying; the second signal ends the parts at once. Main thread only.

    Raises:
        StackError: something cannot be started, or a part kept dying.
        Interrupted: a signal came (only with `signals=True`).
    """
    with ExitStack() as ending:
        # First of all: the data folder may be below it, and must not make it.
        if not options.project.is_dir():
            raise StackError(f"there is no folder {options.project}", hint="Name the folder that holds workflows.yml.")
        data = options.data.absolute()
        lock = ending.enter_context(hold(data))
        parts, urls = build(options, data, lock)
        supervisor = Supervisor(parts, data / "logs", say, _watch(options, urls, data))
        if urls.embedded and xray_of(options) == "commands":
            ending.enter_context(watching(urls.embedded, urls.state))
        if signals:
            ending.enter_context(_signals(supervisor))
        ending.callback(supervisor.stop)
        try:
            supervisor.start()
            if options.reload:
                say_problems(options.project, say)
                ending.enter_context(reload_on_change(supervisor, options.project, data, say))
            if "server" in options.start:
                say(f"server: {urls.server}")
            if urls.model:
                say(f"model service: {urls.model}")
            yield Stack(supervisor, urls, data)
        except BaseException as error:
            # Whatever the block ran into, a dead part is the cause.
            if supervisor.failure and error is not supervisor.failure:
                raise supervisor.failure from error
            raise
        if supervisor.failure:
            raise supervisor.failure


def _watch(options: StackOptions, urls: Urls, data: Path) -> Watch | None:
    """Writes down for the failure lab what is started."""
    if not options.lab or not identity.available():
        return None
    return Roster(data / "lab", broker="" if options.broker_url else urls.broker, model=urls.model or "")


@contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    raised = False

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal raised
        if raised or (supervisor.stopping and not supervisor.failure):
            supervisor.kill_all()  # someone is in a hurry
            return
        raised = True
        raise Interrupted(signum)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    main = threading.main_thread().ident
    assert main is not None
    supervisor.on_failure = lambda: signal.pthread_kill(main, signal.SIGTERM)
    for number, handler in before.items():
        # nohup means that a hang-up is ignored. A shell also lets the background jobs of a script ignore SIGINT, but
        # whoever sends it means it.
        if handler is not signal.SIG_IGN or number != signal.SIGHUP:
            signal.signal(number, handle)
    try:
        yield
    finally:
        supervisor.on_failure = lambda: None
        for number, handler in before.items():
            signal.signal(number, handler)
