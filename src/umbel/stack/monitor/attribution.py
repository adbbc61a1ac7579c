"""Whose is a command? By the ids in it, learned from the messages and scripts that named them first.

Pure: lines in, records out. A command that names no known id belongs to no run; a script's own commands belong to
whom the script does; MULTI and EXEC to whom what stands between them does; BRPOP to whose message it hands over.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from umbel.engine.scripts import SCRIPTS
from umbel.engine.trail import BEGIN
from umbel.machine import Verb
from umbel.stack.monitor import envelope
from umbel.stack.monitor.lines import LUA, Line

MOST_IDS: Final = 100_000
MOST_PLANS: Final = 1000
LONGEST: Final = 4096
"""Characters that are kept of an argument."""
LONGEST_ID: Final = 400
"""An argument longer than this is a value, in which no id is looked for."""

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RUN_KEY: Final = re.compile(rf"umbel:\{{\d+\}}:(?:run|results|items|work):({_ID.pattern})$")
_TRACE_KEY: Final = re.compile(r"umbel:\{\d+\}:traces?(?::|$)")
_ABOUT_CONNECTIONS: Final = frozenset(
    ("PING", "HELLO", "CLIENT", "SELECT", "INFO", "AUTH", "MONITOR", "TIME", "COMMAND", "CONFIG", "RESET", "QUIT")
)
_CALLS: Final = frozenset(("EVALSHA", "EVAL", "EVALSHA_RO", "EVAL_RO"))
_PUSHES: Final = frozenset(("LPUSH", "RPUSH"))
_BY_SHA: Final = {script.sha: script for script in SCRIPTS.values()}
_BY_TEXT: Final = {script.text: script for script in SCRIPTS.values()}
_CHORD_SCRIPTS: Final = {"6": "chord_part_return", "2": "chord_claim_extend", "5": "chord_cleanup"}
_FIRST_ARGUMENT: Final = 4  # EVALSHA sha 1 prefix …

Whose = tuple[str, str | None]
"""A run, and the task id within it if the command is about one task."""


@dataclass(slots=True)
class _Open:
    """A script that is running, or a transaction: shown for those runs which its commands turn out to belong to."""

    line: Line
    whose: Whose | None = None
    verb: str | None = None
    task: str | None = None
    shown: dict[str, str | None] = field(default_factory=dict)
    """The runs, each with the task that was spoken of first."""


class Attribution:
    """Takes the lines of one server in order, and says which records they make, of which runs."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, Whose] = OrderedDict()
        self._roots: OrderedDict[str, str] = OrderedDict()
        self._plans: OrderedDict[str, str] = OrderedDict()
        self._script: _Open | None = None
        self._transactions: dict[str, _Open] = {}
        self._queues: dict[tuple[int, str], deque[Whose | None]] = {}
        self._waiting: dict[str, Line] = {}

    def forget_state(self) -> None:
        """The server was started again, or the connection was lost: what is in its lists is not known any more."""
        self._script = None
        self._transactions.clear()
        self._queues.clear()
        self._waiting.clear()

    def take(self, line: Line) -> Iterator[tuple[str, dict[str, Any]]]:
        """The records of a line, each with its run."""
        if line.client == LUA:
            yield from self._inner(line)
            return
        self._script = None
        self._waiting.pop(line.client, None)
        name = line.name
        if name in _ABOUT_CONNECTIONS:
            return
        if len(line.words) > 1 and _TRACE_KEY.match(line.words[1]):
            self._hear(line)
        elif name == "MULTI":
            self._transactions[line.client] = _Open(line)
        elif name in ("EXEC", "DISCARD"):
            done = self._transactions.pop(line.client, None)
            for run, task in done.shown.items() if done else ():
                yield run, _record(line, task=task)
        elif name == "BRPOP":
            yield from self._brpop(line)
        elif name in _CALLS:
            yield from self._call(line)
        elif name in ("FLUSHDB", "FLUSHALL"):
            for place in [each for each in self._queues if name == "FLUSHALL" or each[0] == line.db]:
                del self._queues[place]
        else:
            yield from self._command(line)

    def _hear(self, line: Line) -> None:
        """A recorder says, before it sends the first message of a plain app, whose that will be."""
        for word in line.words:
            if word.startswith("{") and f'"k":"{BEGIN}"' in word:
                said = orjson.loads(word)
                run = line.words[1].rpartition(":trace:")[2]
                _keep(self._roots, str(said.get("root")), run, MOST_IDS)

    def _command(self, line: Line) -> Iterator[tuple[str, dict[str, Any]]]:
        whose = self._learned(line) or self._named(line.words[1:])
        if whose is not None:
            opened = self._transactions.get(line.client)
            if opened is not None and whose[0] not in opened.shown:
                opened.shown[whose[0]] = whose[1]
                yield whose[0], _record(opened.line, task=whose[1])
            yield whose[0], _record(line, task=whose[1])
        if line.name in _PUSHES:
            yield from self._pushed(line, whose)

    def _learned(self, line: Line) -> Whose | None:
        if line.name not in _PUSHES or len(line.words) < 3:
            return None
        message = envelope.read(line.words[2])
        if message is None:
            return None
        run = message.run or self._roots.get(message.root or "")
        if run is None:
            return None
        self._learn(message.task, (run, message.task))
        for each in message.ids:
            # The delivery's own id comes first; others may be tasks that have been seen, and keep their meaning.
            if each == message.ids[0] or each not in self._ids:
                self._learn(each, (run, message.task if each == message.ids[0] else None))
        return run, message.task

    def _learn(self, identity: str, whose: Whose) -> None:
        _keep(self._ids, identity, whose, MOST_IDS)

    def _named(self, words: tuple[str, ...]) -> Whose | None:
        """Whose the first id is that is known; with the first task of that run that is named, too."""
        found: Whose | None = None
        for word in words:
            if len(word) > LONGEST_ID:
                continue
            if found is None and (match := _RUN_KEY.match(word)):
                return match[1], None
            for identity in _ID.findall(word):
                whose = self._ids.get(identity)
                if whose is None or (found is not None and whose[0] != found[0]):
                    continue
                if whose[1] is not None:
                    return whose
                found = found or whose
        return found

    # --- queues: whose message does a waiting BRPOP get?

    def _pushed(self, line: Line, whose: Whose | None) -> Iterator[tuple[str, dict[str, Any]]]:
        key = line.words[1]
        queue = self._queues.setdefault((line.db, key), deque())
        for _ in line.words[2:]:
            if line.name == "LPUSH":
                queue.appendleft(whose)
            else:
                queue.append(whose)
        for client, waiting in self._waiting.items():  # who has waited longest gets it
            if waiting.db == line.db and key in waiting.words:
                del self._waiting[client]
                yield from self._handed(waiting, key, line.at)
                break

    def _brpop(self, line: Line) -> Iterator[tuple[str, dict[str, Any]]]:
        for key in line.words[1:-1]:
            if self._queues.get((line.db, key)):
                yield from self._handed(line, key, line.at)
                return
        self._waiting[line.client] = line

    def _handed(self, line: Line, key: str, at: int) -> Iterator[tuple[str, dict[str, Any]]]:
        queue = self._queues[line.db, key]
        whose = queue.pop()
        if not queue:
            del self._queues[line.db, key]
        if whose is not None:
            # It is answered now, when it may have been waiting for a while.
            yield whose[0], {**_record(line, task=whose[1]), "t": at + 1, "key": key, "since": line.at}

    # --- scripts

    def _call(self, line: Line) -> Iterator[tuple[str, dict[str, Any]]]:
        script = _BY_SHA.get(line.words[1]) if line.name.startswith("EVALSHA") else _BY_TEXT.get(line.words[1])
        if script is None:
            whose = self._named(line.words[2:])
            self._script = _Open(line, whose, _purpose(line), whose[1] if whose else None)
        else:
            given = dict(zip((name for name, _ in script.args), line.words[_FIRST_ARGUMENT:], strict=False))
            run = given.get("run")
            if script.verb is Verb.LAUNCH and run:
                _keep(self._plans, given.get("plan", ""), run, MOST_PLANS)
            elif script.verb is Verb.PLAN:
                run = self._plans.get(given.get("plan", ""))  # a launch has asked for it
            self._script = _Open(line, (run, None) if run else None, script.verb.value)
        if self._script.whose is not None:
            self._script.shown[self._script.whose[0]] = None
            yield self._script.whose[0], self._of_script(line)

    def _inner(self, line: Line) -> Iterator[tuple[str, dict[str, Any]]]:
        script = self._script
        if script is None:
            return
        named = self._named(line.words[1:])
        whose = script.whose or named
        if whose is None:
            return
        if whose[0] not in script.shown:
            script.shown[whose[0]] = None
            yield whose[0], self._of_script(script.line)
        task = named[1] if named is not None and named[0] == whose[0] and named[1] else script.task
        yield whose[0], {**_record(line, task=task), "s": script.verb, "caller": script.line.client}

    def _of_script(self, line: Line) -> dict[str, Any]:
        assert self._script is not None
        record = {**_record(line, task=self._script.task), "s": self._script.verb}
        if line.name.startswith("EVAL") and not line.name.startswith("EVALSHA"):
            record["a"] = [f"{line.words[1][:200]}…", *record["a"][1:]]
        return record


def _record(line: Line, *, task: str | None = None) -> dict[str, Any]:
    arguments = [word if len(word) <= LONGEST else f"{word[:LONGEST]}…" for word in line.words[1:]]
    record = {"k": "command", "t": line.at, "c": line.name, "a": arguments, "db": line.db, "cl": line.client}
    return {**record, "i": task} if task else record


def _purpose(line: Line) -> str:
    """What to call a script that is not ours. Celery's are about chords, each with another number of keys
    (`backends/redis.py`)."""
    if any(word.startswith("celery-taskset-meta-") for word in line.words[3:4]):
        return _CHORD_SCRIPTS.get(line.words[2], "script")
    return "script"


def _keep(kept: "OrderedDict[str, Any]", name: str, value: Any, most: int) -> None:
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > most:
        kept.popitem(last=False)
