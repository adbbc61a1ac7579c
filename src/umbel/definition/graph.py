"""The mapping form of `tasks`: any DAG, of tasks, sub-workflows, approvals and blocks, that say what they need."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from umbel.definition import expressions, values
from umbel.definition.calls import read_call
from umbel.definition.document import describe, is_nothing, mapping, text_of
from umbel.definition.keys import Keys
from umbel.definition.model import MAX_EDGES, RUN_IF, STEP_TASK, Block, Step, TaskStep
from umbel.definition.problems import Position, Report, shorten
from umbel.definition.steps import MAX_NAME, find_cycle, queue_name, read_steps, read_task_name

MAX_PARALLEL: Final = 500

Kind = Literal["task", "workflow", "approval", "group", "chain"]
Fields = Mapping[str, tuple[Node, Node]]

_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_EVERY: Final = ("needs", "run_if", "when", "queue", "priority")
_TAKES: Final[dict[str, tuple[str, ...]]] = {
    "task": ("task", *_EVERY, "with", "call", "map", "max_parallel", "timeout", "retry"),
    "workflow": ("workflow", *_EVERY, "payload"),
    "approval": ("type", *_EVERY, "timeout"),
    "group": ("type", "tasks", "needs"),
    "chain": ("type", "tasks", "needs"),
}
_ALL: Final = frozenset(word for words in _TAKES.values() for word in words)
_CALLED: Final = {
    "task": "a task",
    "workflow": "`workflow`",
    "approval": "`type: approval`",
    "group": "`type: group`",
    "chain": "`type: chain`",
}
_INSTEAD: Final = {
    ("workflow", "retry"): "Put `retry` on the tasks of that definition.",
    ("workflow", "timeout"): "Give that definition a `deadline`.",
    ("workflow", "with"): "A definition is started with a `payload`.",
    ("workflow", "map"): "Start one run for each item from a task, or map the tasks inside.",
    ("task", "payload"): "A task is called with what stands below `with`.",
    ("task", "tasks"): "A block of tasks needs `type: group` or `type: chain`.",
    ("approval", "with"): "The person who decides sees the results of what it needs.",
}
_BLOCK: Final = "Put it on a task of the mapping form; in a block only `needs` can be said."
_START: Final = "\0"  # in the needs of a task inside a block: whatever the block needs. No key holds it.


def read_graph(name: str, node: MappingNode, report: Report) -> Block:
    """The mapping form as a group of tasks, each with the keys that it needs.

    A block, `KEY: {type: chain, tasks: [A, B], needs: …}`, puts its tasks in its place: those that begin it need what
    it needs, and who needs it needs the tasks that end it.
    """
    reader = _Reader(mapping(node, report), report)
    return Block("group", name, reader.read(), node.start_mark.line + report.line_offset + 1)


class _Reader:
    def __init__(self, entries: Fields, report: Report) -> None:
        self.entries = entries
        self.report = report
        self.fields: dict[str, Fields] = {}
        self.kinds: dict[str, Kind] = {}
        self.inner: dict[str, list[TaskStep]] = {}
        self.ends: dict[str, tuple[str, ...]] = {}
        self._keys = Keys(*entries)

    def read(self) -> tuple[TaskStep, ...]:
        for key, (node, value) in self.entries.items():
            self._begin(key, node, value)
        needs = {
            key: self._needs(key, fields["needs"][1]) if "needs" in fields else ()
            for key, fields in self.fields.items()
        }
        if cycle := find_cycle(needs):
            shown = cycle if len(cycle) <= 12 else [*cycle[:6], "…", *cycle[-5:]]
            message = "these tasks wait for each other: " + " -> ".join(shown)
            self.report.add("cycle", self.entries[cycle[0]][0].start_mark, message, "Remove one of these `needs`.")
        found: list[TaskStep] = []
        edges = 0
        for key, before in needs.items():
            real = tuple(dict.fromkeys(end for need in before for end in self.ends.get(need, (need,))))
            inner = [_within(step, real) for step in self.inner.get(key, ())]
            edges += sum(len(step.needs or ()) for step in inner) if key in self.inner else len(real)
            if edges > MAX_EDGES:
                message = f"there are more than {MAX_EDGES:,} connections between tasks"
                hint = "Where many tasks wait for many others, put one task between them to join."
                self.report.add("plan-too-large", self.entries[key][0].start_mark, message, hint)
                break
            found += inner if key in self.inner else [self._step(key, real)]
        return tuple(found)

    def _begin(self, key: str, node: Node, value: Node) -> None:
        """Note what an entry is and, of a block, what is in it."""
        if len(key) > MAX_NAME or not _KEY.fullmatch(key):
            hint = "Use letters, digits, _, - and dots."
            self.report.add("bad-task-key", node.start_mark, f"{shorten(key)} is no key for a task", hint)
        if not isinstance(value, MappingNode):
            message = f"the task {shorten(key)} is a mapping that has `task`, found {describe(value)}"
            self.report.add("bad-task", value.start_mark, message, f"Write {key}: {{task: NAME}}.")
            return
        fields = self.fields[key] = mapping(value, self.report)
        kind = self.kinds[key] = self._kind(key, node, fields)
        for word, (where, _) in fields.items():
            if word not in _ALL:
                message = f"{shorten(word)} of the task {shorten(key)} means nothing"
                hint = self.report.nearest(word, _ALL) or f"{_CALLED[kind]} has {', '.join(_TAKES[kind])}."
                self.report.add("unknown-key", where.start_mark, message, hint)
            elif word not in _TAKES[kind] and word != "type":  # a wrong `type` is reported already
                hint = _INSTEAD.get((kind, word), _BLOCK if kind in ("group", "chain") else "Remove one of them.")
                message = f"`{word}` does not go with {_CALLED[kind]}"
                self.report.add("does-not-go-together", where.start_mark, message, hint)
        if kind in ("group", "chain"):
            self._read_block(key, kind, node, fields)

    def _kind(self, key: str, node: Node, fields: Fields) -> Kind:
        if "type" in fields:
            known: tuple[Kind, ...] = ("approval", "group", "chain")
            name = text_of(fields["type"][1])
            for kind in known:
                if name == kind:
                    return kind
            message = f"the task {shorten(key)} has an unknown `type`: {describe(fields['type'][1])}"
            hint = (self.report.nearest(name, known) if name else "") or "A plain task has `task` and no `type`."
            self.report.add("bad-block-type", fields["type"][1].start_mark, message, hint)
        elif "workflow" in fields:
            return "workflow"
        elif "task" not in fields:
            message = f"the task {shorten(key)} does not say which Celery task to call"
            self.report.add("bad-task", node.start_mark, message, "Add `task: NAME`.")
        return "task"

    def _read_block(self, key: str, kind: Literal["group", "chain"], node: Node, fields: Fields) -> None:
        steps: tuple[Step, ...] = ()
        before = self.report.errors
        if "tasks" not in fields:
            self.report.add(
                "bad-step", node.start_mark, f"the block {shorten(key)} has no `tasks`", "Add `tasks: [...]`."
            )
        elif not isinstance(tasks := fields["tasks"][1], SequenceNode):
            message = f"the `tasks` of a block are a list, found {describe(tasks)}"
            self.report.add("bad-tasks", tasks.start_mark, message, "The mapping form stands only at the top.")
        else:
            steps = read_steps(tasks, self.report)
        self.inner[key] = []
        self.ends[key] = self._place(Block(kind, key, steps), (_START,), self.inner[key])
        if not self.inner[key] and self.report.errors == before:
            self.report.add("no-tasks", node.start_mark, f"the block {shorten(key)} has no task", "Remove it.")

    def _place(self, block: Block, needs: tuple[str, ...], into: list[TaskStep]) -> tuple[str, ...]:
        """Add the tasks of a block that wait for `needs`; returns the keys that end it (`needs` if it is empty)."""
        ends: list[str] = []
        for step in block.steps:
            if isinstance(step, Block):
                found = self._place(step, needs, into)
                found = () if found == needs else found
            else:
                key = self._keys.take(step.key)
                into.append(TaskStep(key, step.task, step.line, step.column, needs=needs))
                found = (key,)
            if block.kind == "group":
                ends += found
            elif found:
                ends, needs = list(found), found
        return tuple(ends) or needs

    def _needs(self, key: str, node: Node) -> tuple[str, ...]:
        """The keys that a task needs, as written; only those that exist."""
        found: dict[str, None] = {}
        for each in node.value if isinstance(node, SequenceNode) else [node]:
            # `needs: [1, on]` names the keys `1` and `on`: `mapping` takes keys as they are written, too.
            need = each.value if isinstance(each, ScalarNode) and not is_nothing(each) else None
            if need is None:
                message = f"`needs` is a key or a list of keys, found {describe(each)}"
                self.report.add("bad-needs", each.start_mark, message)
            elif need in found:
                message = f"{shorten(key)} needs {shorten(need)} twice"
                self.report.add("bad-needs", each.start_mark, message, "Once is enough.")
            elif need not in self.entries:
                hint = self.report.nearest(need, self.entries) or "`needs` names keys of `tasks`."
                message = f"{shorten(key)} needs {shorten(need)}, which is not there"
                self.report.add("unknown-need", each.start_mark, message, hint)
            else:
                found[need] = None
        return tuple(found)

    def _step(self, key: str, needs: tuple[str, ...]) -> TaskStep:
        report, fields, kind = self.report, self.fields[key], self.kinds[key]
        mine = {word: pair[1] for word, pair in fields.items() if word in _TAKES[kind]}
        mark = self.entries[key][0].start_mark
        more: dict[str, Any] = {}
        task = STEP_TASK
        if kind == "task":
            task = self._task(key, mine)
        elif kind == "workflow":
            more["workflow"] = self._workflow(mine["workflow"])
        more["approval"] = kind == "approval"
        if "queue" in mine:
            more["queue"] = queue_name(mine["queue"], report)
        if "when" in mine:
            more["when"] = values.code("when", mine["when"], report)
        if "run_if" in mine:
            more["run_if"] = values.choice("run_if", mine["run_if"], RUN_IF, report) or "all_ok"
        if "map" in mine:
            more["map"] = self._map(mine["map"])
        elif "max_parallel" in mine:
            message = "`max_parallel` goes with `map`"
            report.add(
                "does-not-go-together", fields["max_parallel"][0].start_mark, message, "Add `map`, or remove it."
            )
        for word, target in (("with", "with_"), ("payload", "payload")):
            if word in mine:
                more[target] = self._template(word, mine[word], item="map" in mine)
        if "call" in mine:
            more["call"] = read_call(mine["call"], report)
            for word in ("with", "map"):
                if word in mine:
                    message = f"`call` does not go with `{word}`"
                    report.add("does-not-go-together", fields["call"][0].start_mark, message, "Remove one of them.")
        if "max_parallel" in mine:
            more["max_parallel"] = values.integer("max_parallel", mine["max_parallel"], 1, MAX_PARALLEL, report)
        if "timeout" in mine:
            more["timeout"] = values.duration("timeout", mine["timeout"], report)
        if "retry" in mine:
            more["retry"] = values.read_retry(mine["retry"], report)
        if "priority" in mine:
            more["priority"] = values.integer("priority", mine["priority"], 0, 9, report)
        step = TaskStep(key, task, mark.line + report.line_offset + 1, mark.column + 1, needs=needs, **more)
        self._check_references(step, mine)
        return step

    def _task(self, key: str, mine: Mapping[str, Node]) -> str:
        if "task" not in mine:  # reported
            return key
        name = read_task_name(mine["task"])
        if name is None:
            message = f"`task` is the name of a Celery task, found {describe(mine['task'])}"
            hint = f"Printable text of 1 to {MAX_NAME} characters."
            self.report.add("bad-task-name", mine["task"].start_mark, message, hint)
        return name or key

    def _workflow(self, node: Node) -> str | None:
        name = read_task_name(node)
        if name is None:
            message = f"`workflow` is the name of a definition, found {describe(node)}"
            self.report.add("unknown-workflow", node.start_mark, message, "For example: demo.REPORT.")
        return name

    def _map(self, node: Node) -> Any:
        if isinstance(node, SequenceNode):
            return values.template(node, self.report)
        if text_of(node) is None:
            message = f"`map` is an expression that gives a list, or a list, found {describe(node)}"
            self.report.add("bad-expression", node.start_mark, message, 'For example: "${payload.parts}".')
            return None
        code = values.code("map", node, self.report)
        return None if code is None else f"${{{code}}}"

    def _template(self, word: str, node: Node, item: bool) -> Any:
        if isinstance(node, MappingNode):
            return values.template(node, self.report, item=item)
        if not is_nothing(node):
            what = "of argument to value" if word == "with" else "of name to value"
            message = f"`{word}` is a mapping {what}, found {describe(node)}"
            self.report.add("bad-option", node.start_mark, message, f"Write {word}: {{name: value}}.")
        return {}

    def _check_references(self, step: TaskStep, mine: Mapping[str, Node]) -> None:
        """Every task that an expression names has to be among the needs: only then it has surely ended."""
        used = {
            "when": expressions.references(step.when) if step.when else frozenset(),
            "map": expressions.template_references(step.map),
            "with": expressions.template_references(step.with_),
            "payload": expressions.template_references(step.payload),
        }
        for word, keys in used.items():
            for key in sorted(keys - set(step.needs or ())):
                message = f"`{word}` uses tasks.{key}" if _plain(key) else f'`{word}` uses tasks["{key[:60]}"]'
                if key == step.key:
                    message, hint = f"{message}, which is this task itself", "It has no result before it has run."
                elif key in self.inner:
                    message, hint = (
                        f"{message}, which is a block",
                        f"Its last tasks are {', '.join(self.ends[key][:5])}.",
                    )
                elif key in self._keys:
                    message, hint = f"{message}, which it does not need", f"Add {key} to `needs`."
                else:
                    hint = self.report.nearest(key, self._keys) or "There is no such task."
                    message = f"{message}, which is not there"
                self.report.add("missing-need", _place(mine[word], key), message, hint)


def _place(node: Node, key: str) -> Position:
    """Where the first text below a node stands that names the task `key`; the node itself if none does."""
    stack = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, MappingNode):
            stack.extend(value for _, value in reversed(here.value))
        elif isinstance(here, SequenceNode):
            stack.extend(reversed(here.value))
        elif key in here.value and key in expressions.template_references(here.value):
            return cast("Position", here.start_mark)
    return cast("Position", node.start_mark)


def _within(step: TaskStep, outer: tuple[str, ...]) -> TaskStep:
    """A task of a block with the needs of the block in place."""
    if step.needs != (_START,):
        return step
    return TaskStep(step.key, step.task, step.line, step.column, needs=outer)


def _plain(key: str) -> bool:
    return len(key) <= 60 and key.isidentifier()
