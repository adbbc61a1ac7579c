"""Commands on runs: start, look, follow, end. All of them speak to a server through `umbel.Client`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the run, as `umbel list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the server's answer as JSON.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="Key of the task, as `umbel show` shows it.")]
Comment = Annotated[str | None, typer.Option(help="Why; kept with the decision.")]
Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Follow it to its end; exit 0 for success, 1 for error, 2 for canceled.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("run")(run)
    app.command("list")(list_)
    for command in (show, watch, diagnose, compare, cancel, relaunch, retry, pause, resume, approve, reject, logs):
        app.command()(command)


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Definition, `project.NAME`.")],
    payload: Annotated[
        str, typer.Argument(metavar="[JSON]", help="Payload: a JSON object, @FILE, or - for standard input.")
    ] = "{}",
    watch: Watch = False,
    comment: Annotated[str | None, typer.Option(help="A note, shown with the run.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="K", help="Running the same command again with this key starts nothing new.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a run and print its id.

    The run is on disk when the id is printed: whatever crashes afterwards, it will end. With --watch --json, prints
    the run's events as JSON lines.
    """
    from umbel.client import Client

    with Client() as client:
        started = client.start_run(name, _payload(payload), comment=comment, idempotency_key=idempotency_key)
        _started(client, started, watch, as_json)


def list_(
    status: Annotated[
        list[str] | None,
        typer.Option(help="Only runs that are pending, running, success, error or canceled; may be repeated."),
    ] = None,
    definition: Annotated[str | None, typer.Option(help="Only runs of this definition.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    from umbel.cli.output import say_json
    from umbel.cli.show import run_list
    from umbel.client import Client

    with Client() as client:
        # The words are checked by the operation, which names what it allows.
        page = client.list_runs(status=status or None, definition=definition, limit=limit)  # type: ignore[arg-type]
    say_json(page) if as_json else run_list(page)


def show(run_id: Id, as_json: Json = False) -> None:
    """Show one run: tasks, attempts and result."""
    from umbel.cli.output import say_json
    from umbel.cli.show import run_detail
    from umbel.client import Client

    with Client() as client:
        found = client.get_run(run_id)
    say_json(found) if as_json else run_detail(found)


def watch(
    run_id: Id, as_json: Annotated[bool, typer.Option("--json", help="Print the run's events as JSON lines.")] = False
) -> None:
    """Follow a run to its end.

    Tells it from its first event on. Exit 0 for success, 1 for error, 2 for canceled.
    """
    from umbel.client import Client

    with Client() as client:
        _follow(client, run_id, as_json)


def diagnose(run_id: Id, as_json: Json = False) -> None:
    """Say why a run failed, or why it waits.

    Cause with its line of code, attempts, what never ran, what to do next.
    """
    from umbel.cli.output import say_json
    from umbel.cli.show import diagnosis
    from umbel.client import Client

    with Client() as client:
        found = client.diagnose_run(run_id)
    say_json(found) if as_json else diagnosis(found)


def cancel(run_id: Id, as_json: Json = False) -> None:
    """Cancel a run.

    What has not finished will not start, what runs is stopped. A finished run stays as it is; what a failed one still
    does ends.
    """
    from umbel.client import Client

    with Client() as client:
        _one(client.cancel_run(run_id), as_json)


def compare(
    run_id: Id,
    other: Annotated[
        str, typer.Argument(metavar="[OTHER]", help="Run to compare with; if not given, the last success before it.")
    ] = "last_success",
    as_json: Json = False,
) -> None:
    """Say what is different about a run.

    Which task ended otherwise first, and how payload, plan, durations, waits and workers differ from those of another
    run. What is sealed is not compared.
    """
    from umbel.cli.output import say_json
    from umbel.cli.side import comparison
    from umbel.client import Client

    with Client() as client:
        found = client.compare_runs(run_id, other)
    say_json(found) if as_json else comparison(found)


def relaunch(
    run_id: Id,
    payload: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Another payload: a JSON object, @FILE, or -; *** keeps a secret."),
    ] = None,
    comment: Annotated[str | None, typer.Option(help="A note, shown with the new run.")] = None,
    watch: Watch = False,
    as_json: Json = False,
) -> None:
    """Start an earlier run anew, and print the id.

    The new run has the definition as it is now, and the payload as it was, or the one that is given.
    """
    from umbel.client import Client

    with Client() as client:
        given = _payload(payload) if payload is not None else None
        _started(client, client.relaunch_run(run_id, given, comment=comment), watch, as_json)


def retry(
    run_id: Id,
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Begin with this task, not those that failed; repeatable."),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would run again.")] = False,
    watch: Watch = False,
    as_json: Json = False,
) -> None:
    """Run what failed again, in the same run.

    With everything that depends on it; what succeeded keeps its result. --preview says what would be done a second
    time.
    """
    from umbel.cli.output import say_json
    from umbel.cli.show import retried
    from umbel.client import Client

    with Client() as client:
        found = client.retry_run(run_id, task or None, preview=preview)
        if watch and not preview:
            _follow(client, run_id, as_json)
    say_json(found) if as_json else retried(found)


