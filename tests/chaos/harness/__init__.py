"""The real-process chaos programme: many runs under many faults, and a judge who was not there.

Owns: the workload, the faults, the ledger that tasks write outside of Redis and SQL, and the checker.
May import: anything of Umbel's that a test may; nothing of Umbel imports it.
Promises: a slice is told by its seed; what it says of a fault has happened; it kills only processes that it started.

`python -m tests.chaos.harness --help` says how to run it, docs/explanation/reliability-tests.md how to read it.
"""
