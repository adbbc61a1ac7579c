"""A plain Celery app with default settings, and scenes played with it: what Celery does without Umbel."""
