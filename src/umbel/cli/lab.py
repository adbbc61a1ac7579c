"""`umbel lab`: break something of the demo's stack, and watch what becomes of the runs."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from umbel.cli.runs import Json

if TYPE_CHECKING:
    from umbel.service.models.lab import LabAct, LabView


class Target(StrEnum):
    """Who is hit."""

    child = "child"
    worker = "worker"


Whom = Annotated[
    Target,
    typer.Argument(help="`child`: the pool process that runs a task; `worker`: the main process, with its pool."),
]
Run = Annotated[str | None, typer.Option(metavar="ID", help="Only a task, or a message, of this run.")]
Task = Annotated[str | None, typer.Option(metavar="KEY", help="When this task of the run runs.")]
Within = Annotated[float, typer.Option(min=0, max=40, help="Seconds to wait until there is something to hit.")]
Seconds = Annotated[float | None, typer.Option(help="How long it lasts; it ends by itself.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="The failure lab of `umbel demo`: break something, and watch.",
        invoke_without_command=True,
        rich_markup_mode=None,
    )
    group.callback()(show)
    for command in (kill, freeze, thaw, pause, drop, duplicate, model, restart):
        group.command()(command)
    app.add_typer(group, name="lab")


def show(context: typer.Context, as_json: Json = False) -> None:
    """Say what can be broken now, on which processes, and what was broken lately."""
    if context.invoked_subcommand is not None:
        return
    from umbel.cli.output import say_json
    from umbel.client import Client

    with Client() as client:
        found = client.get_lab()
    say_json(found) if as_json else _show(found)


def kill(whom: Whom, run: Run = None, task: Task = None, within: Within = 10.0, as_json: Json = False) -> None:
    """Kill the process that runs a task, or the whole worker (SIGKILL)."""
    _act("kill-child" if whom is Target.child else "kill-worker", as_json, run_id=run, task=task, within=within)


def freeze(
    whom: Whom,
    seconds: Seconds = None,
    run: Run = None,
    task: Task = None,
    within: Within = 10.0,
    as_json: Json = False,
) -> None:
    """Let a process stand still for a while (SIGSTOP): 10 s if --seconds does not say."""
    act: LabAct = "freeze-child" if whom is Target.child else "freeze-worker"
    _act(act, as_json, seconds=seconds, run_id=run, task=task, within=within)


def thaw(as_json: Json = False) -> None:
    """Let everything that is frozen go on now."""
    _act("thaw", as_json)


def pause(
    what: Annotated[str, typer.Argument(metavar="broker", help="The embedded Valkey, broker and state store.")],
    duration: Annotated[str, typer.Argument(help="How long: 5s, 500ms. At most 30s.")] = "3s",
    as_json: Json = False,
) -> None:
    """Let the broker answer nobody for a while."""
    from umbel.definition.durations import seconds
    from umbel.errors import BadRequest

    if what != "broker":
        raise BadRequest(f"Nothing called {what} can be paused.", hint="umbel lab pause broker 5s")
    try:
        lasts = seconds(duration)
    except ValueError as error:
        raise BadRequest(f"{duration} is no time: {error}", hint="umbel lab pause broker 5s") from error
    _act("pause-broker", as_json, seconds=lasts)


def drop(run: Run = None, task: Task = None, within: Within = 10.0, as_json: Json = False) -> None:
    """Lose the next message: one that waits in a queue, or else one that is sent soon."""
    _act("drop-message", as_json, run_id=run, task=task, within=within)


def duplicate(run: Run = None, task: Task = None, within: Within = 10.0, as_json: Json = False) -> None:
    """Let the next message be delivered twice."""
    _act("duplicate-message", as_json, run_id=run, task=task, within=within)


def model(
    delay: Annotated[float, typer.Option(min=0, max=60, help="Seconds by which it answers later.")] = 0.0,
    fail: Annotated[int, typer.Option(min=0, max=1000, help="How many calls fail next.")] = 0,
    seconds: Seconds = None,
    as_json: Json = False,
) -> None:
    """Let the model service be slow or fail, for 30 s if --seconds does not say."""
    _act("trouble-model", as_json, delay=delay, fail=fail, seconds=seconds)


def restart(
    what: Annotated[str, typer.Argument(metavar="server", help="The server, with API and pages.")] = "server",
    as_json: Json = False,
) -> None:
    """Stop the server; the stack starts it again."""
    from umbel.errors import BadRequest

    if what != "server":
        raise BadRequest(f"Nothing called {what} can be restarted.", hint="umbel lab kill worker restarts the worker.")
    _act("restart-server", as_json)


def _act(act: "LabAct", as_json: bool, **options: Any) -> None:
    from umbel.cli.output import say, say_json
    from umbel.client import Client

    with Client() as client:
        done = client.act_in_lab(act, **options)
    if as_json:
        say_json(done)
    else:
        say(done.did)
        say(f"next: {done.next}")


def _show(found: "LabView") -> None:
    from umbel.cli.output import columns, say
    from umbel.cli.words import local

    if not found.enabled:
        say(f"off: {found.why_not}")
        return
    rows = [("PROCESS", "PID", "STATE", "RUNS")]
    for each in found.processes:
        runs = ", ".join(f"{one.task} of {one.run_id[:8]} (attempt {one.attempt})" for one in each.runs)
        rows.append((each.part if each.main else "  pool", str(each.pid), "frozen" if each.frozen else "up", runs))
    columns(rows)
    say()
    columns(
        [
            ("COMMAND", "WHAT HAPPENS THEN"),
            *(
                (f"umbel lab {_COMMANDS[each.act]}", each.next if each.possible else each.why_not or "")
                for each in found.choices
            ),
        ]
    )
    if found.done:
        say()
        columns([("AT", "DONE LATELY"), *((local(each.at), each.did) for each in found.done[:10])])


_COMMANDS: "dict[LabAct, str]" = {
    "kill-child": "kill child",
    "kill-worker": "kill worker",
    "freeze-child": "freeze child",
    "freeze-worker": "freeze worker",
    "thaw": "thaw",
    "pause-broker": "pause broker 3s",
    "drop-message": "drop",
    "duplicate-message": "duplicate",
    "trouble-model": "model --delay 3",
    "restart-server": "restart server",
}
"""How each act is asked for."""
