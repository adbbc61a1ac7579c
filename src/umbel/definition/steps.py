"""What stands below `tasks`: the list form (a chain with groups) and the mapping form (any DAG)."""

import re
from typing import Final, Literal

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from umbel.definition.document import describe, is_nothing, mapping, text_of
from umbel.definition.model import Block, Step, TaskStep
from umbel.definition.problems import Report, shorten

MAX_NAME: Final = 200

_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_TASK_KEYS: Final = frozenset({"task", "needs", "queue"})
_LATER: Final = frozenset(
    {"with", "when", "run_if", "map", "max_parallel", "retry", "timeout", "priority", "workflow", "payload", "type"}
    | {"schema", "defaults", "concurrency", "deadline", "engine"}
)


def read_task_name(node: Node) -> str | None:
    """The name of a task, if the node can be one."""
    name = text_of(node)
    return name if name and len(name) <= MAX_NAME and name.isprintable() and name == name.strip() else None


def queue_name(node: Node, report: Report) -> str | None:
    """The name of a queue, or None and a problem."""
    name = read_task_name(node)
    if name is None:
        message = f"a queue's name is printable text, found {describe(node)}"
        hint = "Write `queue: NAME`, or {default: NAME, customs: {TASK: NAME}}."
        report.add("bad-queue", node.start_mark, message, hint)
    return name


def call(task: str, node: Node, report: Report) -> TaskStep:
    """A step of the list form."""
    return TaskStep(task, task, node.start_mark.line + report.line_offset + 1, node.start_mark.column + 1)


def read_list(name: str, node: SequenceNode, report: Report) -> Block:
    """Director's list: a chain whose blocks are groups.

    In this top list Director runs a block of any `type` as a group (recording `yaml-GROUP_OTHER_TYPE`), so
    `type: chain` means a chain only inside a group, where Director refuses it.
    """
    return Block("chain", name, _steps(node, report, top=True), node.start_mark.line + report.line_offset + 1)


def _steps(node: SequenceNode, report: Report, *, top: bool = False) -> tuple[Step, ...]:
    found: list[Step] = []
    for each in node.value:
        if isinstance(each, MappingNode):
            if block := _block(each, report, top):
                found.append(block)
        elif (task := read_task_name(each)) is not None:
            found.append(call(task, each, report))
        elif (text := text_of(each)) is not None:
            message = f"{shorten(text)} is no name for a task"
            report.add("bad-task-name", each.start_mark, message, f"Printable text of 1 to {MAX_NAME} characters.")
        elif isinstance(each, SequenceNode):
            hint = "For tasks side by side write NAME: {type: group, tasks: [...]}."
            report.add("bad-step", each.start_mark, "a step is a task's name or a block, found a list", hint)
        else:
            hint = "Put it in quotes if a task is called so." if each.value else "Remove the dash, or name a task."
            report.add("bad-step", each.start_mark, f"a step is a task's name, found {describe(each)}", hint)
    return tuple(found)


def _block(node: MappingNode, report: Report, top: bool) -> Block | None:
    entries = mapping(node, report)
    if len(entries) != 1:
        hint = "Begin each block with its own dash: `- NAME: {type: group, tasks: [...]}`."
        if "type" in entries or "tasks" in entries:
            hint = "Indent `type` and `tasks` deeper than the block's name."
        report.add("bad-step", node.start_mark, f"a block has one name, found {len(entries)}", hint)
        return None
    ((name, (key, inner)),) = entries.items()
    if not isinstance(inner, MappingNode):
        hint = f"Write {name}: {{type: group, tasks: [...]}}."
        message = f"the block {shorten(name)} is a mapping with `type` and `tasks`, found {describe(inner)}"
        report.add("bad-step", inner.start_mark, message, hint)
        return None
    fields = mapping(inner, report)
    kind = _kind(name, key, fields, report, top)
    if "tasks" not in fields:
        hint = report.nearest("tasks", fields) or "Add `tasks: [...]`."
        report.add("bad-step", key.start_mark, f"the block {shorten(name)} has no `tasks`", hint)
        return None
    tasks = fields["tasks"][1]
    if not isinstance(tasks, SequenceNode):
        message = f"the `tasks` of a block are a list, found {describe(tasks)}"
        report.add("bad-tasks", tasks.start_mark, message, "The mapping form stands only at the top.")
        return None
    mark = key.start_mark
    return Block(kind, name, _steps(tasks, report), mark.line + report.line_offset + 1, mark.column + 1)


def _kind(
    name: str, key: Node, fields: dict[str, tuple[Node, Node]], report: Report, top: bool
) -> Literal["chain", "group"]:
    if "type" not in fields:
        report.add("bad-block-type", key.start_mark, f"the block {shorten(name)} has no `type`", "Add `type: group`.")
        return "group"
    node = fields["type"][1]
    kind = text_of(node)
    if kind == "group":
        return "group"
    if kind == "chain":
        if not top:
            return "chain"
        message = f"the tasks of {shorten(name)} run side by side, although it says `type: chain`"
        hint = "celery-director does so. Write `type: group`, or put the tasks into the list without a block."
        report.add("chain-runs-as-group", node.start_mark, message, hint, severity="warning")
        return "group"
    message = f"the block {shorten(name)} has an unknown `type`: {describe(node)}"
    hint = (report.nearest(kind, ["group", "chain"]) if kind else "") or "Write `type: group`."
    report.add("bad-block-type", node.start_mark, message, hint)
    return "group"


