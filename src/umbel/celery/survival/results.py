"""Rules on results: what a chord counts with, and whether anybody learns of a loss."""

from datetime import timedelta
from typing import Any, Final

from umbel.celery.survival.record import DOCS, AppFacts, Rule, Seen, duration, known, pauses, setting_page


def _chords(app: AppFacts) -> str:
    return f"; {', '.join(app.chords)} imports chord" if app.chords else ""


def rpc(app: AppFacts) -> Seen | None:
    """Results that only the caller's process can read."""
    if app.backend != "rpc":
        return None
    return Seen(app.said("result_backend") + _chords(app), severity="danger" if app.chords else None)


def no_backend(app: AppFacts) -> Seen | None:
    """Nobody can see what became of a task."""
    if app.backend != "disabled":
        return None
    return Seen(app.said("result_backend") + _chords(app), severity="danger" if app.chords else None)


def expiring(app: AppFacts) -> Seen | None:
    """Results are gone before the slowest member of a chord has ended."""
    key = "result_chord_expires" if app.settings["result_chord_expires"] is not None else "result_expires"
    kept = _seconds(app.settings[key])
    times = known(app.tasks) + pauses(app)
    if app.backend == "disabled" or not kept or not times or max(times)[0] <= kept:
        return None
    seconds, what = max(times)
    names = (task for task in app.tasks if max(task.limit or 0, task.pause) > kept)
    return Seen.of(
        f"{app.said(key)}; {what} is {duration(seconds)}", names, f"app.conf.{key} = {int(seconds * 2)}  # seconds"
    )


def ignored(app: AppFacts) -> Seen | None:
    """A chord cannot use tasks without results."""
    silent = [task for task in app.tasks if task.ignore_result]
    if app.backend == "disabled" or not silent:
        return None
    return Seen.of(app.said("task_ignore_result") + _chords(app), silent)


def untracked(app: AppFacts) -> Seen | None:
    """A lost task looks like one that waits."""
    untold = [task for task in app.tasks if not task.track_started and not task.ignore_result]
    if app.backend == "disabled" or not untold:
        return None
    return Seen.of(app.said("task_track_started"), untold)


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value or 0)


RULES: Final = (
    Rule(
        id="rpc-results",
        severity="note",
        look=rpc,
        why="Results go into a queue of the process that called, and it alone can read them, once. This backend "
        "refuses chords, and group | task is one.",
        kill="Of the caller: nobody can read the results of what it started.",
        fix="app.conf.result_backend = 'redis://localhost:6379/1'",
        source=f"{DOCS}userguide/tasks.html#rpc-result-backend-rabbitmq-qpid; "
        "celery/backends/rpc.py, E_NO_CHORD_SUPPORT",
        moot=True,
    ),
    Rule(
        id="no-result-backend",
        severity="note",
        look=no_backend,
        why="Without a result backend a lost task leaves no trace, and chords (group | task is one) are refused "
        "when they are sent.",
        kill="Nobody can find out which tasks were lost.",
        fix="app.conf.result_backend = 'redis://localhost:6379/1'",
        source=f"{DOCS}userguide/canvas.html#chord-important-notes; celery/backends/base.py, E_CHORD_NO_BACKEND",
        moot=True,
    ),
    Rule(
        id="results-expire",
        severity="warning",
        look=expiring,
        why="A chord counts its members in the result backend; what has expired before the slowest member has "
        "ended is not counted, and the chord's body never runs.",
        kill="A member that is run again ends later still.",
        fix="app.conf.result_expires = 86400",
        source=f"{setting_page('result_expires')}; celery/backends/base.py, KeyValueStoreBackend.chord_expires",
        moot=True,
    ),
    Rule(
        id="ignored-results",
        severity="note",
        look=ignored,
        why="Tasks of a chord must not ignore their results; whether these are used in one cannot be read from "
        "the app.",
        kill="A loss of such a task is recorded nowhere.",
        fix="@app.task(ignore_result=False)  # for what runs in a chord",
        source=f"{DOCS}userguide/canvas.html#chord-important-notes",
        moot=True,
    ),
    Rule(
        id="untracked-start",
        severity="note",
        look=untracked,
        why="A task that runs is PENDING, as is one that waits, one that was lost, and one that never was.",
        kill="The lost task stays PENDING; nobody can tell that it had begun.",
        fix="app.conf.task_track_started = True",
        source=setting_page("task_track_started"),
        moot=True,
    ),
)
