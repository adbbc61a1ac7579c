"""Writes ARCHITECTURE.md from the docstrings of umbel's packages and the layers in pyproject.toml."""

import ast
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "umbel"
TARGET = ROOT / "ARCHITECTURE.md"
FACTS = ("Owns", "May import", "Promises")

HEAD = """\
# Architecture

<!-- Written by `make docs-render` from the packages' docstrings and pyproject.toml. Do not edit. -->

*A Celery message is a doorbell; the truth is in the engine; the history is in SQL.*

## The way of a run

author -> `definition` -> `plan` -> `engine.launch` -> `celery` dispatch -> broker -> task base class:
`engine.claim` (token) -> your code -> `engine.succeed(token)` (records, releases the dependents, appends the
event: one script) -> `keeper` projects the events -> `store` -> `service` -> `api`, `cli`.

- A worker that finishes a task releases its dependents itself, in one atomic script. The server may be down
  meanwhile.
- Workers never touch SQL. A run is committed to SQL before it is launched in the state store; every later
  change is an event on a stream, written by the script that makes the change, and projected into SQL with its
  position in the same transaction.
- Retry pauses and joins live in the state store, never in a worker's memory or in a message.
- All times come from the state store's clock.
"""


@dataclass(frozen=True)
class Part:
    """A package or module directly below `umbel`, as its docstring presents it."""

    name: str
    purpose: str
    facts: dict[str, str]


def parts() -> list[Part]:
    """Every part, by name.

    Raises:
        ValueError: a docstring lacks one of the three lines.
    """
    found = []
    for path in sorted([*SRC.glob("*.py"), *SRC.glob("*/__init__.py")]):
        if path in {SRC / "__init__.py", SRC / "__main__.py"}:
            continue
        name = path.parent.name if path.name == "__init__.py" else path.stem
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        facts = {fact: value for fact in FACTS if (value := read_fact(docstring, fact))}
        if missing := [fact for fact in FACTS if fact not in facts]:
            raise ValueError(f"umbel.{name}: its docstring has no line {', '.join(f'`{fact}:`' for fact in missing)}")
        found.append(Part(name, " ".join(docstring.split("\n\n")[0].split()), facts))
    return found


def read_fact(docstring: str, fact: str) -> str:
    """What follows `Owns:` (or another fact), with its indented or plain continuation lines."""
    others = "|".join(re.escape(other) for other in FACTS)
    found = re.search(rf"^{re.escape(fact)}:(.*?)(?=^\s*$|^(?:{others}):|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def layers() -> list[list[str]]:
    """The layers of pyproject.toml, top to bottom."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = config["tool"]["importlinter"]["contracts"][0]
    return [re.findall(r"\w+", layer) for layer in contract["layers"]]


def render() -> str:
    """The whole of ARCHITECTURE.md."""
    by_name = {part.name: part for part in parts()}
    lines = [
        HEAD,
        "## Layers",
        "",
        "Top to bottom; each may import only those below it (import-linter checks).",
        "",
        "```",
    ]
    order = [[name for name in layer if name in by_name] for layer in layers()]
    lines += ["  ".join(layer) for layer in order if layer]
    lines += ["```", "", "## Parts"]
    for part in (by_name[name] for layer in order for name in layer):
        lines += ["", f"### `umbel.{part.name}`", "", part.purpose, ""]
        lines += [f"- **{fact}:** {part.facts[fact]}" for fact in FACTS]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
