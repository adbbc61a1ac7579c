"""Umbel: a workflow server for people who already have Celery.

A Celery message is a doorbell; the truth is in the engine; the history is in SQL.
"""

__version__ = "0.1.0.dev0"