def pause(run_id: Id, as_json: Json = False) -> None:
    """Pause a run.

    Nothing new of it begins, what runs goes on to its end.
    """
    from umbel.client import Client

    with Client() as client:
        _one(client.pause_run(run_id), as_json)


def resume(run_id: Id, as_json: Json = False) -> None:
    """Let a paused run go on."""
    from umbel.client import Client

    with Client() as client:
        _one(client.resume_run(run_id), as_json)


def approve(run_id: Id, key: Key, comment: Comment = None, as_json: Json = False) -> None:
    """Approve a task that waits for a person."""
    from umbel.client import Client

    with Client() as client:
        _one(client.approve_task(run_id, key, comment), as_json)


def reject(run_id: Id, key: Key, comment: Comment = None, as_json: Json = False) -> None:
    """Reject a task that waits for a person.

    It fails, and what needs it does not run.
    """
    from umbel.client import Client

    with Client() as client:
        _one(client.reject_task(run_id, key, comment), as_json)


def logs(
    run_id: Id,
    task: Annotated[str | None, typer.Option(metavar="KEY", help="Only this task.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as a line of JSON.")] = False,
) -> None:
    """Print what the tasks of a run wrote.

    That is standard output, standard error and log records, in the order in which they arrived.
    """
    from umbel.cli.output import say, say_json
    from umbel.cli.show import log_line
    from umbel.client import Client
    from umbel.machine import TERMINAL_EVENTS, EventType

    with Client() as client:
        after = 0

        def drain() -> None:
            nonlocal after
            more: int | None = after
            while more is not None:
                page = client.get_logs(run_id, task, after=more)
                for line in page.items:
                    say_json(line, line=True) if as_json else say(log_line(line))
                    after = line.id
                more = page.next_after

        drain()
        if follow:
            # An event only says that there may be more to read.
            for event in client.events(run_id, client.get_run(run_id).last_event):
                if event.type == EventType.TASK_LOG or event.type in TERMINAL_EVENTS:
                    drain()
            drain()


def _payload(text: str) -> dict[str, Any]:
    """Raises BadRequest if it is no JSON object."""
    from umbel.errors import BadRequest

    where = "the payload"
    if text == "-":
        text, where = sys.stdin.read(), "standard input"
    elif text.startswith("@"):
        where = text[1:]
        try:
            text = Path(where).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise BadRequest(f"{where} cannot be read: {error}") from error
    hint = """A payload is a JSON object in quotes, such as '{"raw": "hello world"}'."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadRequest(f"{where} is not JSON: {error}", hint=hint) from error
    if not isinstance(value, dict):
        raise BadRequest(f"{where} is not a JSON object", hint=hint)
    return value


def _started(client: Any, started: Any, watch: bool, as_json: bool) -> None:
    from umbel.cli.output import say_json

    if watch:
        _follow(client, started.id, as_json)
    elif as_json:
        say_json(started)
    else:
        print(started.id)
        if sys.stdout.isatty():
            print(f"`umbel watch {started.id}` follows it", file=sys.stderr)


def _one(found: Any, as_json: bool) -> None:
    from umbel.cli.output import say, say_json
    from umbel.cli.show import run_line

    say_json(found) if as_json else say(run_line(found))


def _follow(client: Any, run_id: str, as_json: bool) -> None:
    from umbel.cli.live import EXIT, follow
    from umbel.cli.show import ending

    run = follow(client, run_id, as_json=as_json)
    if not as_json:
        ending(run)
    raise typer.Exit(EXIT[run.state])
