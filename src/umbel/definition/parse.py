"""YAML text -> Catalog: every definition that is right, and every problem of the rest."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from umbel.definition import steps
from umbel.definition.document import Budget, Refused, compose, describe, mapping, plain, text_of
from umbel.definition.garbage import uncollected
from umbel.definition.graph import read_graph
from umbel.definition.hooks import read_hooks
from umbel.definition.limits import read_concurrency, read_deadline, read_engine
from umbel.definition.model import Block, Catalog, Definition
from umbel.definition.periodic import read_retention, read_schedule
from umbel.definition.problems import Report, shorten
from umbel.definition.schema import check_schema, contradictions, load_schema, payload_errors
from umbel.definition.sealed import check_secrets, first_error
from umbel.errors import DefinitionError

# celery-director takes everything after the first dot as the name (recording `odd-workflow-files`, name-three-parts).
_NAME: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")
_KNOWN: Final = (
    *("tasks", "description", "schema", "defaults", "hooks", "queue", "periodic", "schedule", "retention"),
    *("concurrency", "deadline", "engine"),
)
_MAX_PARTS: Final = 500
_PART: Final = re.compile(r"^(?=[A-Za-z0-9_\"'])", re.MULTILINE)

Pair = tuple[Node, Node]


@uncollected()
def parse(text: str, *, file: str = "workflows.yml", home: Path | None = None) -> Catalog:
    """Read definitions from YAML.

    `file` is the name that problems give; `home` the folder whose schemas/ holds named schemas (None: there are none).
    Raises nothing: whatever is wrong is in the catalog's problems. A part that is not YAML costs only the definition it
    stands in, as long as the next definition begins in the first column.
    """
    report = Report(file)
    definitions: dict[str, Definition] = {}
    drafts: dict[str, Definition] = {}
    for offset, root in _roots(text, report):
        report.line_offset = offset
        if isinstance(root, MappingNode):
            _read_all(root, home, report, definitions, drafts)
        else:
            message = f"expected a mapping of project.NAME to a definition, found {describe(root)}"
            report.add("not-a-mapping", root.start_mark, message, _EXAMPLE)
    if not definitions and not drafts and not report.errors:
        report.add("no-definitions", None, "nothing is defined here", _EXAMPLE)
    refused = {name: each.source for name, each in drafts.items()}
    return Catalog(definitions, report.result(), refused, drafts)


_EXAMPLE: Final = "The smallest file is `demo.HELLO: {tasks: [SAY_HELLO]}`."


def _roots(text: str, report: Report) -> Iterator[tuple[int, Node]]:
    """The file's root node with line offset 0; or, if the whole cannot be read, the roots of the parts that can."""
    try:
        root = compose(text)
    except Refused as error:
        if error.code in ("alias-bomb", "too-deep"):  # which only the whole may be, if it is because of aliases
            report.add(error.code, error.where, error.message, error.hint)
        before = report.errors
        parts = list(_parts(text, report)) if error.where and error.code != "bad-character" else []
        if report.errors == before:  # no part shows the mistake more precisely
            report.line_offset = 0
            report.add(error.code, error.where, error.message, error.hint)
        yield from parts
    else:
        if root is not None:
            yield 0, root


def _parts(text: str, report: Report) -> Iterator[tuple[int, Node]]:
    starts = [match.start() for match in _PART.finditer(text)]
    if not 1 < len(starts) <= _MAX_PARTS:
        return
    budget = Budget()
    for start, end in pairwise([*starts, len(text)]):
        report.line_offset = offset = text.count("\n", 0, start)
        try:
            root = compose(text[start:end], budget)
        except Refused as error:
            report.add(error.code, error.where, error.message, error.hint)
        else:
            if isinstance(root, MappingNode):
                yield offset, root


