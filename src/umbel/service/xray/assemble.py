"""From what was recorded to what a reader sees: one record after the other, each with its task, phase and sentence."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

from umbel.engine.scripts import SCRIPTS
from umbel.secrets import MARK, SHOWN
from umbel.service.models.trace import KeyChange, Lane, TraceCommand, TraceMessage, TraceRecord
from umbel.service.xray import events, sentences
from umbel.service.xray.keys import CHORD, shown, whose
from umbel.service.xray.messages import EMPTY, brief, carried, whole
from umbel.service.xray.replay import Replay

LAUNCH, BARRIER, END = "launch", "barrier", "end"

_VERBS: Final = {script.verb.value: script for script in SCRIPTS.values()}
_FIRST_ARGUMENT: Final = 3  # of EVALSHA's: sha, 1, prefix, …
_SEALED: Final = re.compile(rf'(\\*"{re.escape(MARK)}\\*":\s*\\*")[^"\\]*')
_MEMBER: Final = re.compile(r"[0-9a-f-]{36}:(\d+)")
_DONE: Final = re.compile(r"(\d+):(?:done|bad)")
_SCRIPTS: Final = frozenset(("EVAL", "EVALSHA"))
_LAUNCHING: Final = frozenset(("launch", "plan"))


class Assembly:
    """Makes the records of one run, in order.

    Args:
        run: its id.
        key_of: the key of the task with an index; None for a run that is not Umbel's.
        needs: how many tasks the one with an index waits for.
    """

    def __init__(self, run: str, key_of: Callable[[int], str] | None, needs: Callable[[int], int]) -> None:
        self._run = run
        self._key_of = key_of
        self._needs = needs
        self._tasks: dict[str, str] = {}
        self._messages: dict[str, TraceMessage] = {}
        self._published: dict[str, int] = {}
        self._who: dict[str, str] = {}
        self._replay = Replay()
        self._lanes: dict[int, Lane] = {}
        self._script_task: str | None = None
        self._unknown: set[int] = set()
        self._delivered = False
        self._phase = LAUNCH
        self._records: list[TraceRecord] = []

    def assemble(self, raw: Iterable[Mapping[str, Any]], told: Sequence[events.Told]) -> list[TraceRecord]:
        """All records.

        Args:
            raw: what the trail holds, in any order.
            told: the run's events.
        """
        ordered = sorted(raw, key=lambda each: each["t"])
        for each in ordered:
            if each["k"] == "published":
                self._know(each)
            if each["k"] == "command" and each["a"] and each["db"] not in self._lanes and each["cl"] != "lua":
                self._lanes[each["db"]] = whose(str(each.get("key") or each["a"][0])).lane
            if (who := str(each.get("w", ""))) and each["k"] not in ("command", "call"):
                self._who[who.rpartition(" ")[2]] = who
        steps: list[tuple[int, Mapping[str, Any] | events.Told]] = [(each["t"], each) for each in ordered]
        self._look_ahead([each for each in ordered if each["k"] == "command"])
        written = {seq: each["t"] for each in ordered if (seq := self._event_written(each)) is not None}
        # An event without the command that wrote it comes at the end of its millisecond.
        steps += [(written.get(each.seq, each.at * 1000 + 999), each) for each in told]
        for at, step in sorted(steps, key=lambda each: each[0]):
            self._take(at, step, steps[0][0] if ordered else at)
        return self._records

    def _look_ahead(self, commands: Sequence[Mapping[str, Any]]) -> None:
        """Which calls of scripts came to nothing: the store did not know the script, so that no command follows."""
        nothing: Mapping[str, Any] = {}
        for each, after in zip_longest(commands, commands[1:], fillvalue=nothing):
            if each["c"] == "EVALSHA" and each["cl"] != "lua" and after.get("cl") != "lua":
                self._unknown.add(id(each))

    def _event_written(self, raw: Mapping[str, Any]) -> int | None:
        if raw.get("c") != "XADD" or raw.get("cl") != "lua":
            return None
        words = raw["a"]
        fields = dict(zip(words[2::2], words[3::2], strict=False))
        return int(fields["n"]) if fields.get("r") == self._run and fields.get("n", "").isdigit() else None

    def _take(self, at: int, step: Mapping[str, Any] | events.Told, start: int) -> None:
        number = len(self._records) + 1
        common: dict[str, Any] = {
            "n": number,
            "at": datetime.fromtimestamp(at / 1e6, UTC),
            "us": max(0, at - start),
        }
        if isinstance(step, events.Told):
            self._add(common, **self._event(step))
        elif step["k"] == "command":
            self._add(common, **self._command(step))
        elif step["k"] == "call":
            self._add(common, **self._call(step))
        else:
            self._add(common, **self._message(step, number))

    def _add(self, common: dict[str, Any], *, task: str | None, phase: str | None, **rest: Any) -> None:
        command = rest.get("command")
        taken = rest["kind"] == "delivered" or (command is not None and command.name == "BRPOP")
        self._delivered = self._delivered or taken
        if self._phase == END:
            phase = END
        elif not self._delivered:
            phase = LAUNCH
        else:
            phase = phase or task or self._phase
            if phase not in (BARRIER, LAUNCH):
                self._phase = phase
        self._records.append(TraceRecord.model_construct(**common, task=task, phase=phase, **_filled(rest)))

    # --- tasks and processes

    def _know(self, raw: Mapping[str, Any]) -> None:
        """The key of a message's task: by Umbel's mark, or else the task's name, numbered if there are several."""
        message = whole(raw)
        mark = message.headers.get("umbel")
        if isinstance(mark, dict) and self._key_of is not None and isinstance(mark.get("task"), int):
            key = self._key_of(mark["task"])
        elif (known := self._tasks.get(message.id)) is not None:
            key = known
        else:
            others = sum(1 for each in self._tasks.values() if each.partition("#")[0] == message.name)
            key = f"{message.name}#{others + 1}" if others else message.name
        self._tasks[message.id] = key
        self._messages[message.id] = message

    def _name(self, who: str) -> str:
        """A process as it has called itself, if it has; else as the monitor has named it."""
        return self._who.get(who.rpartition(" ")[2], who)

    # --- one method for each kind of record

    def _message(self, raw: Mapping[str, Any], number: int) -> dict[str, Any]:
        kind, who, identity = raw["k"], str(raw["w"]), str(raw.get("id"))
        task = self._tasks.get(identity)
        called, queue = task or identity, shown(str(raw.get("q") or "?"))
        source, target = _lane(who), "broker"
        known = self._messages.get(identity)
        if kind == "published":
            message = whole(raw)
            says = f"{who} sends the message of {called} to queue {queue}: {message.bytes:,} bytes."
            if raw.get("back"):
                says = f"{who} puts the message of {called} back into queue {queue}: nobody has acknowledged it."
            elif rest := carried(message.body):
                says += f" It carries {' and '.join(rest)}."
            elif message.body == EMPTY:
                says += " It names the task and carries nothing else."
            if retries := message.headers.get("retries"):
                says += f" It is retry {retries}, not to begin before {message.headers.get('eta')}."
            self._published[identity] = number
        else:
            message = brief(known, raw, self._published.get(identity))
            says = f"{who} acknowledges the message of {called}: it will not be delivered again."
            if kind == "delivered":
                source, target = "broker", "worker"
                says = f"{who} takes the message of {called} from queue {queue}{', again' if raw.get('again') else ''}."
            elif kind == "rejected":
                back = "it goes back into its queue" if raw.get("requeue") else "it is thrown away"
                says = f"{who} rejects the message of {called}: {back}."
        return {
            "kind": kind,
            "who": who,
            "source": source,
            "target": target,
            "task": task,
            "phase": None,
            "says": says,
            "message": message,
        }

    def _call(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        task, asked = raw.get("task"), raw.get("asked", {})
        if "answered" in raw:
            says = f"The model service answers {task} with status {raw['status']} after {raw['seconds']:.3f} s."
            source, target = "model", "worker"
        else:
            says = f"{task} asks the model service ({asked.get('task_type')}): call {raw['count']} of this task."
            source, target = "worker", "model"
        return {
            "kind": "call",
            "who": str(raw.get("w")),
            "source": source,
            "target": target,
            "task": task,
            "phase": None,
            "says": says,
            "call": {name: raw[name] for name in ("asked", "answered", "status", "seconds", "count") if name in raw},
        }

    def _event(self, told: events.Told) -> dict[str, Any]:
        task = self._key_of(told.index) if told.index is not None and self._key_of else None
        ends = told.type in events.ENDS
        found = {
            "kind": "event",
            "who": "engine",
            "source": "state",
            "target": "state",
            "task": task,
            "attempt": told.attempt,
            "phase": LAUNCH if told.type == events.LAUNCHED else END if ends else None,
            "says": events.says(told, task),
            "event": {"type": told.type, "seq": told.seq, "data": told.data},
        }
        if ends:
            self._phase = END
        return found

    def _command(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        name, arguments = raw["c"], [_SEALED.sub(rf"\g<1>{SHOWN}", each) for each in raw["a"]]
        who = self._name(str(raw["w"]))
        inner = raw["cl"] == "lua"
        if name in _SCRIPTS and not inner:
            return self._script_call(raw, name, arguments, who)
        verb = raw.get("s") if inner else None
        key = raw.get("key") or (arguments[0] if arguments else None)
        found = whose(key) if key is not None else None
        changes = [
            KeyChange.model_construct(key=each, type=kind, value=value, whose=whose(each).name)
            for each, kind, value in self._replay.apply(raw["db"], name, arguments, raw.get("key"))
        ]
        task = self._tasks.get(str(raw.get("i"))) or (self._script_task if inner else None)
        phase = BARRIER if (found is not None and found.name in CHORD) or str(verb).startswith("chord_") else None
        if verb in _LAUNCHING:
            phase = LAUNCH
        words = {
            "who": who,
            "task": task or "a task",
            "key": shown(key) if key else "",
            "in_script": f"In script {verb}: ",
            "actor": f"Script {verb}" if inner else who,
            **self._words(raw, arguments, changes),
        }
        says, means = sentences.of_command(name, arguments, found.name if found else None, words)
        if joined := self._join(found.name if found else "", raw["db"], name, arguments):
            says, means, phase = joined[0], joined[1], BARRIER
        lane: Lane = found.lane if found else self._lanes.get(raw["db"], "state")
        return {
            "kind": "command",
            "who": who,
            "source": lane if inner else _lane(who),
            "target": lane,
            "task": task,
            "phase": phase,
            "says": says,
            "command": TraceCommand.model_construct(
                name=name, args=arguments, db=raw["db"], client=raw["cl"], script=verb, means=means
            ),
            "keys": changes,
        }

    def _script_call(self, raw: Mapping[str, Any], name: str, arguments: list[str], who: str) -> dict[str, Any]:
        verb = str(raw.get("s") or "script")
        attempt, task = None, self._tasks.get(str(raw.get("i")))
        if (script := _VERBS.get(verb)) is not None:
            named = (each for each, _ in script.args)
            given = dict(zip(named, arguments[_FIRST_ARGUMENT:], strict=False))
            if self._key_of is not None and given.get("task", "").isdigit():
                task = self._key_of(int(given["task"]))
            attempt = int(given["attempt"]) if given.get("attempt", "").isdigit() else None
        self._script_task = task
        says, means = sentences.of_script(verb, who, task, text=name == "EVAL", unknown=id(raw) in self._unknown)
        return {
            "kind": "command",
            "who": who,
            "source": _lane(who),
            "target": "state",
            "task": task,
            "attempt": attempt,
            "phase": BARRIER if verb.startswith("chord_") else LAUNCH if verb in _LAUNCHING else None,
            "says": says,
            "command": TraceCommand.model_construct(
                name=name, args=arguments, db=raw["db"], client=raw["cl"], script=verb, means=means
            ),
        }

    def _words(self, raw: Mapping[str, Any], arguments: list[str], changes: list[KeyChange]) -> dict[str, str]:
        """What else the sentences speak of."""
        words: dict[str, str] = {}
        if "since" in raw:
            waited = (raw["t"] - raw["since"]) / 1e6
            words["waited"] = f", for which it had waited {waited:.3f} s" if waited > 0.0005 else ", which was there"
        if changes:
            value = changes[0].value
            words["count"] = str(len(value)) if isinstance(value, list | dict) else "0"
        if (member := next((each for each in map(_MEMBER.fullmatch, arguments[1:]) if each), None)) and self._key_of:
            words["member"] = self._key_of(int(member[1]))
        else:
            words["member"] = "it"
        if raw["c"] == "XADD" and "e" in arguments:
            words["event"] = arguments[arguments.index("e") + 1]
        if raw["c"] == "SET" and len(arguments) > 1:
            done = arguments[1] == "done"
            words["claimed"] = "the body was sent." if done else "this worker may send the body."
        return words

    def _join(self, name: str, db: int, command: str, arguments: list[str]) -> tuple[str, str] | None:
        """The relay's barrier: one more of the tasks that another one needs has ended."""
        if name != "run" or command != "HINCRBY" or self._key_of is None:
            return None
        field = _DONE.fullmatch(arguments[1])
        if field is None or (needed := self._needs(int(field[1]))) < 2:
            return None
        index = int(field[1])
        ended = sum(int(self._replay.field(db, arguments[0], f"{index}:{each}") or 0) for each in ("done", "bad"))
        return (
            f"In script succeed: {ended} of the {needed} tasks that {self._key_of(index)} needs have ended.",
            "The relay's barrier: a count within the run, raised by the same script that records the outcome.",
        )


def _lane(who: str) -> Lane:
    if who.startswith("model"):
        return "model"
    return "worker" if who.startswith(("worker", "pool child")) else "producer"


def _filled(rest: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"attempt": None, "message": None, "command": None, "keys": [], "event": None, "call": None}
    return {**empty, **rest}
