"""The failure lab's hands: signals and disturbances for what this server's own stack has started, and nothing else.

A part is touched only if it is the process that stands in the roster (`umbel.stack.roster`), with its start time, and a
child of the supervisor that is this server's own parent too; a pool process only as a child of such a worker.
"""

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from umbel.errors import Forbidden, LabMissed, UmbelError
from umbel.service.lab import Headers, Ours
from umbel.stack import identity, messages, roster, thaw

_ANSWER_FIRST = 0.3  # seconds in which the server's answer is on its way before the server ends


class StackLab:
    """For one server process. Thread safe. Every method raises Forbidden where this server has no lab.

    Args:
        folder: where the stack keeps its roster (UMBEL_LAB).
        parent: the supervisor; for tests.
    """

    def __init__(self, folder: Path, parent: int | None = None) -> None:
        self._folder = folder
        self._parent = os.getppid() if parent is None else parent
        self._lock = threading.Lock()

    def processes(self) -> list[Ours]:
        """What it may touch, as it is now: parts, and the pool processes of the worker."""
        written = self._written()
        found: list[Ours] = []
        for part, wanted in written.parts.items():
            facts = identity.facts(int(wanted.partition(":")[0] or 0))
            if facts is None or facts.identity != wanted or facts.parent != self._parent:
                continue  # it has ended, or the number is another one's now, or it was never ours
            found.append(Ours(part, facts.pid, facts.identity, True, facts.stopped))
            if part == "worker":
                pool = identity.children(facts.pid)
                found += [Ours(part, each.pid, each.identity, False, each.stopped) for each in pool]
        return found

    @property
    def has_broker(self) -> bool:
        """Whether the broker is the embedded Valkey."""
        return bool(self._written().broker)

    @property
    def has_model(self) -> bool:
        """Whether the stack runs the model service."""
        return bool(self._written().model)

    def kill(self, process: Ours) -> None:
        """SIGKILL. The supervisor starts a part again, and does not hold this death against it.

        Raises:
            LabMissed: it is gone already.
        """
        self._see(process)
        if process.main:
            roster.want(self._folder, process.identity)
        self._send([process], signal.SIGKILL)

    def freeze(self, processes: Sequence[Ours], seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds, whatever becomes of this server.

        Raises:
            LabMissed: they are gone, or stand still already.
        """
        now = [self._see(each) for each in processes]
        if any(each.frozen for each in now):
            raise LabMissed(
                "It stands still already.", hint="It goes on by itself; `umbel lab thaw` lets it go on now."
            )
        thaw.after(seconds, [each.identity for each in now])
        self._send(now, signal.SIGSTOP)

    def thaw(self) -> list[int]:
        """SIGCONT for everything that stands still; the process ids."""
        frozen = [each for each in self.processes() if each.frozen]
        if frozen:
            self._send(frozen, signal.SIGCONT)
        return [each.pid for each in frozen]

    def pause_broker(self, seconds: float) -> None:
        """The embedded Valkey answers nobody for so many seconds. Raises LabMissed, BrokerUnavailable."""
        messages.pause(*self._broker(), seconds)

    def catch(
        self, queues: Sequence[str], wanted: Callable[[Headers], bool], *, copies: int, within: float
    ) -> Headers | None:
        """As `messages.catch`, in the embedded broker. Raises LabMissed, BrokerUnavailable."""
        return messages.catch(*self._broker(), queues, wanted, copies=copies, within=within)

    def trouble_model(self, *, delay: float, fail: int, seconds: float) -> None:
        """The model service answers each call `delay` seconds later, and fails the next `fail` calls, for a while.

        Raises:
            LabMissed: the stack has none, or it does not answer.
        """
        written = self._written()
        self._part("model")
        address = urlsplit(written.model)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
        body = json.dumps({"delay_seconds": delay, "fail_times": fail, "for_seconds": seconds})
        try:
            connection.request("POST", "/v1/trouble", body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise LabMissed(f"The model service does not answer: {error}") from error
        finally:
            connection.close()
        if status != 200:
            raise LabMissed(f"The model service answered {status}.")

    def restart_server(self) -> None:
        """End this server as at a stop, once it has answered; the supervisor starts it again."""
        server = self._part("server")
        if server.pid != os.getpid():
            raise Forbidden("This process is not the server that the stack has started.")
        roster.want(self._folder, server.identity)
        threading.Timer(_ANSWER_FIRST, os.kill, (server.pid, signal.SIGTERM)).start()

    def note(self, act: Mapping[str, Any]) -> None:
        """Keep an act (JSON) for `notes`, beyond the end of this server."""
        with self._lock, (self._folder / "acts.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(act) + "\n")

    def notes(self) -> list[dict[str, Any]]:
        """What was noted since the stack was started, oldest first."""
        self._written()
        try:
            lines = (self._folder / "acts.jsonl").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        return [json.loads(line) for line in lines]

    # -- inside

    def _written(self) -> roster.Written:
        written = roster.read(self._folder)
        if written is None:
            raise Forbidden("No stack has written down what it started.", hint="`umbel demo` has a failure lab.")
        if written.stack != identity.identity(self._parent):
            raise Forbidden(
                "The failure lab belongs to another stack than the one that started this server.",
                hint="UMBEL_LAB is set by `umbel demo`, for its own server only.",
            )
        return written

    def _part(self, name: str) -> Ours:
        found = next((each for each in self.processes() if each.main and each.part == name), None)
        if found is None:
            raise LabMissed(f"The stack runs no {name} now.")
        return found

    def _broker(self) -> tuple[str, int]:
        written = self._written()
        if not written.broker:
            raise LabMissed("The broker is not the embedded Valkey, and is left alone.")
        return written.broker, self._part("valkey").pid

    def _see(self, process: Ours) -> Ours:
        """The same process as it is now, if it is one of ours."""
        found = next((each for each in self.processes() if each.identity == process.identity), None)
        if found is None:
            raise LabMissed(f"Process {process.pid} is gone, or none of this stack's.")
        return found

    def _send(self, processes: Sequence[Ours], number: int) -> None:
        missed: UmbelError | None = None
        for each in processes:
            try:
                identity.send(each.identity, number)
            except ProcessLookupError:
                missed = LabMissed(f"Process {each.pid} has just ended.")
        if missed and len(processes) == 1:
            raise missed
