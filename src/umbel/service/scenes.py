"""Scenes of lessons: a small program plays one with a plain Celery app of its own, and says what it sees.

The program is `umbel.demo.plain`. It is tied to this process by its standard input: when that closes, whatever closed
it, it ends with all that it started.
"""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections import OrderedDict
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from umbel.errors import Forbidden, WrongState
from umbel.service.models.lessons import Observation
from umbel.settings import Settings

KEPT: Final = 50
"""Scenes that are remembered."""
LONGEST: Final = 180.0
"""Seconds after which a scene is ended, whatever it does."""
BROKER_DB, RESULT_DB = 5, 6
"""Databases of the embedded Valkey that belong to scenes; each begins by emptying them."""


class Scene:
    """One time that a scene is played."""

    def __init__(self, lesson: str, step: str, run_id: str, program: list[str]) -> None:
        self.lesson, self.step, self.run_id = lesson, step, run_id
        self.seen: list[Observation] = []
        self.outcome: dict[str, Any] = {}
        self.error: str | None = None
        self.over = threading.Event()
        self._begun = time.monotonic()
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._timer = threading.Timer(LONGEST, self.end)
        self._timer.daemon = True
        self._timer.start()
        threading.Thread(target=self._follow, name=f"scene-{step}", daemon=True).start()

    @property
    def state(self) -> str:
        """`running`, `success` or `error`."""
        return "running" if not self.over.is_set() else "error" if self.error else "success"

    def end(self) -> None:
        """End it, if it still plays."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _follow(self) -> None:
        try:
            with self._process:  # its pipes are closed
                try:
                    self._read()
                finally:
                    self._timer.cancel()
                    self.end()
        except (ValueError, KeyError, TypeError) as error:  # a line that is none of its own: a library's warning
            self.error = f"The scene said what cannot be read: {error}"
        finally:
            self.over.set()  # whatever happened: nobody plays while one is not over

    def _read(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        complaints: list[str] = []
        reader = threading.Thread(target=lambda: complaints.extend(self._process.stderr or ()), daemon=True)
        reader.start()
        for line in self._process.stdout:
            said = json.loads(line)
            if "outcome" in said:
                self.outcome = said["outcome"]
            else:
                seconds = round(time.monotonic() - self._begun, 2)
                self.seen.append(Observation(seconds=seconds, who=said["who"], says=said["says"]))
        status = self._process.wait()
        reader.join(1)
        if status or not self.outcome:
            last = complaints[-1].strip() if complaints else f"it ended with status {status}"
            self.error = f"The scene could not be played to its end: {last}"


class Scenes:
    """The scenes of one server. Thread safe; one is played at a time, since they share two databases."""

    def __init__(self) -> None:
        self._scenes: OrderedDict[str, Scene] = OrderedDict()
        self._lock = threading.Lock()
        self._notes: OrderedDict[str, list[Observation]] = OrderedDict()

    def note(self, run_id: str, seen: Observation) -> None:
        """Remember what was done to a run."""
        with self._lock:
            self._notes.setdefault(run_id, []).append(seen)
            while len(self._notes) > KEPT:
                self._notes.popitem(last=False)

    def notes(self, run_id: str) -> list[Observation]:
        """What was done to a run."""
        return self._notes.get(run_id, [])[:]

    def play(self, settings: Settings, lesson: str, step: str, name: str, options: dict[str, Any]) -> Scene:
        """Begin a scene.

        Raises:
            Forbidden: the broker is not one on this machine, which alone may be played with.
            WrongState: another scene is being played.
        """
        broker = urlsplit(settings.broker_url)
        if broker.scheme != "redis" or broker.hostname not in ("127.0.0.1", "localhost"):
            raise Forbidden("Scenes are played only with the embedded Valkey.", hint="`umbel demo` has one.")
        run_id = str(uuid.uuid4())
        program = [sys.executable, "-P", "-m", "umbel.demo.plain", name, "--id", run_id]
        program += ["--broker", urlunsplit(broker._replace(path=f"/{BROKER_DB}"))]
        program += ["--results", urlunsplit(broker._replace(path=f"/{RESULT_DB}"))]
        program += ["--options", json.dumps(options)]
        with self._lock:
            if any(not each.over.is_set() for each in self._scenes.values()):
                raise WrongState("Another scene is being played.", hint="Wait until it has ended: a minute at most.")
            scene = self._scenes[run_id] = Scene(lesson, step, run_id, program)
            while len(self._scenes) > KEPT:
                self._scenes.popitem(last=False)
        return scene

    def get(self, run_id: str) -> Scene | None:
        """A scene by its id."""
        return self._scenes.get(run_id)

    def close(self) -> None:
        """End those that still play."""
        for scene in list(self._scenes.values()):
            if not scene.over.is_set():
                scene.end()
