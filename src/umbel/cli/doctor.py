"""`umbel doctor`: what is wrong with the installation; `umbel why`: why a run's tasks do not run."""

from typing import TYPE_CHECKING, Annotated

import typer

from umbel.cli.runs import Id, Json

if TYPE_CHECKING:
    from umbel.service.doctor.examine import Told
    from umbel.service.models.health import Health
    from umbel.settings import Settings


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(doctor)
    app.command()(why)


def doctor(
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that each check may take.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what is wrong with the installation, and how to mend it.

    Looks at what the settings name: project, broker (a message goes there and back), state store, database, workers,
    runs that do not go on, the server at UMBEL_URL. Each check has its time; passwords are never printed. Exit 1 if
    there are dangers. `umbel check-app module:app` looks at the settings of a Celery app.
    """
    import contextlib
    import sys

    from umbel.cli.output import say_json
    from umbel.service.doctor import Site, checks, examine
    from umbel.service.doctor.project import load, sealed
    from umbel.settings import load_settings

    settings = load_settings()
    site = Site(settings)

    def project() -> "Told":
        told, loaded = load(settings)
        site.plans, site.sealed = loaded.plans, sealed(loaded.catalog.definitions)
        return told

    with contextlib.redirect_stdout(sys.stderr):  # what a task module prints is no part of the answer
        first = examine({"project": project}, settings, patience=timeout)
    found = examine({**checks(site), "server": lambda: _server(settings, timeout)}, settings, patience=timeout)
    found = found.model_copy(
        update={
            "ok": first.ok and found.ok,
            "checked": {**first.checked, **found.checked},
            "findings": sorted(
                [*first.findings, *found.findings], key=lambda each: ("danger", "warning", "note").index(each.severity)
            ),
        }
    )
    say_json(found) if as_json else _say(found)
    raise typer.Exit(0 if found.ok else 1)


def _server(settings: "Settings", timeout: float) -> "Told":
    """Whether a server answers, and is of this version."""
    import umbel
    from umbel.client import Client
    from umbel.errors import ServerUnavailable, UmbelError
    from umbel.service.doctor.examine import ERRORS, Told, danger, warning

    try:
        with Client(settings.url) as client:
            health = client.get_health()
    except ServerUnavailable as error:
        away = warning("no-server", str(error), "Runs go on without it, but none can be started or seen.", error.hint)
        return Told("no answer", (away,))
    except UmbelError as error:
        refused = danger("server-refuses", str(error), "The server did not tell how it is.", error.hint, ERRORS)
        return Told("refuses", (refused,))
    found = []
    if health.version != umbel.__version__:
        found.append(
            warning(
                "server-version",
                f"the server has Umbel {health.version}, here it is {umbel.__version__}",
                "Neighbouring versions work together, for as long as an upgrade takes.",
                "Upgrade the older one.",
            )
        )
    found += [each for each in health.findings if each.id == "server-cannot-publish"]
    return Told(f"Umbel {health.version} at {settings.url}", tuple(found))


def _say(health: "Health") -> None:
    from umbel.cli.findings import counts, full, line
    from umbel.cli.output import say

    bad = {each.id.partition("-")[0] for each in health.findings}
    width = max(map(len, health.checked))
    for part, about in health.checked.items():
        say(f"{part.ljust(width)}  {about}")
    for each in health.findings:
        rows = [
            ("", each.what, True),
            ("why", each.why, True),
            ("fix", each.fix, False),
            ("source", each.source, False),
        ]
        full(each.severity, each.id, rows)
    say()
    if bad:
        say(counts(each.severity for each in health.findings))
    else:
        line("ok", "nothing is wrong")


def why(
    run_id: Id,
    key: Annotated[str | None, typer.Argument(metavar="[TASK]", help="Only this task, or item of a map.")] = None,
    as_json: Json = False,
) -> None:
    """Say why each task of a run that has not ended does not run.

    One sentence each, with what it rests on: which tasks it needs, which queue nobody listens on, who holds the limit.
    """
    from umbel.cli.output import columns, say, say_json
    from umbel.client import Client

    with Client() as client:
        if key is not None:
            task = client.get_task(run_id, key)
            if as_json:
                say_json(task)
            else:
                say(task.why or f"{task.key} has ended: {task.state}")
            return
        found = client.diagnose_run(run_id)
    if as_json:
        say_json(found)
        return
    if not found.waiting:
        say(found.verdict)
        return
    columns([["TASK", "WHY"], *([each.task, each.reason] for each in found.waiting)])
    if found.left_out:
        say(f"there are more: `umbel why {run_id} TASK` tells of one")
