"""Workflows in tests: run a definition in memory, with the project's own tasks.

    from umbel.testing import run

    def test_an_order_is_shipped():
        done = run("path/of/project", "shop.ORDER", {"order": 7})
        assert done.status == "success"
        assert done.tasks["CHARGE"].attempts == 2

No broker, no Redis, no worker process; the pauses of retries are not slept. Everything runs in the calling thread, in
one order, by the engine's and the worker's own rules.

Owns: the worker that is no process, and what it tells a test.
May import: service, celery, engine, plan, definition, machine, errors, settings.
Promises: states, results, attempts and errors are those that real workers would record. Not simulated: leases, time
    limits, two bodies at the same time.
"""

from umbel.testing.rehearsal import run
from umbel.testing.result import TestRun, TestTask

__all__ = ["TestRun", "TestTask", "run"]
