"""The JSON Schema of definition files: what an editor knows of them while they are written.

It cannot know what the parser knows (which needs exist, cycles, tasks, schemas); what it refuses, the parser refuses or
warns of. A test holds its keys to those that the parser reads.
"""

from typing import Any, Final

from umbel.definition.model import HOOKS, RUN_IF, WEBHOOK_EVENTS
from umbel.definition.webhook import HEADER_NAME, HEADER_VALUE, MAX_HEADERS
from umbel.webhooks.target import LONGEST

JsonSchema = dict[str, Any]


def editor_schema() -> JsonSchema:
    """The schema, as `docs/reference/workflows.schema.json` has it (JSON Schema draft 7: what editors understand)."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Umbel definitions",
        "description": "Workflows of Celery tasks: a mapping of project.NAME to a definition.",
        "type": "object",
        "minProperties": 1,
        "patternProperties": {NAME: _ref("definition")},
        "additionalProperties": False,
        "definitions": dict(_PARTS),
    }


def _ref(name: str) -> JsonSchema:
    return {"$ref": f"#/definitions/{name}"}


def _about(schema: JsonSchema, description: str) -> JsonSchema:
    """A schema with what it is for. Beside `$ref` nothing counts in draft 7, so that it is put into `allOf`."""
    return {"description": description, **({"allOf": [schema]} if "$ref" in schema else schema)}


def _object(properties: dict[str, JsonSchema], *required: str, **more: Any) -> JsonSchema:
    found: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return {**found, "required": list(required)} if required else found


def _one_of(*values: str) -> JsonSchema:
    return {"enum": list(values)}


NAME: Final = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
KEY: Final = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$"
_EXPRESSION: Final = "A text may hold `${CEL}`: `payload`, `tasks.KEY.result`, `item`."
_ANY: Final[JsonSchema] = {"type": "object"}
_MAYBE: Final[JsonSchema] = {"type": ["object", "null"]}
_PAUSE: Final = _ref("duration")

WEBHOOK: Final[dict[str, JsonSchema]] = {
    "url": _about(_ref("webhookUrl"), "Where the request goes."),
    "events": _about(
        {"anyOf": [_one_of(*WEBHOOK_EVENTS), {"type": "array", "items": _one_of(*WEBHOOK_EVENTS), "minItems": 1}]},
        "Only these ends of a run.",
    ),
    "headers": _about(
        {
            "type": "object",
            "maxProperties": MAX_HEADERS,
            "patternProperties": {f"^{HEADER_NAME}$": {"type": "string", "pattern": f"^{HEADER_VALUE}$"}},
            "additionalProperties": False,
        },
        "Further headers of the request. Who may read definitions sees them.",
    ),
}
"""The keys of a webhook."""

DEFINITION: Final[dict[str, JsonSchema]] = {
    "description": _about({"type": ["string", "number", "boolean", "null"]}, "What it is for."),
    "tasks": _about(
        {
            "anyOf": [
                _ref("taskName"),
                {"type": "array", "items": _ref("step"), "minItems": 1},
                {
                    "type": "object",
                    "minProperties": 1,
                    "patternProperties": {KEY: _ref("task")},
                    "additionalProperties": False,
                },
            ]
        },
        "What runs: a list (a chain with groups in it), or a mapping of keys to tasks with their `needs` (any DAG).",
    ),
    "schema": _about(
        {"anyOf": [{"type": "string", "minLength": 1}, _ANY]},
        "JSON Schema of the payload: the name of a file below schemas/ (without .json), or the schema itself.",
    ),
    "defaults": _about(_ANY, "Payload values that a run takes where it is given none."),
    "hooks": _about(
        _object(
            {
                **{name: _about(_ref("taskName"), f"Called on {name}.") for name in HOOKS},
                "webhook": _about(
                    {"anyOf": [_ref("webhookUrl"), _object(WEBHOOK, "url")]}, "Told of every end of a run, signed."
                ),
            }
        ),
        "Tasks that are called when a run has succeeded, or has failed; and who is told of its end.",
    ),
    "queue": _about(
        {
            "anyOf": [
                _ref("queueName"),
                _object(
                    {
                        "default": _about(_ref("queueName"), "Queue of all tasks that are not named."),
                        "customs": _about(
                            {"type": "object", "additionalProperties": _ref("queueName")}, "Queues by task name."
                        ),
                    }
                ),
            ]
        },
        "Queue of the tasks.",
    ),
    "periodic": _about(_ref("schedule"), "When runs start by themselves."),
    "schedule": _about(_ref("schedule"), "When runs start by themselves; the same as `periodic`."),
    "retention": _about(
        {
            "anyOf": [
                _PAUSE,
                _object(
                    {"offset": _about({"type": "integer", "minimum": -1}, "Newest runs to keep; -1: all.")}, "offset"
                ),
            ]
        },
        "How long finished runs stay in the history: a duration, or a number of runs.",
    ),
    "concurrency": _about(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                _object(
                    {
                        "limit": _about(
                            {"type": "integer", "minimum": 1, "maximum": 1_000_000}, "Most runs at a time."
                        ),
                        "key": _about(
                            {"type": ["string", "boolean"]}, "CEL over `payload`: the limit holds for each value of it."
                        ),
                        "on_limit": _about(
                            _one_of("queue", "skip", "cancel_oldest", "cancel_newest"), "What becomes of one more."
                        ),
                    },
                    "limit",
                ),
            ]
        },
        "How many runs of this definition there may be at a time.",
    ),
    "deadline": _about(_PAUSE, "How long a run may take, from its start; then it is stopped, as an error."),
    "engine": _about(_one_of("relay", "canvas"), "Who sequences the tasks: Umbel (`relay`), or Celery's own canvas."),
}
"""The keys of a definition."""

RETRY: Final[dict[str, JsonSchema]] = {
    "max_attempts": _about({"type": "integer", "minimum": 1, "maximum": 1000}, "Attempts in all, the first included."),
    "max_retries": _about({"type": "integer", "minimum": 0, "maximum": 999}, "Attempts after the first, as in Celery."),
    "backoff": _about(_one_of("constant", "linear", "exponential"), "How the pauses grow."),
    "initial": _about(_PAUSE, "The first pause."),
    "factor": _about({"type": "number", "minimum": 1, "maximum": 100}, "By how much each pause is longer."),
    "max_delay": _about(_PAUSE, "The longest pause."),
    "jitter": _about({"enum": ["none", "full", True, False, None]}, "`full`: a random part of each pause."),
    "max_elapsed": _about(_PAUSE, "So long after the first attempt began, no other begins."),
    "on": _about(_ref("names"), "Only after these exceptions."),
    "not_on": _about(_ref("names"), "Not after these exceptions."),
}
"""The keys below `retry`."""

_SECONDS: Final[JsonSchema] = {"type": "number", "minimum": 0}
CALL: Final[dict[str, JsonSchema]] = {
    "args": _about({"type": "array"}, "Positional arguments, behind the results of what it needs."),
    "kwargs": _about({"type": "object"}, "Keyword arguments."),
    "immutable": _about({"type": "boolean"}, "Called without the results of what it needs, as `.si()`."),
    "list": _about({"type": "boolean"}, "Takes a list of the one result, as a chord's body."),
    "countdown": _about(_SECONDS, "Seconds that it waits before it is sent."),
    "expires": _about(_SECONDS, "Seconds after which it is not begun any more."),
    "time_limit": _about(_SECONDS, "Seconds after which the worker kills it."),
    "soft_time_limit": _about(_SECONDS, "Seconds after which SoftTimeLimitExceeded is raised in it."),
}
"""The keys below `call`."""

TASK: Final[dict[str, JsonSchema]] = {
    "task": _about(_ref("taskName"), "Name of the Celery task to call."),
    "workflow": _about({"type": "string", "pattern": NAME}, "project.NAME of a definition to run in its place."),
    "type": _about(
        _one_of("approval", "group", "chain"),
        "`approval`: wait until somebody approves or rejects; `group`, `chain`: a block of `tasks`.",
    ),
    "tasks": _about({"type": "array", "items": _ref("step")}, "The tasks of a block."),
    "needs": _about(
        {"anyOf": [_ref("key"), {"type": "array", "items": _ref("key"), "uniqueItems": True}]},
        "Keys of the tasks that must have ended before.",
    ),
    "with": _about(_MAYBE, f"Exactly these keyword arguments. {_EXPRESSION}"),
    "call": _about(
        {"anyOf": [_object(CALL), {"type": "null"}]},
        "Called as a Celery signature: results of what it needs, then these arguments.",
    ),
    "payload": _about(_MAYBE, f"Payload of the run that `workflow` starts. {_EXPRESSION}"),
    "when": _about({"type": ["string", "boolean"]}, "CEL; the task is skipped if it is false."),
    "run_if": _about(
        _one_of(*RUN_IF), "How its needs must have ended: all well (the default), all, one badly, one well."
    ),
    "map": _about({"type": ["string", "array"]}, "A list, or `${CEL}` that gives one: runs once for each `item`."),
    "max_parallel": _about({"type": "integer", "minimum": 1, "maximum": 500}, "Items of `map` at a time."),
    "timeout": _about(_PAUSE, "How long an attempt may take; of an approval: until somebody decides."),
    "retry": _about(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 1000},
                _object(RETRY, oneOf=[{"required": ["max_attempts"]}, {"required": ["max_retries"]}]),
            ]
        },
        "What is done after the body has failed: the number of attempts, or more.",
    ),
    "queue": _about(_ref("queueName"), "Queue that it is sent to."),
    "priority": _about({"type": "integer", "minimum": 0, "maximum": 9}, "Priority of its messages."),
}
"""The keys of an entry of the mapping form."""

_EVERY: Final = ("needs", "run_if", "when", "queue", "priority")
TAKES: Final[dict[str, tuple[str, ...]]] = {
    "task": ("task", *_EVERY, "with", "call", "map", "max_parallel", "timeout", "retry"),
    "workflow": ("workflow", *_EVERY, "payload"),
    "approval": ("type", *_EVERY, "timeout"),
    "group": ("type", "tasks", "needs"),
    "chain": ("type", "tasks", "needs"),
}
"""Which of them go together."""


_ALONE: Final[JsonSchema] = {"not": {"anyOf": [{"required": ["with"]}, {"required": ["map"]}]}}


def _entry() -> JsonSchema:
    """What an entry is says `type`, or else whether it has `workflow`; each kind takes its own keys."""
    found: JsonSchema = {"not": {}}
    for kind in ("chain", "group", "approval"):
        has = {"properties": {"type": {"const": kind}}, "required": ["type"]}
        found = {
            "if": has,
            "then": _kind(kind, *(("type",) if kind == "approval" else ("type", "tasks"))),
            "else": found,
        }
    plain: JsonSchema = {
        "if": {"required": ["workflow"]},
        "then": _kind("workflow", "workflow"),
        "else": {**_kind("task", "task"), "dependencies": {"max_parallel": ["map"], "call": _ALONE}},
    }
    return {"type": "object", "properties": TASK, "if": {"required": ["type"]}, "then": found, "else": plain}


def _kind(kind: str, *required: str) -> JsonSchema:
    """The properties again, without their schemas: `additionalProperties` sees only those beside it."""
    return {"properties": dict.fromkeys(TAKES[kind], True), "additionalProperties": False, "required": list(required)}


_SCHEDULE: Final[dict[str, JsonSchema]] = {
    "crontab": _about({"type": "string"}, "Minute, hour, day of month, month, day of week."),
    "cron": _about({"type": "string"}, "The same as `crontab`."),
    "interval": _about(_PAUSE, "Between two starts."),
    "schedule": _about(
        {"type": ["string", "number"]},
        "celery-director's first form: seconds, or minute, hour, day of week, day of month, month.",
    ),
    "timezone": _about({"type": "string", "minLength": 1}, "IANA name; UTC if not given."),
    "catchup": _about({"enum": ["none", "last", "all", None]}, "Which missed starts are made up for."),
    "overlap": _about({"enum": ["allow", "skip", None]}, "Whether to start while a scheduled run is alive."),
    "payload": _about({"type": ["object", "null"]}, "Payload of the runs."),
}

_PARTS: Final[dict[str, JsonSchema]] = {
    "definition": _object(DEFINITION, "tasks", **{"not": {"required": ["periodic", "schedule"]}}),
    "taskName": {"type": "string", "minLength": 1, "maxLength": 200},
    "queueName": {"type": "string", "minLength": 1, "maxLength": 200},
    "webhookUrl": {"type": "string", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s@#\\]+$", "maxLength": LONGEST},
    "key": {"type": ["string", "number", "boolean"]},
    "names": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "duration": {
        "description": "90 (seconds), 90s, 1m30s, 12h, 30d or PT1M30S.",
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^\s*([Pp][0-9TtWwDdHhMmSs.]+|[0-9][0-9.WwDdHhMmSs]*)\s*$"},
        ],
    },
    "step": {"anyOf": [_ref("taskName"), _ref("named")]},
    "named": {
        "description": "NAME: {type: group, tasks: [...]}",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": _ref("block"),
    },
    "block": {
        "type": "object",
        "properties": {
            "type": _about(_one_of("group", "chain"), "Side by side, or (inside a group) one after another."),
            "tasks": {"type": "array", "items": _ref("step")},
        },
        "required": ["type", "tasks"],
    },
    "task": _entry(),
    "schedule": _object(
        _SCHEDULE, oneOf=[{"required": [word]} for word in ("crontab", "cron", "interval", "schedule")]
    ),
}
SCHEDULE_KEYS: Final = tuple(_SCHEDULE)
