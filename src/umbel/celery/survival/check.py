"""All rules over the facts of an app, and the sentence that sums them up."""

from collections.abc import Sequence
from typing import Final

from umbel.celery.survival import acks, results, times, transport
from umbel.celery.survival.record import AppFacts, Finding, Rule, duration

RULES: Final[tuple[Rule, ...]] = (*acks.RULES, *times.RULES, *results.RULES, *transport.RULES)

_ORDER: Final = ("danger", "warning", "note")


def check(app: AppFacts) -> list[Finding]:
    """What the rules say about an app, the worst first."""
    found = []
    for rule in RULES:
        if seen := rule.look(app):
            found.append(
                Finding(
                    id=rule.id,
                    severity=seen.severity or rule.severity,
                    what=seen.what,
                    tasks=seen.tasks,
                    why=rule.why,
                    on_kill=rule.kill,
                    fix=seen.fix or rule.fix,
                    source=rule.source,
                    moot_with_umbel=rule.moot,
                )
            )
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity))


def verdict(app: AppFacts) -> str:
    """`kill -9 of a worker loses: ...`, in one line."""
    return f"kill -9 of a worker loses: {_lost(app)}"


def _lost(app: AppFacts) -> str:
    if app.settings["task_always_eager"]:
        return "everything it runs; no broker knows of it"
    if acks.no_redelivery(app):
        return f"everything it runs or has fetched; {app.transport} gives nothing again"
    if not app.tasks:
        return "nothing that could be seen: the app has no tasks"
    early = [task.name for task in app.tasks if not task.acks_late]
    halves = [task.name for task in acks.unprotected(app)]
    parts = []
    if early:
        parts.append(f"what it runs of {_of(early, app)}")
    if halves:
        parts.append(f"of {_of(halves, app)} what a pool process runs, if only that is killed")
    if not parts:
        nothing = "nothing but what is just being fetched" if app.transport == "redis" else "nothing"
        return f"{nothing}; what it runs {_again(app)}"
    return "; ".join(parts) + (f". The rest {_again(app)}" if len(early) < len(app.tasks) else "")


def _again(app: AppFacts) -> str:
    if app.visibility is None:
        return "runs again as soon as the connection ends"
    return f"runs again after up to {duration(app.visibility)}"


def _of(names: Sequence[str], app: AppFacts) -> str:
    if len(names) == len(app.tasks):
        return f"all {len(names)} tasks" if len(names) > 1 else names[0]
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
