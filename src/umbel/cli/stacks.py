"""`umbel demo` and `umbel dev`: everything in one command, through `umbel.stack`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from umbel.stack import Stack

PIPELINE = "demo.PIPELINE"
TEXT = "hello world"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(demo)
    app.command()(dev)


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="End after the run; the exit status is 0 only if it succeeded.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the server, 0 for any free one.")] = 8000,
    model_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port of the model service, 0 for any free one. [default: 9000, or 0 with --port 0]",
        ),
    ] = None,
    scenario: Annotated[
        str, typer.Option(metavar="S", help="What the model service does: happy, flaky, slow, down or partial_fail.")
    ] = "happy",
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the data is kept.")] = None,
) -> None:
    """Start everything and run a pipeline once.

    The pipeline is A -> (B | C) -> D. Starts Valkey, the model service, the server and a worker, runs the pipeline with
    a live view, prints the result, and serves until Ctrl-C. Runs are kept in .umbel/demo: the next start finds them.
    """
    from umbel.demo import SCENARIOS
    from umbel.errors import BadRequest
    from umbel.stack import Interrupted, demo_options, run_stack

    if scenario not in SCENARIOS:
        raise BadRequest(f"There is no scenario {scenario}.", hint=f"There are {', '.join(SCENARIOS)}.")
    serving = False
    try:
        _say("starting Valkey, the model service, the server and a worker")
        with run_stack(demo_options(port=port, model_port=model_port, data=data), _say, signals=True) as stack:
            status = _pipeline(stack, scenario)
            if leave:
                raise typer.Exit(status)
            _say(f"pages: {stack.urls.server}  API: {stack.urls.server}/docs")
            _say(f"lessons, the first four in ten minutes: {stack.urls.server}/learn")
            _say(f'more runs: UMBEL_URL={stack.urls.server} umbel run {PIPELINE} \'{{"scenario": "flaky"}}\' --watch')
            _say("Ctrl-C ends everything")
            serving = True
            stack.wait()
    except Interrupted as interrupted:
        raise typer.Exit(0 if serving else 128 + interrupted.signum) from None


def _pipeline(stack: "Stack", scenario: str) -> int:
    """Run the demo's pipeline, show it, and say how it went; the exit status for it."""
    from umbel.cli.live import EXIT, follow
    from umbel.cli.show import diagnosis, ending
    from umbel.client import Client
    from umbel.machine import RunState

    with Client(stack.urls.server) as client:
        run = client.start_run(PIPELINE, {"raw": TEXT, "scenario": scenario})
        run = follow(client, run.id)
        if run.state is RunState.SUCCESS:
            ending(run)
        else:
            diagnosis(client.diagnose_run(run.id))
    return EXIT[run.state]


def dev(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The project: workflows.yml, tasks/, schemas/, .env.")
    ] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the server, 0 for any free one.")] = 8000,
    broker: Annotated[str | None, typer.Option(metavar="URL", help="Celery's broker, if not embedded.")] = None,
    state: Annotated[
        str | None, typer.Option(metavar="URL", help="Redis or Valkey for live runs, if not embedded.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="SQL database for the history, if not SQLite.")
    ] = None,
) -> None:
    """Run a project with everything it needs.

    Starts Valkey (unless --broker and --state are given), the server and a worker, and starts server and worker again
    when a file of the project changes. Data is kept in DIR/.umbel.
    """
    from umbel.stack import Interrupted, dev_options, run_stack

    options = dev_options(folder, port=port, broker_url=broker, state_url=state, database_url=database)
    try:
        _say(f"starting the project in {folder.absolute()}")
        with run_stack(options, _say, signals=True) as stack:
            _say("Ctrl-C ends everything")
            stack.wait()
    except Interrupted:
        raise typer.Exit(0) from None


def _say(line: str) -> None:
    """Parts die and come back while the tree is drawn: they speak through the same console."""
    from umbel.cli.output import console, say

    say(line)
    console().file.flush()
