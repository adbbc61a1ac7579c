"""Following a run: a live tree on a terminal, a line for each change elsewhere, JSON lines for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from umbel.cli.output import COLORS, console, say, say_json
from umbel.cli.story import Row, Story
from umbel.cli.words import clean, count, local, seconds
from umbel.client import Client
from umbel.machine import TASK_TERMINAL, TERMINAL_EVENTS, EventType, RunState, TaskState
from umbel.service.models import RunDetail

EXIT: Final = {RunState.SUCCESS: 0, RunState.ERROR: 1, RunState.CANCELED: 2}
"""Exit status for a run's last state."""

_SIGNS: Final = {
    TaskState.WAITING: "·",
    TaskState.QUEUED: "○",
    TaskState.SCHEDULED: "○",
    TaskState.RUNNING: "▶",
    TaskState.EXPANDED: "▷",
    TaskState.AWAITING_INPUT: "?",
    TaskState.RETRYING: "↻",
    TaskState.SUCCESS: "✓",
    TaskState.ERROR: "✗",
    TaskState.SKIPPED: "-",
    TaskState.CANCELED: "■",
    TaskState.UPSTREAM_FAILED: "·",
}
_URGENT: Final = (
    TaskState.ERROR,
    TaskState.AWAITING_INPUT,
    TaskState.RUNNING,
    TaskState.EXPANDED,
    TaskState.RETRYING,
    TaskState.QUEUED,
)
"""What a tree that is too long for the terminal shows, in this order."""


def follow(client: Client, run_id: str, *, as_json: bool = False) -> RunDetail:
    """Show a run from its first event until it ends; the run as it then is.

    Raises:
        UmbelError: there is no such run, or the server went away for too long.
    """
    run = client.get_run(run_id)
    if as_json:
        epoch = 1
        for event in client.events(run_id):
            say_json(event, line=True)
            epoch = event.data["epoch"] if event.type == EventType.RUN_RESTORED else epoch
            if event.type in TERMINAL_EVENTS and epoch >= run.epoch:
                break
        return client.get_run(run_id)
    story = Story(run)
    with _view(story) as tell:
        for event in client.events(run_id):
            if sentence := story.apply(event):
                tell(f"{seconds(story.age(event.at)):>8}  ", sentence)
            if event.type in TERMINAL_EVENTS and story.epoch >= run.epoch:
                break
    return client.get_run(run_id)


@contextmanager
def _view(story: Story) -> Iterator[Callable[[str, str], None]]:
    """What tells a sentence, each of its lines below the time; on a terminal with the tree below."""

    def tell(at: str, sentence: str) -> None:
        for line in sentence.splitlines():
            say(at + line)

    if not console().is_terminal:
        say(f"run {story.run.id} of {story.run.definition}")
        yield tell
        return
    with Live(Tree(story), console=console(), refresh_per_second=8):
        yield tell


class Tree:
    """Draws a story anew each time, so that its clocks run."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Head line, then one line per task, indented by its place in the graph."""
        now = datetime.now(UTC)
        yield self._head(now)
        rows = list(self._story.rows.values())
        room = max((options.height or console.height) - 6, 5)
        shown = rows if len(rows) <= room else self._most_urgent(rows, room - 1)
        width = max((len(row.key) + 2 * row.depth for row in shown), default=0)
        for row in shown:
            yield _line(row, now, width)
        if len(shown) < len(rows):
            yield Text(f"  … and {len(rows) - len(shown):,} more", "bright_black")

    def _head(self, now: datetime) -> Text:
        story = self._story
        done = sum(row.state in TASK_TERMINAL for row in story.rows.values())
        text = Text(f"{clean(story.run.definition)}  {story.run.id}  ", no_wrap=True, overflow="ellipsis")
        text.append(story.state, f"bold {COLORS.get(story.state, '')}")
        text.append(f"  {seconds(story.age(story.ended or now))}  {done:,} of {count(len(story.rows), 'task')}")
        return text

    def _most_urgent(self, rows: list[Row], room: int) -> list[Row]:
        urgent = [row for state in _URGENT for row in rows if row.state is state]
        return urgent[:room]


def _line(row: Row, now: datetime, width: int) -> Text:
    color = COLORS.get(row.state, "")
    text = Text("  " * (row.depth + 1), no_wrap=True, overflow="ellipsis")
    text.append(f"{_SIGNS[row.state]} ", color)
    text.append(clean(row.key).ljust(width - 2 * row.depth + 2))
    text.append(row.state.replace("_", " ").ljust(17), color)
    text.append(clean(_detail(row, now)))
    return text


def _detail(row: Row, now: datetime) -> str:
    if row.state is TaskState.RETRYING and row.due:
        return f"{row.note} in {max((row.due - now).total_seconds(), 0):.1f} s"
    if row.state is TaskState.AWAITING_INPUT and row.due:
        return f"{row.note}, until {local(row.due)}"
    if row.items and row.state is TaskState.EXPANDED:
        return f"{row.items.ended:,} of {count(row.items.total, 'item')}" + (
            f", {row.items.failed:,} failed" if row.items.failed else ""
        )
    parts = []
    if row.started and row.state in (TaskState.RUNNING, TaskState.SUCCESS, TaskState.ERROR):
        parts.append(seconds(((row.ended or now) - row.started).total_seconds()))
    if row.attempt > 1:
        parts.append(f"attempt {row.attempt}")
    if row.note and row.state in (TaskState.ERROR, TaskState.QUEUED, TaskState.EXPANDED, TaskState.AWAITING_INPUT):
        parts.append(row.note)
    return "  ".join(parts)
