"""Celery executes what the engine decides: the only package that imports Celery.

Owns: claiming and recording around a task's body, what a step does instead of one (conditions, maps, sub-runs,
    approvals), its time limits and retries, publishing, the worker's heartbeat and loops, loading a project's tasks.
May import: engine, plan, definition, events, machine, errors, settings.
Promises: tasks run under unmodified Celery semantics on prefork, threads, gevent and solo; every attempt ends in a
    recorded outcome; messages have constant size and are JSON.
"""