def _read_all(
    root: MappingNode,
    home: Path | None,
    report: Report,
    definitions: dict[str, Definition],
    drafts: dict[str, Definition],
) -> None:
    # Not `mapping`: a definition written twice counts as the later one, with a warning (recording
    # `odd-workflow-files`, duplicate-workflow-key), where a repeated key elsewhere is an error.
    merges = [pair for pair in root.value if pair[0].value == "<<"]
    inherited = mapping(MappingNode(root.tag, merges), report).values() if merges else ()
    for key, node in [*inherited, *(pair for pair in root.value if pair[0].value != "<<")]:
        name = key.value if isinstance(key, ScalarNode) else None
        report.definition = (name or "")[:200]
        before = report.errors
        if name in definitions or name in drafts:
            message = f"{shorten(str(name))} is defined twice; this later one counts"
            report.add("duplicate-definition", key.start_mark, message, "Remove or rename one.", "warning")
        found = _read_one(key, node, home, report)
        if name is None or found is None:
            continue
        definitions.pop(name, None)
        drafts.pop(name, None)
        if report.errors == before:
            definitions[name] = found
        else:
            drafts[name] = found
    report.definition = ""


def _read_one(key: Node, node: Node, home: Path | None, report: Report) -> Definition | None:
    """The definition, perhaps incomplete (the caller looks at the report's errors); None if it is beyond listing."""
    name = _NAME.fullmatch(key.value) if isinstance(key, ScalarNode) and len(key.value) <= 200 else None
    if name is None:
        what = shorten(key.value) if isinstance(key, ScalarNode) else describe(key)
        hint = "Write project.NAME, for example demo.PIPELINE: letters, digits, _ and -; at most 200 characters."
        report.add("bad-name", key.start_mark, f"{what} is no name for a definition", hint)
        return None
    if not isinstance(node, MappingNode):
        message = f"a definition is a mapping that has `tasks`, found {describe(node)}"
        report.add("bad-definition", node.start_mark, message, f"Write {key.value}: {{tasks: [...]}}.")
        return None
    fields = mapping(node, report)
    source = plain(node, report)
    schema = _schema(fields.get("schema"), home, report)
    if schema is not None:
        source["schema"] = schema  # Director shows the schema itself (recording `definitions`)
    _unknown_keys(fields, report)
    default_queue, customs = _queue(fields.get("queue"), report)
    schedule = read_schedule(fields, report)
    defaults = _defaults(fields.get("defaults"), report)
    engine = read_engine(fields.get("engine"), report)
    check_secrets(schema, fields, source, engine, report)
    if schedule is not None and schema is not None:
        where = fields["periodic" if "periodic" in fields else "schedule"][0]
        _check_payload({**defaults, **schedule.payload}, schema, where, report)
    if defaults and schema is not None:
        _check_defaults(defaults, schema, fields["defaults"][0], report)
    body = _body(key, fields, report)
    hooks, webhook = read_hooks(fields.get("hooks"), report)
    return Definition(
        project=name.group(1),
        name=name.group(2),
        body=body,
        source=source,
        file=report.file,
        line=key.start_mark.line + report.line_offset + 1,
        schema=schema,
        description=_description(fields.get("description"), report),
        defaults=defaults,
        default_queue=default_queue,
        custom_queues=customs,
        hooks=hooks,
        webhook=webhook,
        schedule=schedule,
        retention=read_retention(fields.get("retention"), report),
        concurrency=read_concurrency(fields.get("concurrency"), report),
        deadline=read_deadline(fields.get("deadline"), body, report),
        engine=engine,
    )


def _unknown_keys(fields: Mapping[str, Pair], report: Report) -> None:
    """Keys that nobody reads: celery-director takes and shows them, so they are kept, and told of."""
    for word in fields.keys() - set(_KNOWN):
        hint = report.nearest(word, _KNOWN)
        message = f"{shorten(word)} of a definition has no effect"
        report.add("unknown-key", fields[word][0].start_mark, message, hint, severity="warning")


def _check_payload(payload: Mapping[str, Any], schema: Mapping[str, Any], where: Node, report: Report) -> None:
    # A warning: celery-director starts its periodic workflows without looking at the schema.
    try:
        errors = payload_errors(schema, payload)
    except DefinitionError:
        return  # told to whoever starts a run
    if errors:
        message = f"the payload of the schedule does not fit the schema: {first_error(errors, schema, payload)}"
        report.add("scheduled-payload", where.start_mark, message, "Mend `payload` or `schema`.", severity="warning")


