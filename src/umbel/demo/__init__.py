"""The demo: a small workflow project that can fail in five ways, and the model service it calls.

Owns: the pipeline's definition, schema and tasks (`project/`, laid out like a user's) and the model service.
May import: the layers below; fastapi and uvicorn in the model service, `umbel.task`, requests in the tasks.
Promises: the answers, results and retry instants recorded from celery-director for the same five scenarios.
"""

from pathlib import Path

PROJECT = Path(__file__).parent / "project"
"""The folder of the demo project: `workflows.yml`, `schemas/`, `tasks/`."""

SCENARIOS = ("happy", "flaky", "slow", "down", "partial_fail")
"""What the payload's `scenario` may be; the schema of the project says the same."""
