"""The list form of `tasks`, a chain with groups, and what the mapping form shares with it."""

from typing import Final, Literal

from yaml.nodes import MappingNode, Node, SequenceNode

from umbel.definition.document import describe, mapping, text_of
from umbel.definition.model import Block, Step, TaskStep
from umbel.definition.problems import Report, shorten

MAX_NAME: Final = 200


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
    return Block("chain", name, read_steps(node, report, top=True), node.start_mark.line + report.line_offset + 1)


def read_steps(node: SequenceNode, report: Report, *, top: bool = False) -> tuple[Step, ...]:
    """The steps of a list, or of a block."""
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
    return Block(kind, name, read_steps(tasks, report), mark.line + report.line_offset + 1, mark.column + 1)


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
