"""What an author writes, turned into frozen, validated values, with every mistake named by line, column, code and hint.

Owns: the definition language: YAML in, `Catalog` out; the table of problem codes; JSON Schemas of payloads.
May import: webhooks, errors, machine, settings.
Promises: reading never raises and never runs away; one bad definition leaves the others alone.
"""

from umbel.definition.check import check_tasks
from umbel.definition.load import load_catalog
from umbel.definition.model import (
    HOOKS,
    MAX_EDGES,
    RUN_IF,
    STEP_TASK,
    Block,
    Catalog,
    Concurrency,
    Definition,
    Problem,
    Retention,
    RetryPolicy,
    TaskStep,
    Webhook,
)
from umbel.definition.parse import parse
from umbel.definition.schedule import Schedule

__all__ = [
    "HOOKS",
    "MAX_EDGES",
    "RUN_IF",
    "STEP_TASK",
    "Block",
    "Catalog",
    "Concurrency",
    "Definition",
    "Problem",
    "Retention",
    "RetryPolicy",
    "Schedule",
    "TaskStep",
    "Webhook",
    "check_tasks",
    "load_catalog",
    "parse",
]