def _check_defaults(defaults: Mapping[str, Any], schema: Mapping[str, Any], where: Node, report: Report) -> None:
    """Warn of defaults that are wrong by themselves; what else a payload needs, it may still bring."""
    try:
        errors = contradictions(schema, defaults)
    except DefinitionError:
        return
    if errors:
        message = f"`defaults` do not fit the schema: {first_error(errors, schema, defaults)}"
        report.add("unfit-defaults", where.start_mark, message, "Mend `defaults` or `schema`.", severity="warning")


def _body(key: Node, fields: Mapping[str, Pair], report: Report) -> Block:
    if "tasks" not in fields:
        hint = report.nearest("tasks", fields) or "Add `tasks`."
        report.add("bad-definition", key.start_mark, f"{key.value} has no `tasks`", hint)
        return Block("chain", key.value, ())
    node = fields["tasks"][1]
    before = report.errors
    if isinstance(node, MappingNode):
        body = read_graph(key.value, node, report)
    elif isinstance(node, SequenceNode):
        body = steps.read_list(key.value, node, report)
    elif (task := steps.read_task_name(node)) is not None:  # Director reads a text as the list of its letters
        body = Block("chain", key.value, (steps.call(task, node, report),))
    else:
        message = f"`tasks` is a list of steps or a mapping of tasks, found {describe(node)}"
        report.add("bad-tasks", node.start_mark, message)
        return Block("chain", key.value, ())
    if not any(body.tasks()) and report.errors == before:
        report.add("no-tasks", node.start_mark, f"{key.value} has no task to run", "Add a task, or remove it.")
    return body


def _queue(pair: Pair | None, report: Report) -> tuple[str | None, dict[str, str]]:
    if pair is None:
        return None, {}
    node = pair[1]
    if not isinstance(node, MappingNode):
        return steps.queue_name(node, report), {}
    fields = mapping(node, report)
    for word in fields.keys() - {"default", "customs"}:
        hint = report.nearest(word, ["default", "customs"])
        message = f"{shorten(word)} below `queue` has no effect"
        report.add("unknown-key", fields[word][0].start_mark, message, hint, severity="warning")
    default = steps.queue_name(fields["default"][1], report) if "default" in fields else None
    customs: dict[str, str] = {}
    node = fields["customs"][1] if "customs" in fields else MappingNode("", [])
    if not isinstance(node, MappingNode):
        message = f"`customs` is a mapping of task to queue, found {describe(node)}"
        report.add("bad-queue", node.start_mark, message)
        return default, {}
    for task, (_, value) in mapping(node, report).items():
        if name := steps.queue_name(value, report):
            customs[task] = name
    return default, customs


def _schema(pair: Pair | None, home: Path | None, report: Report) -> Mapping[str, Any] | None:
    if pair is None:
        return None
    node = pair[1]
    try:
        if isinstance(node, MappingNode):
            schema: Mapping[str, Any] = plain(node, report)
            check_schema(schema)
            return schema
        name = text_of(node)
        if not name:
            message = f"`schema` is the name of a file below schemas/ or a mapping, found {describe(node)}"
            report.add("bad-schema", node.start_mark, message)
        elif home is None:
            message = f"the schema {shorten(name)} cannot be looked up: there is no project folder here"
            report.add("schema-not-found", node.start_mark, message, "Write the schema inline.")
        else:
            return load_schema(home / "schemas", name)
    except FileNotFoundError:
        report.add("schema-not-found", node.start_mark, f"there is no schemas/{node.value}.json", "Create it.")
    except DefinitionError as error:
        report.add("bad-schema", node.start_mark, str(error))
    return None


def _description(pair: Pair | None, report: Report) -> str:
    if pair is None:
        return ""
    if not isinstance(pair[1], ScalarNode):
        report.add("bad-description", pair[1].start_mark, f"`description` is text, found {describe(pair[1])}")
        return ""
    return text_of(pair[1]) or ""


def _defaults(pair: Pair | None, report: Report) -> Mapping[str, Any]:
    if pair is None:
        return {}
    if not isinstance(pair[1], MappingNode):
        report.add("bad-defaults", pair[1].start_mark, f"`defaults` is a mapping, found {describe(pair[1])}")
        return {}
    found: Mapping[str, Any] = plain(pair[1], report) or {}
    return found
