"""What a definition has been: the plans that the history keeps of its runs."""

import json
from typing import Any, Final

from umbel.errors import DefinitionNotFound, VersionNotFound
from umbel.machine import RunState
from umbel.plan.model import Plan
from umbel.service.check import task_definitions
from umbel.service.compare import plan_change, said
from umbel.service.models import Version, VersionDetail, VersionList, instant
from umbel.service.operations.definitions import GetDefinitionVersion
from umbel.service.umbel import Umbel

LOOKED_AT: Final = 10_000
"""Runs of a definition, the newest, that are looked at."""
MOST: Final = 100
"""Versions that are shown."""


def list_versions(umbel: Umbel, name: str) -> VersionList:
    """The versions of a definition that its newest runs had, and the one that it has now; newest first.

    Raises:
        DefinitionNotFound: there is none of this name, and no run of it.
        HistoryUnavailable: the database does not answer.
    """
    current = umbel.definitions.plans.get(name)
    rows = umbel.store.versions(name, runs=LOOKED_AT, most=MOST)
    if not rows and current is None and name not in umbel.definitions.catalog.refused:
        raise DefinitionNotFound(f"There is no definition {name[:200]}, and the history has no run of it.")
    counted = sum(number for row in rows for number in row.runs.values())
    found = [
        Version(
            version=row.hash,
            current=current is not None and current.hash == row.hash,
            first_used=instant(row.first_used),
            last_used=instant(row.last_used),
            runs={RunState(state): number for state, number in row.runs.items()},
            tasks=row.plan.tasks,
        )
        for row in rows
    ]
    if current is not None and not any(each.current for each in found):
        found.insert(0, Version(version=current.hash, current=True, tasks=current.tasks))
    return VersionList(definition=name, items=found, counted=counted, more=counted >= LOOKED_AT or len(rows) >= MOST)


def get_version(umbel: Umbel, asked: GetDefinitionVersion) -> VersionDetail:
    """One version, and how it differs from another one, or else from the one before it.

    Raises:
        DefinitionNotFound, VersionNotFound: there is no such definition, or it never was so.
        HistoryUnavailable: the database does not answer.
    """
    versions = list_versions(umbel, asked.name).items
    own = _named(umbel, asked.name, versions, asked.version)
    other: Version | None
    if asked.against is not None:
        other = _named(umbel, asked.name, versions, asked.against)
    else:
        place = next((n for n, each in enumerate(versions) if each.version == own.version), len(versions))
        other = versions[place + 1] if place + 1 < len(versions) else None
    plan = _plan(umbel, asked.name, own.version)
    change = plan_change(_plan(umbel, asked.name, other.version), plan) if other is not None else None
    return VersionDetail(
        **own.model_dump(),
        definition=asked.name,
        task_definitions=task_definitions(plan, umbel.settings.default_queue),
        plan={node.key: _fields(plan, node.index) for node in plan.nodes},
        against=other.version if other is not None else None,
        change=change,
    )


def _named(umbel: Umbel, name: str, versions: list[Version], wanted: str) -> Version:
    """The version whose hash this is, or begins so."""
    found = [each for each in versions if each.version.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    plan = umbel.store.plan(wanted) if not found else None  # of a run that is older than those that were looked at
    if plan is None or plan.definition != name:
        several = "is the beginning of several versions" if found else "is no version"
        raise VersionNotFound(f"{wanted[:80]} {several} of {name[:200]}.")
    return Version(version=plan.hash, tasks=plan.tasks)


def _plan(umbel: Umbel, name: str, version: str) -> Plan:
    current = umbel.definitions.plans.get(name)
    return current if current is not None and current.hash == version else umbel.plan(version)


def _fields(plan: Plan, index: int) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in said(plan, plan.nodes[index]).items()}
