"""Tasks that can be held, and that write what they do to a ledger outside Redis and SQL.

`payload["hold"]` names tasks whose body waits until the test makes a file; `payload["do"]` says what the body of a task
does besides. A line of the ledger: word, task, run id, pid, retries.
"""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

from umbel import task

HOME = Path(os.environ["LAB_HOME"])


def note(word, self, run):
    line = f"{word} {self.name} {run} {os.getpid()} {self.request.retries}\n"
    ledger = os.open(HOME / "ledger", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(ledger, line.encode())
    os.close(ledger)


def hold(gate):
    deadline = time.monotonic() + 90
    while not gate.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def body(self, given, payload, run):
    note("start", self, run)
    if self.name in payload.get("hold", ()):
        hold(HOME / f"{run}.{self.name}.go")
    result = {"task": self.name, "given": given, "retries": self.request.retries, "id": self.request.id}
    match payload.get("do", {}).get(self.name):
        case {"retry": countdown} if self.request.retries == 0:
            note("retry", self, run)
            raise self.retry(countdown=countdown)
        case {"fail": text}:
            raise ValueError(text)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
    note("end", self, run)
    return result


@task(name="A", bind=True, max_retries=3)
def a(self, given, payload, workflow_id):
    return body(self, given, payload, workflow_id)


@task(name="B", bind=True)
def b(self, given, payload, workflow_id):
    return body(self, given, payload, workflow_id)


@task(name="C", bind=True)
def c(self, given, payload, workflow_id):
    return body(self, given, payload, workflow_id)


@task(name="D", bind=True)
def d(self, given=None, *, payload, workflow_id):
    return body(self, given, payload, workflow_id)


@task(name="DIGEST", bind=True)
def digest(self, given, payload, workflow_id):
    """A short text that tells which task this was, and what it was given."""
    return hashlib.sha1(json.dumps([self.request.id, given, payload]).encode()).hexdigest()
