"""`umbel init`: a small project that runs."""

from pathlib import Path
from typing import Annotated, Final

import typer

TEMPLATE: Final = Path(__file__).with_name("project")
_RENAMED: Final = {"env": ".env", "gitignore": ".gitignore"}  # as they are called, they would count in this repository
SCHEMA: Final = "workflows.schema.json"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; made if it is not there.")] = Path(),
) -> None:
    """Make a small project that runs.

    workflows.yml, tasks/, schemas/, tests/, .env and a README that says what to do. No file that is there is touched:
    if one is in the way, nothing is written.
    """
    from umbel.cli.output import say
    from umbel.errors import BadRequest

    files = contents()
    try:
        taken = sorted(name for name in files if _in_the_way(folder, name))
    except OSError as error:  # no permission to look, or a name too long
        raise BadRequest(f"{folder} cannot be used: {error.strerror}.", hint="Name another folder.") from error
    if taken:
        raise BadRequest(
            f"{folder} already has {', '.join(taken)}; nothing was written.",
            hint="Name another folder: `umbel init DIR`.",
        )
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            hint = "Name a folder that may be written: `umbel init DIR`."
            raise BadRequest(f"{path} cannot be written: {error.strerror}.", hint=hint) from error
        say(f"wrote {path}")
    where = "" if folder == Path() else f" {folder}"
    say(f"\n`umbel dev{where}` runs it; README.md says more")


def _in_the_way(folder: Path, name: str) -> bool:
    """Whether the file is there, or one stands where its folder should."""
    path = folder / name
    return (
        path.exists()
        or path.is_symlink()
        or any((folder / above).exists() and not (folder / above).is_dir() for above in Path(name).parents)
    )


def contents() -> dict[str, str]:
    """The project's files: place in the project -> text."""
    import json

    from umbel.definition.editor import editor_schema

    found = {SCHEMA: json.dumps(editor_schema(), indent=2) + "\n"}
    for path in sorted(TEMPLATE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(TEMPLATE).as_posix()
            found[_RENAMED.get(name, name)] = path.read_text(encoding="utf-8")
    return found
