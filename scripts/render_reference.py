"""Writes the pages of docs/reference/ from the code."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from umbel.cli.main import app
from umbel.definition.editor import editor_schema
from umbel.definition.problems import CODES
from umbel.engine.keys import KINDS, prefix
from umbel.errors import UmbelError
from umbel.observe.meters import METERS
from umbel.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "umbel"
TARGET = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs-render` from {}. Do not edit. -->"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in row) + " |" for row in cells]


def code(text: object) -> str:
    """`text`, or nothing for an empty text."""
    return f"`{text}`" if str(text) else ""


# --- settings -----------------------------------------------------------------------------------------------


def setting_names() -> list[str]:
    """The environment name of every setting."""
    prefix = str(Settings.model_config["env_prefix"])
    return [prefix + name.upper() for name in Settings.model_fields]


def settings_page() -> str:
    """Every setting: environment name, default, meaning."""
    fields = Settings.model_fields
    for name, field in fields.items():
        if not field.description:
            raise ValueError(f"umbel.settings: {name} has no description")
    rows = [
        [code(env), code(field.default), str(field.description)]
        for env, field in zip(setting_names(), fields.values(), strict=True)
    ]
    return page(
        "Settings",
        "umbel.settings",
        inspect.getdoc(Settings) or "",
        table(["name", "default", "meaning"], rows),
    )


# --- errors -------------------------------------------------------------------------------------------------


def errors() -> list[type[Any]]:
    """Every error class that has a code, by code.

    Raises:
        ValueError: two classes share a code.
    """

    def family(error: type[Any]) -> Iterator[type[Any]]:
        for child in error.__subclasses__():
            yield child
            yield from family(child)

    found = sorted(
        {child for child in family(UmbelError) if child.__module__ == "umbel.errors"},
        key=lambda e: str(e.code),
    )
    codes = [error.code for error in found]
    if len(set(codes)) != len(codes):
        raise ValueError("umbel.errors: two errors share a code")
    return found


def errors_page() -> str:
    """Every error: code, class, meaning, hint."""
    rows = [[code(error.code), code(error.__name__), inspect.getdoc(error) or "", error.hint] for error in errors()]
    text = "A code never changes its meaning. Programs go by the code, people by the message and the hint."
    return page("Errors", "umbel.errors", text, table(["code", "class", "meaning", "what to do"], rows))


# --- problems of definitions --------------------------------------------------------------------------------


def problems_page() -> str:
    """Every problem that a definition file can have: code, meaning."""
    text = "What can be wrong with a definition file. A code never changes its meaning."
    rows = [[code(name), meaning] for name, meaning in CODES.items()]
    return page("Problems of definitions", "umbel.definition.problems", text, table(["code", "meaning"], rows))


# --- commands -----------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, Any]]:
    """Every command of the umbel program with its full name, groups included."""

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        if not command.hidden:
            yield name, command
            for child_name, child in getattr(command, "commands", {}).items():
                yield from walk(f"{name} {child_name}", child)

    yield from walk("umbel", typer.main.get_command(app))


def argument(param: Any) -> str:
    """An argument as the usage line shows it."""
    name = (param.metavar or param.name.upper()) + ("..." if param.nargs == -1 else "")
    return name if param.required or name.startswith("[") else f"[{name}]"


def command_section(name: str, command: Any) -> list[str]:
    """One command: what it does and its parameters."""
    params = [param for param in command.params if not param.hidden and param.name != "help"]
    arguments = [param for param in params if param.param_type_name == "argument"]
    options = [param for param in params if param.param_type_name == "option"]
    rows = []
    for param in [*arguments, *options]:
        shown = [argument(param)] if param in arguments else [*param.opts, *param.secondary_opts]
        has_default = isinstance(param.default, str | int | float) and not isinstance(param.default, bool)
        rows.append([", ".join(map(code, shown)), code(param.default) if has_default else "", param.help or ""])
    lines = ["", f"## `{' '.join([name, *map(argument, arguments)])}`", "", inspect.cleandoc(command.help or "")]
    return [*lines, "", *table(["argument or option", "default", "meaning"], rows)] if rows else lines


def commands_page() -> str:
    """Every command."""
    lines: list[str] = []
    for name, command in commands():
        if name == "umbel" or hasattr(command, "commands"):
            continue
        if not command.help:
            raise ValueError(f"{name} has no help text")
        lines += command_section(name, command)
    return page("Commands", "the umbel command", "", lines)


# --- verbs --------------------------------------------------------------------------------------------------


def verb_files() -> list[Path]:
    """The Lua verbs, without the parts they include."""
    return sorted((SRC / "engine" / "lua").glob("*.lua"))


def verb_header(path: Path) -> tuple[str, dict[str, str]]:
    """A verb's purpose with its notes, and the `name: value` lines of its header.

    Raises:
        ValueError: the header does not start with the file's own name.
    """
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--"))
    start = f" {path.stem}:"
    if not lines or not lines[0].startswith(start):
        raise ValueError(f"{path.name}: its first line must be `-- {path.stem}: what it does`")
    prose, facts = [lines[0].removeprefix(start)], dict[str, str]()
    for line in lines[1:]:
        if found := re.match(r" (keys|args|returns|events|holds|include): *(.*)", line):
            facts[found.group(1)] = found.group(2)
        else:
            prose.append(line)
    return " ".join(" ".join(prose).split()), facts


def verbs_page() -> str:
    """Every verb: purpose, keys, arguments, replies, events, promises."""
    lines: list[str] = []
    for path in verb_files():
        purpose, facts = verb_header(path)
        lines += ["", f"## `{path.stem}`", "", purpose[:1].upper() + purpose[1:], ""]
        shown = {name: value for name, value in facts.items() if value and name != "include"}
        rows = [[name, value if name == "holds" else code(value)] for name, value in shown.items()]
        lines += table(["", ""], rows)
    text = (
        "Each verb is one atomic script. Its header is its contract: the typed Python call is made from it. "
        "`[U-n]` are the promises it holds."
    )
    return page("Verbs", "the headers of umbel/engine/lua/*.lua", text, lines)


# --- keys ---------------------------------------------------------------------------------------------------


def keys_page() -> str:
    """Every kind of key in the state store: Redis type, what it holds, how it ends."""
    text = (
        f"What the engine keeps in Redis or Valkey. A key is `{prefix(0)}<kind>` or `{prefix(0)}<kind>:<id>`; the "
        "number is the run's partition. The braces are a hash tag: all keys of a run live in one slot of a cluster. "
        "Every key has a TTL, or an owner that removes it."
    )
    rows = [[code(kind.name), kind.type, kind.holds, kind.ends] for kind in KINDS]
    return page("Keys", "umbel.engine.keys", text, table(["kind", "type", "holds", "goes"], rows))


# --- pages --------------------------------------------------------------------------------------------------


def page(title: str, source: str, text: str, lines: list[str]) -> str:
    """One page of the reference."""
    head = [f"# {title}", "", NOTE.format(source)]
    body = [*(["", text] if text else []), *(["", *lines] if lines and lines[0] else lines)]
    return "\n".join([*head, *body]) + "\n"


def metrics_page() -> str:
    """Every metric: name, kind, labels, meaning."""
    rows = [[code(each.name), each.kind, ", ".join(map(code, each.labels)), each.help] for each in METERS]
    text = (
        "What `GET /metrics` tells, besides the `process_*` figures of prometheus-client. Times are in seconds.\n\n"
        "*Counters and histograms* are those of one server since its start: take `sum(rate(...))` or"
        " `sum(increase(...))` over all servers."
        " What happened to runs is counted by the server that wrote the event to the history, so each"
        " event counts once however many servers are up. After a restart counting begins at 0, which `rate` knows; a"
        " server that dies between commit and count, or hears nothing of its commit, leaves one batch uncounted. So for"
        " figures that must be exact ask the history, not these. Runs that were canceled before they began do not"
        " count.\n\n"
        "*Gauges* are read from the stores for the scrape (an answer serves 1.5 s), and are the same on every server:"
        " take `max`. What a store does not answer within 2 s is left out, and `umbel_up` says so. `umbel_up`,"
        " `umbel_projector_lag_*`, `umbel_sql_connections` and `celery_worker_up` at 0 are the view of one server.\n\n"
        "A metric has at most 1,000 sets of labels. Later ones count with `other` for every name that somebody has"
        " chosen; states and reasons stay."
    )
    return page("Metrics", "umbel.observe.meters", text, table(["name", "kind", "labels", "meaning"], rows))


def schema_file() -> str:
    """The JSON Schema of definition files."""
    return json.dumps(editor_schema(), indent=2) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "workflows.schema.json": schema_file,
    "settings.md": settings_page,
    "errors.md": errors_page,
    "problems.md": problems_page,
    "commands.md": commands_page,
    "verbs.md": verbs_page,
    "metrics.md": metrics_page,
    "keys.md": keys_page,
}


def render() -> dict[str, str]:
    """File name -> text of every page."""
    return {name: make() for name, make in PAGES.items()}


if __name__ == "__main__":
    for name, text in render().items():
        (TARGET / name).write_text(text, encoding="utf-8")
