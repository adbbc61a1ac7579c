"""Definitions that start runs of others: which must be built first, which start each other in a circle."""

from collections.abc import Collection, Iterator, Mapping

from umbel.definition.model import Catalog, Definition, Problem, TaskStep
from umbel.definition.problems import Report, shorten
from umbel.definition.steps import find_cycle


def started(definition: Definition) -> dict[str, TaskStep]:
    """The definitions that a definition starts, with the first step that does."""
    found: dict[str, TaskStep] = {}
    for step in definition.body.tasks():
        if step.workflow:
            found.setdefault(step.workflow, step)
    return found


Starts = Mapping[str, Mapping[str, TaskStep]]
"""Definition -> what it starts."""


def find_circles(catalog: Catalog, all_starts: Starts) -> dict[str, Problem]:
    """Definition -> what is wrong with it, for one in each circle of definitions that start each other."""
    starts = {name: tuple(each) for name, each in all_starts.items() if each}
    found: dict[str, Problem] = {}
    while cycle := find_cycle(starts):
        name = cycle[0]
        definition = catalog.definitions[name]
        step = all_starts[name][cycle[1]]
        shown = cycle if len(cycle) <= 12 else [*cycle[:6], "…", *cycle[-5:]]
        message = "these definitions start each other without end: " + " -> ".join(shown)
        where = (definition.file, step.line, step.column)
        found[name] = Problem(*where, "workflow-cycle", message, "Remove one of these `workflow`.", name)
        starts = {key: each for key, each in starts.items() if key != name}
        if len(found) >= 100:  # the rest of so many is refused one by one, as what starts something that cannot be used
            break
    return found


def in_order(starts: Starts, without: Collection[str]) -> Iterator[str]:
    """The names of all definitions but some, each after those that it starts; without recursion."""
    done: set[str] = set(without)
    for first in starts:
        stack = [(first, False)]
        open_: set[str] = set()
        while stack:
            name, leaving = stack.pop()
            if name in done or name not in starts:
                continue
            if leaving:
                done.add(name)
                yield name
            elif name not in open_:
                open_.add(name)
                stack.append((name, True))
                stack.extend((each, False) for each in starts[name])


def unknown_workflows(
    definition: Definition, starts: Mapping[str, TaskStep], catalog: Catalog, usable: Collection[str]
) -> list[Problem]:
    """What a definition starts although it is not among `usable`."""
    report = Report(definition.file, definition.fullname)
    for name, step in starts.items():
        if name in usable:
            continue
        if name in catalog.refused or name in catalog.definitions:
            message = f"{step.key} starts {shorten(name)}, which cannot be used itself"
            hint = "Mend that definition first."
        else:
            message = f"{step.key} starts {shorten(name)}, and there is no such definition"
            hint = report.nearest(name, catalog.definitions) or "`workflow` names a definition: project.NAME."
        report.add_at("unknown-workflow", step.line, step.column, message, hint)
    return list(report.result())
