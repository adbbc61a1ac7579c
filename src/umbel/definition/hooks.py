"""`hooks: {success: TASK, failure: TASK}`: what runs when a run has ended, as in celery-director."""

from yaml.nodes import MappingNode, Node

from umbel.definition.document import describe, mapping
from umbel.definition.model import HOOKS, TaskStep
from umbel.definition.problems import Report, shorten
from umbel.definition.steps import call, read_task_name


def read_hooks(pair: tuple[Node, Node] | None, report: Report) -> dict[str, TaskStep]:
    """The hook's name -> the call of its task."""
    if pair is None:
        return {}
    node = pair[1]
    if not isinstance(node, MappingNode):
        message = f"`hooks` is a mapping of success or failure to a task, found {describe(node)}"
        report.add("bad-hooks", node.start_mark, message, "Write `hooks: {success: TASK, failure: TASK}`.")
        return {}
    found: dict[str, TaskStep] = {}
    for word, (key, value) in mapping(node, report).items():
        if word not in HOOKS:
            hint = report.nearest(word, HOOKS)
            message = f"{shorten(word)} below `hooks` has no effect"
            report.add("unknown-key", key.start_mark, message, hint, severity="warning")
        elif (task := read_task_name(value)) is not None:
            found[word] = call(task, value, report)
        else:
            message = f"the {word} hook is a task's name, found {describe(value)}"
            report.add("bad-hooks", value.start_mark, message)
    return found
