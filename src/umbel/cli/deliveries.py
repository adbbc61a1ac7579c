"""`umbel deliveries`: what webhooks were told, and telling them again."""

from typing import TYPE_CHECKING, Annotated

import typer

from umbel.cli.runs import Json

if TYPE_CHECKING:
    from umbel.service.models import Delivery, DeliveryAttemptView


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(deliveries)


def deliveries(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Id of the run; all runs if not given.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Of all runs: only what was given up.")] = False,
    redeliver: Annotated[
        str | None, typer.Option(metavar="ID", help="Tell the webhook again: this delivery of RUN.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what webhooks were told of the ends of runs.

    Each with its attempts, and what the other side answered.
    """
    from umbel.cli.output import say, say_json
    from umbel.client import Client
    from umbel.errors import BadRequest

    if redeliver is not None and run is None:
        raise BadRequest("--redeliver needs the RUN whose delivery it is.")
    with Client() as client:
        if redeliver is not None and run is not None:
            again = client.redeliver(run, redeliver)
            say_json(again) if as_json else say(f"{again.url} is told again")
            return
        found = client.list_deliveries("failed" if failed else None) if run is None else client.get_run_deliveries(run)
    if as_json:
        say_json(found)
    elif not found.items:
        say("nothing was to be told to a webhook")
    for each in () if as_json else found.items:
        _show(each)


def _show(delivery: "Delivery") -> None:
    from umbel.cli.output import say
    from umbel.cli.words import local

    say(f"{delivery.id}  {delivery.status}  {delivery.event} of run {delivery.run_id}, epoch {delivery.epoch}")
    say(f"  {delivery.url}")
    for attempt in delivery.attempts:
        say(f"  attempt {attempt.attempt}, {local(attempt.at)}: {_outcome(attempt)}")
    if delivery.next_at is not None:
        say(f"  next attempt: {local(delivery.next_at)}")


def _outcome(attempt: "DeliveryAttemptView") -> str:
    from umbel.cli.words import first_line, seconds

    if attempt.status is None and attempt.error is None:
        return "under way, or lost with its server"
    said = attempt.error or f"HTTP {attempt.status}"
    answer = f" ({first_line(attempt.answer)})" if attempt.answer.strip() else ""
    return f"{said}{answer}, {seconds(attempt.seconds or 0)}"
