"""`umbel learn`: the lessons in the terminal, against a running demo."""

from typing import Annotated, Literal

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(learn)


def learn(
    lesson: Annotated[str | None, typer.Argument(metavar="[N]", help="Number or name of a lesson.")] = None,
    lang: Annotated[str, typer.Option(metavar="L", help="Language of the texts: en or zh.")] = "en",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: run all steps, and say whether what is claimed holds.")
    ] = False,
    answer: Annotated[
        list[str] | None, typer.Option(metavar="NAME=ANSWER", help="With --yes: the answer to a question.")
    ] = None,
    edit: Annotated[
        list[str] | None, typer.Option(metavar="STEP=FILE", help="With --yes: run this step with the file's text.")
    ] = None,
) -> None:
    """Take a lesson, or list them.

    Each asks you to predict something, runs it for real on a running `umbel demo`, shows what happened with the names
    of your own run, and checks what you make of it. Which lessons you have passed is kept in a small file.
    """
    from umbel.cli import lesson as one
    from umbel.cli.lesson_words import WORDS
    from umbel.cli.output import columns, say
    from umbel.cli.progress import passed
    from umbel.client import Client
    from umbel.errors import BadRequest

    if lang not in ("en", "zh"):
        raise BadRequest(f"There are no lessons in {lang!r}.", hint="Languages are en and zh.")
    language: Literal["en", "zh"] = "zh" if lang == "zh" else "en"
    with Client() as client:
        if lesson is not None:
            given = dict(each.partition("=")[::2] for each in answer or ()) if yes else None
            raise typer.Exit(0 if one.take(client, lesson, language, given, one.read_edits(edit or [])) else 1)
        found, done = client.list_lessons(language), passed()
        words = WORDS[language]
        rows = [list(words.columns)]
        for each in found.items:
            rows.append([str(each.number), each.title, str(each.minutes), words.yes if each.slug in done else ""])
        columns(rows)
        say(f"\n{words.takes.format(url=client.url)}")
        if found.hint:
            say(found.hint)
