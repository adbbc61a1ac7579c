"""Tasks for the steps of a definition: they say what they were called with, fail, or take too long."""

import os
import signal
import time

from celery import shared_task
from tasks.lab import HOME, hold
from tasks.outcomes import say

from umbel.engine.calls import Calls


@shared_task(name="CALLED", bind=True)
def called(self, *args, **kwargs):
    return {"args": args, "kwargs": kwargs, "id": self.request.id}


@shared_task(name="GIVE")
def give(*args, payload, workflow_id):
    return payload["give"]


@shared_task(name="NONE")
def none(*args, **kwargs):
    return None


@shared_task(name="ODD", bind=True)
def odd(self, number, payload, workflow_id):
    if "hold" in payload:
        say(workflow_id, word="odd", number=number)
    if f"{number}" in payload.get("hold", ()):
        hold(HOME / f"{workflow_id}.ODD.go")
    if number in payload.get("bad", ()):
        raise ValueError(f"{number} is bad")
    return number * 2 + 1


class Flaw(Exception):
    pass


class DeepFlaw(Flaw):
    pass


@shared_task(name="FLAWED", bind=True)
def flawed(self, given, payload, workflow_id):
    if self.request.retries < payload["flaws"]:
        raise DeepFlaw(f"flaw {self.request.retries}")
    return self.request.retries


@shared_task(name="SLOW", bind=True)
def slow(self, given, payload, workflow_id):
    """Longer than it may, in steps, so that every pool has a chance to end it; the second time it is quick."""
    say(workflow_id, word="slow", retries=self.request.retries)
    try:
        for _ in range(200 if self.request.retries < payload.get("slow", 1) else 0):
            time.sleep(0.05)
        return self.request.retries
    finally:
        say(workflow_id, word="slow ended")


@shared_task(name="SLOW_HARD", bind=True, time_limit=1)
def slow_hard(self, given, payload, workflow_id):
    return slow.run(given, payload, workflow_id)


@shared_task(name="NEW_STYLE")
def new_style(request, error, traceback, more=None):
    return {"id": request.id, "task": request.task, "error": repr(error), "traceback": bool(traceback), "more": more}


@shared_task(name="OLD_STYLE")
def old_style(task_id):
    return task_id


@shared_task(name="BOUND", bind=True)
def bound(self, *args):
    return args


_expand = Calls.expand


def expand(self, partition, **call):
    """Dies between two portions of a map's items, if the test asked for that."""
    wanted = HOME / "kill-in-expand"
    if call["first"] > 0 and wanted.exists():
        wanted.unlink()
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return _expand(self, partition, **call)


Calls.expand = expand
