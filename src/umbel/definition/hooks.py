"""`hooks: {success: TASK, failure: TASK, webhook: URL}`: what runs, as in celery-director, and who is told, when a run
has ended."""

from yaml.nodes import MappingNode, Node

from umbel.definition.document import describe, mapping
from umbel.definition.model import HOOKS, TaskStep, Webhook
from umbel.definition.problems import Report, shorten
from umbel.definition.steps import call, read_task_name
from umbel.definition.webhook import read_webhook


def read_hooks(pair: tuple[Node, Node] | None, report: Report) -> tuple[dict[str, TaskStep], Webhook | None]:
    """The hook's name -> the call of its task; and the webhook, if there is one."""
    if pair is None:
        return {}, None
    node = pair[1]
    if not isinstance(node, MappingNode):
        message = (
            f"`hooks` is a mapping of success or failure to a task, or of webhook to a URL, found {describe(node)}"
        )
        report.add("bad-hooks", node.start_mark, message, "Write `hooks: {success: TASK, failure: TASK}`.")
        return {}, None
    found: dict[str, TaskStep] = {}
    webhook = None
    for word, (key, value) in mapping(node, report).items():
        if word == "webhook":
            webhook = read_webhook(value, report)
        elif word not in HOOKS:
            hint = report.nearest(word, (*HOOKS, "webhook"))
            message = f"{shorten(word)} below `hooks` has no effect"
            report.add("unknown-key", key.start_mark, message, hint, severity="warning")
        elif (task := read_task_name(value)) is not None:
            found[word] = call(task, value, report)
        else:
            message = f"the {word} hook is a task's name, found {describe(value)}"
            report.add("bad-hooks", value.start_mark, message)
    return found, webhook
