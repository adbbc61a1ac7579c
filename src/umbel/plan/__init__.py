"""The plan of a run: a DAG of tasks with stable numbers and a content hash. Pure: no clock, no network.

Owns: how a definition becomes a DAG, the calling convention of its tasks, its pictures; what a canvas as text is.
May import: definition, errors.
Promises: equal definitions give equal plans and hashes on every machine; a plan never changes.
"""

from umbel.plan.build import build, build_all
from umbel.plan.model import Node, Plan, task_id

__all__ = ["Node", "Plan", "build", "build_all", "task_id"]
