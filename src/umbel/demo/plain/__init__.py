"""A plain Celery app, and scenes played with it: what Celery does by itself, without Umbel.

`python -m umbel.demo.plain SCENE` plays one, on two databases that it empties first, with workers of its own. It says
what it sees as JSON lines and ends with the outcome. When its standard input closes, it ends with all it started.
"""