def read_graph(name: str, node: MappingNode, report: Report) -> Block:
    """The mapping form: a group of tasks that say themselves what they need."""
    entries = mapping(node, report)
    marks: dict[str, tuple[int, int]] = {}
    found: dict[str, TaskStep] = {}
    for key, (key_node, value) in entries.items():
        marks[key] = (key_node.start_mark.line + report.line_offset + 1, key_node.start_mark.column + 1)
        if len(key) > MAX_NAME or not _KEY.fullmatch(key):
            hint = "Use letters, digits, _, - and dots."
            report.add("bad-task-key", key_node.start_mark, f"{shorten(key)} is no key for a task", hint)
        if not isinstance(value, MappingNode):
            message = f"the task {shorten(key)} is a mapping that has `task`, found {describe(value)}"
            report.add("bad-task", value.start_mark, message, f"Write {key}: {{task: NAME}}.")
            continue
        fields = mapping(value, report)
        _unknown_keys(key, fields, report)
        found[key] = TaskStep(
            key,
            _task(key, key_node, fields, report),
            *marks[key],
            needs=_needs(key, fields["needs"][1], entries, report) if "needs" in fields else (),
            queue=queue_name(fields["queue"][1], report) if "queue" in fields else None,
        )
    if cycle := find_cycle({key: step.needs or () for key, step in found.items()}):
        shown = cycle if len(cycle) <= 12 else [*cycle[:6], "…", *cycle[-5:]]
        message = "these tasks wait for each other: " + " -> ".join(shown)
        report.add("cycle", entries[cycle[0]][0].start_mark, message, "Remove one of these `needs`.")
    return Block("group", name, tuple(found.values()), node.start_mark.line + report.line_offset + 1)


def _unknown_keys(key: str, fields: dict[str, tuple[Node, Node]], report: Report) -> None:
    for word, (node, _) in fields.items():
        if word in _LATER:
            message = f"`{word}` of the task {shorten(key)} is not supported yet"
            report.add("not-supported-yet", node.start_mark, message, "Remove it; a later release will know it.")
        elif word not in _TASK_KEYS:
            message = f"{shorten(word)} of the task {shorten(key)} means nothing"
            hint = report.nearest(word, _TASK_KEYS | _LATER) or "A task has `task`, `needs` and `queue`."
            report.add("unknown-key", node.start_mark, message, hint)


def _task(key: str, key_node: Node, fields: dict[str, tuple[Node, Node]], report: Report) -> str:
    if "task" not in fields:
        if not fields.keys() & {"workflow", "type"}:  # reported as not supported yet
            message = f"the task {shorten(key)} does not say which Celery task to call"
            report.add("bad-task", key_node.start_mark, message, "Add `task: NAME`.")
        return key
    node = fields["task"][1]
    name = read_task_name(node)
    if name is None:
        message = f"`task` is the name of a Celery task, found {describe(node)}"
        report.add("bad-task-name", node.start_mark, message, f"Printable text of 1 to {MAX_NAME} characters.")
    return name or key


def _needs(key: str, node: Node, keys: dict[str, tuple[Node, Node]], report: Report) -> tuple[str, ...]:
    """The keys that a task needs, as written; only those that exist."""
    found: list[str] = []
    seen: set[str] = set()
    for each in node.value if isinstance(node, SequenceNode) else [node]:
        # `needs: [1, on]` names the keys `1` and `on`: `mapping` takes keys as they are written, too.
        need = each.value if isinstance(each, ScalarNode) and not is_nothing(each) else None
        if need is None:
            message = f"`needs` is a key or a list of keys, found {describe(each)}"
            report.add("bad-needs", each.start_mark, message)
        elif need in seen:
            report.add("bad-needs", each.start_mark, f"{shorten(key)} needs {shorten(need)} twice", "Once is enough.")
        elif need not in keys:
            hint = report.nearest(need, keys) or "`needs` names keys of `tasks`."
            message = f"{shorten(key)} needs {shorten(need)}, which is not there"
            report.add("unknown-need", each.start_mark, message, hint)
        else:
            seen.add(need)
            found.append(need)
    return tuple(found)


def find_cycle(needs: dict[str, tuple[str, ...]]) -> list[str]:
    """One circle of needs as a path that ends where it begins (`a` needs `b` needs `a`), or nothing. No recursion."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            key, leaving = stack.pop()
            if leaving:
                on_path.discard(path.pop())
                done.add(key)
            elif key in on_path:
                return [*path[path.index(key) :], key]
            elif key not in done:
                path.append(key)
                on_path.add(key)
                stack.append((key, True))
                stack.extend((need, False) for need in needs.get(key, ()))
    return []
