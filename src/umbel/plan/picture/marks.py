"""What is special about a task, in the words that all pictures use."""

from typing import Literal

from umbel.plan.model import STEP_TASK, Node

Kind = Literal["task", "map", "workflow", "approval", "hook"]


def kind_of(node: Node) -> Kind:
    """Its shape in a picture."""
    if node.approval:
        return "approval"
    if node.workflow is not None:
        return "workflow"
    if node.map is not None:
        return "map"
    return "hook" if node.hook else "task"


def is_conditional(node: Node) -> bool:
    """Whether it may be skipped although all that it needs went well, or run although it did not."""
    return node.when is not None or node.run_if != "all_ok"


def marks(node: Node) -> list[str]:
    """`map`, `workflow demo.REPORT`, `approval`, `when`, `if any_failed`, `on failure`: each that applies."""
    found = []
    if node.map is not None:
        found.append("map")
    if node.workflow is not None:
        found.append(f"workflow {node.workflow.definition}")
    if node.approval:
        found.append("approval")
    if node.when is not None:
        found.append("when")
    if node.run_if != "all_ok":
        found.append(f"if {node.run_if}")
    if node.hook:
        found.append(f"on {node.hook}")
    return found


def calls(node: Node) -> str:
    """The Celery task that it calls, or nothing if its key says so already, or if it calls none."""
    return "" if node.label == node.task or node.task == STEP_TASK else node.task
