"""Record what the lessons run, for their pages in the docs: docs/tutorial/xrays/*.json.

`.venv/bin/python -m scripts.record_lessons` takes every lesson on a real stack, `... record_lessons 4 9` only these. A
recording is kept only if every claim of its lesson holds in it.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests.learners import run_all, until_recorded
from tests.stacks import await_worker
from umbel.client import Client
from umbel.errors import UmbelError
from umbel.learn.lessons import Lesson, find, lessons
from umbel.learn.lessons.judge import Evidence, Judge, evidence
from umbel.service.models.trace import TraceCommand, TraceRecord
from umbel.stack import demo_options, run_stack

HERE: Final = Path(__file__).resolve().parents[1] / "docs" / "tutorial" / "xrays"
MOST: Final = 100
"""Records that are kept of one run."""
LONG: Final = 110
"""Characters of a command that are kept."""
OUTLINE: Final = ("MULTI", "EXEC")
CELERYS: Final = "chord_part_return"
"""Celery's own script; what happens within Umbel's is told in docs/reference/verbs.md."""


def main() -> None:
    """Record, and write what was recorded."""
    chosen = [find(each) for each in sys.argv[1:]] or list(lessons())
    HERE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        options = demo_options(port=0, data=Path(folder))
        with run_stack(options, lambda line: None) as stack, Client(stack.urls.server) as client:
            for lesson in chosen:
                await_worker(stack, client)
                found = record(client, lesson)
                (HERE / f"{lesson.slug}.json").write_text(dumped(found), encoding="utf-8")
                print(f"{lesson.slug}: {sum(each['total'] for each in found['steps'].values())} records", flush=True)


def record(client: Client, lesson: Lesson) -> dict[str, Any]:
    """What one lesson's steps did, and the values and claims that follow from it."""
    runs = run_all(client, lesson)
    check = until_recorded(lambda: client.check_lesson(lesson.slug, {}, runs))
    failed = [each.name for each in check.claims if not each.holds]
    if failed:
        raise SystemExit(f"{lesson.slug}: not as the lesson says: {', '.join(failed)}")
    claims = {each.name: {"step": each.step, "at": each.at} for each in check.claims}
    found, steps = {}, {}
    for name, run_id in runs.items():
        told = name not in lesson.machine.asked()  # a learner's own run is not told in advance
        named = [each.at for each in check.claims if each.step == name]
        shown, steps[name] = _step(client, lesson, name, run_id, named)
        found |= {name: shown} if told else {}
    return {
        "lesson": lesson.slug,
        "recorded": datetime.now(UTC).date().isoformat(),
        "celery": version("celery"),
        "values": Judge(lesson, steps, {}).values(),
        "claims": claims,
        "steps": found,
    }


def _step(
    client: Client, lesson: Lesson, name: str, run_id: str, named: Iterable[int | None]
) -> tuple[dict[str, Any], Evidence]:
    seen = client.get_step_run(lesson.slug, name, run_id)
    if lesson.machine.steps[name].scene:
        run: dict[str, Any] = {"state": seen.state, **seen.outcome}
    else:
        run = client.get_run(run_id).model_dump(mode="json")
        run["diagnosis"] = client.diagnose_run(run_id).model_dump(mode="json")
    try:
        trace = client.get_trace(run_id, limit=20_000)
    except UmbelError:
        trace = None
    records = trace.records if trace else []
    known = set(named)
    kept = [each for each in records if each.n in known or not _within(each.command)][:MOST]
    shown = {
        "engine": lesson.machine.steps[name].engine,
        "state": run["state"],
        "seen": [each.model_dump(mode="json") for each in seen.seen],
        "outcome": seen.outcome,
        "total": len(records),
        "records": [_row(each) for each in kept],
    }
    return shown, evidence(run, trace.model_dump(mode="json") if trace else None)


def _within(command: TraceCommand | None) -> bool:
    """Whether it is a step within a script of Umbel's, or only the frame of a transaction."""
    if command is None:
        return False
    return command.name in OUTLINE or (command.client == "lua" and command.script != CELERYS)


def _row(record: TraceRecord) -> dict[str, Any]:
    command = record.command
    does = " ".join([command.name, *command.args]) if command else ""
    return {
        "n": record.n,
        "us": record.us,
        "kind": record.kind,
        "from": record.source,
        "to": record.target,
        "phase": record.phase,
        "says": record.says,
        "does": does if len(does) <= LONG else does[: LONG - 1] + "…",
    }


def dumped(found: dict[str, Any]) -> str:
    """As JSON with one record a line, so that another recording can be read as a difference."""
    text = json.dumps(found, indent=1, ensure_ascii=False, default=str)
    for step in found["steps"].values():
        for each in step["records"]:
            inner = ",\n".join(f'     "{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in each.items())
            text = text.replace(f"{{\n{inner}\n    }}", json.dumps(each, ensure_ascii=False))
    return text.replace(os.uname().nodename, "host") + "\n"


if __name__ == "__main__":
    main()
