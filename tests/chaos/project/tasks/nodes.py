"""Tasks for definitions by chance: what they return tells what they were called with, and is short."""

import json
import zlib

from celery import shared_task


class Flaw(Exception):
    pass


def told(*seen):
    """A number made of all that a task has seen, and a short list."""
    number = zlib.crc32(json.dumps(seen, sort_keys=True).encode()) % 1000
    return {"n": number, "rows": list(range(number % 4))}


@shared_task(name="node.sum")
def plain(given=None, payload=None, workflow_id=None, **named):
    return told(given, payload, named)


@shared_task(name="node.flawed", bind=True)
def flawed(self, given=None, payload=None, workflow_id=None, flaws=1, **named):
    if self.request.retries < flaws:
        raise Flaw(f"flaw {self.request.retries} of {told(given, payload, named)['n']}")
    return told(given, payload, named, self.request.retries)


@shared_task(name="node.again", bind=True, max_retries=2)
def again(self, given=None, payload=None, workflow_id=None, **named):
    if self.request.retries < 1:
        raise self.retry(countdown=0)
    return told(given, payload, named, self.request.retries)


@shared_task(name="node.picky")
def picky(given=None, payload=None, workflow_id=None, **named):
    """Fails for some of what it may be called with: in a map, for some of the items."""
    found = told(given, payload, named)
    if found["n"] % 7 == 0:
        raise ValueError(f"{found['n']} is bad")
    return found
