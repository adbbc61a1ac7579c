"""Umbel against raw Celery canvas, on the same machine, the same Valkey and the same pool settings, in one run."""
