"""`umbel check-app`: whether the tasks of any Celery app survive `kill -9`, without a server."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from umbel.celery.survival.record import AppFacts, Finding

_NAMES: Final = 8  # tasks named with a finding


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("check-app")(check_app)


def check_app(
    name: Annotated[str, typer.Argument(metavar="MODULE:APP", help="The app, as for `celery -A`.")],
    broker: Annotated[bool, typer.Option("--broker", help="Ask the broker too, if it is Redis or Valkey.")] = False,
    notes: Annotated[bool, typer.Option("--notes", help="Show notes in full, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Say whether the tasks of a Celery app survive kill -9.

    Any Celery app: imports it and its tasks, looks at its settings and options, and says of each finding why it
    matters, what happens on kill -9, how to mend it, and where that is written. Runs no task, needs no server and no
    broker. Exit 1 if there are dangers.
    """
    from dataclasses import replace

    from umbel.celery.locate import import_app, traceless
    from umbel.celery.survival.ask import ask
    from umbel.celery.survival.check import check
    from umbel.celery.survival.read import read
    from umbel.errors import SettingsError

    with traceless():
        found = import_app(name)
        facts = read(found, name)
    if broker:
        try:
            facts = replace(facts, server=ask(found, facts.transport))
        except SettingsError as error:
            print(f"note: the broker was not asked: {error}", file=sys.stderr)
    findings = check(facts)
    _say_json(facts, findings) if as_json else _say(facts, findings, notes)
    raise typer.Exit(1 if any(finding.severity == "danger" for finding in findings) else 0)


def _say_json(app: "AppFacts", findings: "Sequence[Finding]") -> None:
    import json
    from dataclasses import asdict

    from umbel.celery.survival.check import verdict

    dangers = sum(finding.severity == "danger" for finding in findings)
    told = {
        "app": app.name,
        "broker": app.broker,
        "tasks": [task.name for task in app.tasks],
        "ok": not dangers,
        "findings": [asdict(finding) for finding in findings],
        "verdict": verdict(app),
    }
    print(json.dumps(told, indent=2, ensure_ascii=False))


def _say(app: "AppFacts", findings: "Sequence[Finding]", notes: bool) -> None:
    from umbel.celery.survival.check import verdict
    from umbel.cli.findings import counts, line, shortly
    from umbel.cli.output import say
    from umbel.cli.words import count

    server = f" ({app.server.version})" if app.server else ""
    say(f"{app.name}: {count(len(app.tasks), 'task')}, broker {app.broker}{server}")
    for finding in findings:
        if finding.severity != "note" or notes:
            _full(finding, len(app.tasks))
    short = [finding for finding in findings if finding.severity == "note" and not notes]
    if short:
        say()
    for finding in short:
        line("note", f"{finding.id}: {shortly(finding.what)}")
    told = counts(finding.severity for finding in findings) + (
        f", {count(len(short), 'note')} (--notes shows them in full)" if short else ""
    )
    moot = sum(finding.moot_with_umbel for finding in findings)
    say(f"\n{told}; as tasks of an Umbel run, {moot} of {len(findings)} need not concern you")
    say(verdict(app))


def _full(finding: "Finding", total: int) -> None:
    from umbel.cli.findings import full
    from umbel.cli.words import count

    rows = [("", finding.what, True)]
    if finding.tasks:
        more = len(finding.tasks) - _NAMES
        names = ", ".join(finding.tasks[:_NAMES]) + (f" and {more} more" if more > 0 else "")
        rows.append(("", f"{len(finding.tasks)} of {count(total, 'task')}: {names}", True))
    rows += [
        ("why", finding.why, True),
        ("kill -9", finding.on_kill, True),
        ("fix", finding.fix, False),
        ("source", finding.source, False),
        ("Umbel", "no matter for tasks of a run" if finding.moot_with_umbel else "matters there too", True),
    ]
    full(finding.severity, finding.id, rows)
