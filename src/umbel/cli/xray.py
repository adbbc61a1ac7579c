"""`umbel xray`: how a run really went through the broker."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from umbel.service.models.trace import Trace, TraceRecord

PAGE = 2000
MESSAGES = "published,delivered,acknowledged,rejected"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(xray)


def xray(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the run.")],
    messages: Annotated[
        bool, typer.Option("--messages", help="Only messages, each with its fields and what they mean.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also commands that only read, and what scripts do within.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how a run really went through the broker.

    Phase by phase, who did what: messages, keys and commands in order, as they were recorded. `umbel demo` and
    `umbel dev` record; elsewhere UMBEL_XRAY=messages does.
    """
    from umbel.cli.output import say_json
    from umbel.client import Client

    kinds = MESSAGES if messages else None
    with Client() as client:
        found = client.get_trace(run_id, limit=PAGE, kinds=kinds)
        records = list(found.records)
        while len(records) < found.total and found.records:
            found = client.get_trace(run_id, after=records[-1].n, limit=PAGE, kinds=kinds)
            records += found.records
    found = found.model_copy(update={"records": records})
    if as_json:
        say_json(found)
    else:
        _show(found, messages=messages, everything=everything)


def _show(found: "Trace", *, messages: bool, everything: bool) -> None:
    from umbel.cli.output import say
    from umbel.cli.words import count

    say(f"{found.definition} {found.run_id} ({found.engine}): {found.status}")
    kinds = {each: sum(1 for record in found.records if record.kind == each) for each in ("published", "command")}
    if found.records:
        said = [count(kinds["published"], "message")]
        if found.recording == "commands" and not messages:
            said.append(count(kinds["command"], "command"))
        say(f"{', '.join(said)} in {found.records[-1].us / 1e6:.3f} s")
    width = max((len(record.phase) for record in found.records), default=0)
    for record in found.records:
        if everything or not _aside(record):
            say(f"{record.us / 1e6:8.3f} s  {record.phase:<{width}}  {record.says}")
        if messages and record.message is not None:
            for field in record.message.fields:
                say(f"             {field.path} = {_short(field.value)}")
                say(f"               {field.means}")
    hidden = sum(1 for record in found.records if _aside(record)) if not everything else 0
    if hidden:
        say(f"\n{count(hidden, 'command')} that only read, or belong to a script, are left out: --all shows them.")
    if found.left_out:
        say(f"{count(found.left_out, 'record')} did not fit into what is kept.")
    if found.hint:
        say(found.hint)


def _aside(record: "TraceRecord") -> bool:
    """Whether only who wants everything is shown it: what reads, and what a script of Umbel does within."""
    if record.kind != "command" or record.command is None:
        return False
    inner = record.command.client == "lua" and record.phase != "barrier"
    called = record.command.name in ("EVALSHA", "EVAL")
    return inner or not (record.keys or called)


def _short(value: object) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else f"{text[:119]}…"
