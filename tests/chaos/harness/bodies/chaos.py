"""Tasks that write what they do to a ledger outside of Redis and SQL: one appended line at the start and at the end.

A line: word, run, task, attempt, pid, nanoseconds of the monotonic clock (one for all processes of a machine), and how
long the body means to take in ms. Everything else follows from the payload's seed, so that an attempt repeats the last.
"""

import os
import random
import time
from pathlib import Path

from umbel import task
from umbel.celery import capture

LEDGER = Path(os.environ["CHAOS_HOME"]) / "ledger"


class Flaw(Exception):
    pass


def note(word, self, takes):
    token = capture._here.output.token
    line = f"{word} {token.run} {token.task} {token.attempt} {os.getpid()} {time.monotonic_ns()} {takes}\n"
    ledger = os.open(LEDGER, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(ledger, line.encode())
    os.close(ledger)


def body(self, payload, flaws=0):
    token = capture._here.output.token
    seed = (payload or {}).get("seed", 0)
    chance = random.Random(f"{seed}:{token.task}")
    slow = (payload or {}).get("slow", 0.02)
    takes = chance.randint(1000, 2000) if chance.random() < slow else chance.randint(0, 50)
    note("start", self, takes)
    until = time.monotonic() + takes / 1000
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.25))
    if self.request.retries < flaws:
        note("fail", self, takes)
        raise Flaw("as planned")
    note("end", self, takes)
    return {"n": token.task}


@task(name="chaos.step", bind=True)
def step(self, given=None, payload=None, workflow_id=None, **named):
    return body(self, payload or named)


@task(name="chaos.rows", bind=True)
def rows(self, given=None, payload=None, workflow_id=None):
    body(self, payload)
    return list(range(20))


@task(name="chaos.again", bind=True, max_retries=3)
def again(self, given=None, payload=None, workflow_id=None):
    try:
        return body(self, payload, flaws=1)
    except Flaw as flaw:
        raise self.retry(exc=flaw, countdown=0.7) from flaw


@task(name="chaos.flawed", bind=True)
def flawed(self, given=None, payload=None, workflow_id=None):
    """Fails twice; the definition says `retry`."""
    return body(self, payload, flaws=2)


@task(name="chaos.picky", bind=True)
def picky(self, given=None, payload=None, workflow_id=None):
    return body(self, payload, flaws=99 if payload["n"] % 3 == 0 else 0)
