"""Definitions against the tasks that are there."""

from collections.abc import Collection

from umbel.definition.model import Catalog, Problem
from umbel.definition.problems import Report, shorten


def check_tasks(catalog: Catalog, known: Collection[str]) -> Catalog:
    """Refuse the definitions that call a task whose name is not in `known`, naming the line and the nearest name."""
    names = frozenset(known)
    problems: list[Problem] = []
    guess = Report("")  # one budget for all guesses
    for fullname, definition in (*catalog.definitions.items(), *catalog.drafts.items()):
        report = Report(definition.file, fullname)
        reported: set[str] = set()
        for step in (*definition.body.tasks(), *definition.hooks.values()):
            if step.workflow or step.approval:
                continue  # every worker of ours has `umbel.step`
            if step.task == step.key and step.needs is not None and fullname in catalog.drafts:
                continue  # perhaps it says no task, which is reported
            if step.task not in names and step.task not in reported:
                reported.add(step.task)
                hint = guess.nearest(step.task, names) or "Is its module in tasks/ and free of import errors?"
                message = f"there is no task {shorten(step.task)}"
                report.add_at("unknown-task", step.line, step.column, message, hint)
        problems.extend(report.result())
    return catalog.refuse(problems) if problems else catalog
