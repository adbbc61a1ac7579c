"""What Umbel teaches: lessons about Celery that are run for real.

Owns: the lessons and how they are judged; nothing that runs.
May import: definition, errors, and what is below them.
Promises: a lesson with a mistake is refused with its file and place; each claim of a lesson is an expression over the
recorded trace of a run.
"""
