"""Record the demo's pipeline on both engines, for tests and docs: tests/data/traces/*.json.

Run it with `.venv/bin/python scripts/record_traces.py`. The traces are real, so each recording is another one.
"""

import tempfile
import time
from pathlib import Path

from umbel.client import Client
from umbel.service.models.trace import Trace
from umbel.stack import demo_options, run_stack

HERE = Path(__file__).resolve().parent.parent / "tests" / "data" / "traces"
RUNS = {"canvas": "demo.CANVAS", "relay": "demo.PIPELINE"}
PATIENCE = 20.0
"""Seconds to wait for a run, and for the last of its records."""


def main() -> None:
    """Record, and write what was recorded."""
    HERE.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        run_stack(demo_options(port=0, data=Path(folder))) as stack,
        Client(stack.urls.server) as client,
    ):
        client.wait_for_run(client.start_run(RUNS["relay"], {"raw": "warm"}).id)  # the store learns the scripts' texts
        for name, definition in RUNS.items():
            run = client.start_run(definition, {"raw": "hello world", "scenario": "happy"})
            trace = whole(client, run.id)
            text = trace.model_dump_json(indent=1, exclude_defaults=True)
            (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
            print(f"{name}: {trace.total} records, {len(text):,} bytes")


def whole(client: Client, run_id: str) -> Trace:
    """The run's trace once nothing comes any more."""
    until = time.monotonic() + PATIENCE
    before = -1
    while True:
        trace = client.get_trace(run_id, limit=20_000)
        if client.get_run(run_id).settled and trace.total == before:
            return trace
        if time.monotonic() > until:
            raise SystemExit(f"run {run_id} does not end")
        before = trace.total
        time.sleep(0.5)


if __name__ == "__main__":
    main()
