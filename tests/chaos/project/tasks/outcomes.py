"""Tasks that end in every way a Celery task can end. What they see goes to the file `said`, as JSON lines."""

import datetime
import decimal
import json
import logging
import os
import signal
import sys
import threading
import time
import uuid

from celery import Task, current_app, signals
from celery.exceptions import Ignore, Reject
from celery.utils.log import get_task_logger
from celery.worker.request import Request
from tasks.lab import HOME, hold

from umbel import task

if not os.environ.get("LAB_CANVAS") and os.environ["UMBEL_BROKER_URL"].startswith("redis"):
    # A project may have a result backend for its other tasks; Umbel's own must not write to it.
    current_app.conf.result_backend = os.environ["UMBEL_BROKER_URL"]
if os.environ.get("LAB_LATE"):
    current_app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_track_started=True)
if os.environ.get("LAB_VISIBILITY"):
    current_app.conf.broker_transport_options = {
        **current_app.conf.broker_transport_options,
        "visibility_timeout": float(os.environ["LAB_VISIBILITY"]),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }


def say(run, **what):
    line = json.dumps({"run": run, **what}, default=repr) + "\n"
    said = os.open(HOME / "said", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(said, line.encode())
    os.close(said)


def own(name, **options):
    """A bound task of this name whose body gets (self, given, payload, run), and says when it begins."""

    def decorate(body):
        def run(self, given, payload, workflow_id, **extra):
            say(workflow_id, word="begin", task=name, pid=os.getpid(), retries=self.request.retries, id=self.request.id)
            return body(self, given, payload, workflow_id, **extra)

        run.__name__ = name
        return task(name=name, bind=True, **options)(run)

    return decorate


@own("ECHO")
def echo(self, given, payload, run):
    return {"given": given, "payload": payload, "run": run, "message": self.request.correlation_id}


@own("LIMITED", time_limit=60)
def limited(self, given, payload, run):
    return {"given": given, "message": self.request.correlation_id}


# --- retries


@own("AUTO", autoretry_for=(KeyError,), retry_backoff=True, retry_jitter=False, max_retries=3)
def auto(self, given, payload, run):
    if self.request.retries < 2:
        raise KeyError("try again")
    return {"id": self.request.id, "retries": self.request.retries, "given": given}


@own("RETRY")
def retry(self, given, payload, run):
    if self.request.retries == 0:
        raise self.retry(countdown=0.3)
    return {"id": self.request.id, "retries": self.request.retries, "given": given}


@own("RETRY_ARGS")
def retry_args(self, given, payload, run, extra=None):
    if self.request.retries == 0:
        raise self.retry(
            args=("other",), kwargs={"payload": payload, "workflow_id": run, "extra": b"more"}, countdown=0
        )
    return {"given": given, "extra": extra}


@own("RETRY_ETA")
def retry_eta(self, given, payload, run):
    if self.request.retries == 0:
        raise self.retry(eta=datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=0.5))
    return self.request.retries


@own("RETRY_ODD_ARGS")
def retry_odd_args(self, given, payload, run):
    raise self.retry(args=(object(),), countdown=0)


@own("EXHAUSTED", max_retries=1)
def exhausted(self, given, payload, run):
    raise self.retry(countdown=0)


@own("EXHAUSTED_OWN", max_retries=1)
def exhausted_own(self, given, payload, run):
    raise self.retry(exc=ValueError("my own"), countdown=0)


@own("NO_THROW")
def no_throw(self, given, payload, run):
    if self.request.retries == 0:
        self.retry(throw=False, countdown=0.1)
        return "first"
    return "second"


# --- errors


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Locked(Exception):
    def __init__(self):
        super().__init__("locked")
        self.lock = threading.Lock()


class Below(BaseException):
    pass


ERRORS = {
    "letters": lambda: ValueError("Zürich, 東京, 🦀"),
    "surrogate": lambda: ValueError("half \ud800 a letter"),
    "mute": Mute,
    "locked": Locked,
    "long": lambda: ValueError("x" * 1_000_000),
    "below": lambda: Below("under Exception"),
    "memory": lambda: MemoryError("too much"),
    "ignore": Ignore,
    "reject": lambda: Reject("no"),
    "requeue": lambda: Reject("again", requeue=True),
    "sys_exit": lambda: SystemExit(3),
    "interrupt": KeyboardInterrupt,
}


@own("ERROR")
def error(self, given, payload, run):
    raise ERRORS[payload["error"]]()


# --- results

RESULTS = {
    "object": object,
    "big": lambda: "x" * 100_000,
    "nan": lambda: {"loss": float("nan")},
    "surrogate": lambda: "half \ud800 a letter",
    "letters": lambda: "Zürich, 東京, 🦀",
    "types": lambda: [
        datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC),
        datetime.date(2026, 11, 1),
        b"\xff\x00",
        decimal.Decimal("0.10"),
        uuid.UUID(int=7),
    ],
}


@own("RESULT")
def result(self, given, payload, run):
    return RESULTS[payload["result"]]()


@own("TYPES")
def types(self, given, payload, run):
    return [type(each).__name__ for each in given] if given == RESULTS["types"]() else repr(given)


# --- the process


@own("SOFT", soft_time_limit=1)
def soft(self, given, payload, run):
    time.sleep(30)


@own("HARD", time_limit=1)
def hard(self, given, payload, run):
    time.sleep(30)


@own("DIE")
def die(self, given, payload, run):
    if not (HOME / f"{run}.died").exists():
        (HOME / f"{run}.died").touch()
        os._exit(7) if payload["die"] == "exit" else os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


@own("BURN")
def burn(self, given, payload, run):
    until = time.monotonic() + payload["seconds"]
    while time.monotonic() < until:
        pass


@own("HELD")
def held(self, given, payload, run):
    try:
        print("before the gate")
        hold(HOME / f"{run}.HELD.go")
        return "let go"
    finally:
        say(run, word="left")


# --- output


@own("OUTPUT")
def output(self, given, payload, run):
    print("printed", payload["who"], self.request.retries)
    sys.stderr.write(f"complained {payload['who']}\n")
    logging.getLogger("lab").warning("logged %s", payload["who"])
    get_task_logger("lab.task").info("task logged %s", payload["who"])
    time.sleep(0.05)  # the other threads' lines come in between
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    print("z" * 5000)
    print("never seen")


# --- Celery's own machinery

if os.environ.get("LAB_NEWER"):

    @own("NEWER")
    def newer(self, given, payload, run):
        return "known by now"


@task(name="PLAIN")
def plain(run):
    say(run, word="plain")


@task(name="PLAIN_RESULT", ignore_result=False, bind=True, max_retries=1)
def plain_result(self, run):
    if self.request.retries == 0:
        raise self.retry(countdown=0.1)
    return {"run": run}


@own("CALLS")
def calls(self, given, payload, run):
    plain.delay(run)
    plain.s(run).apply_async(countdown=0.1)
    return plain_result.delay(run).id


class Hooked(Task):
    """No `super()` anywhere, as in many a project."""

    abstract = True

    def __call__(self, *args, **kwargs):
        say(kwargs["workflow_id"], word="__call__", args=args, kwargs=kwargs)
        return self.run(*args, **kwargs)

    def before_start(self, task_id, args, kwargs):
        say(kwargs["workflow_id"], word="before_start", args=args, kwargs=kwargs, id=task_id)

    def on_success(self, retval, task_id, args, kwargs):
        say(kwargs["workflow_id"], word="on_success", args=args, kwargs=kwargs, id=task_id)
        if kwargs["payload"].get("hook") == "raises":
            raise MemoryError("in on_success")

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        say(kwargs["workflow_id"], word="on_failure", args=args, kwargs=kwargs, id=task_id)

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        say(kwargs["workflow_id"], word="on_retry", args=args, kwargs=kwargs, id=task_id)

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        say(kwargs["workflow_id"], word="after_return", args=args, kwargs=kwargs, id=task_id, status=status)


class OwnRequest(Request):
    """A project's own view of a message in the worker's main process."""

    def on_accepted(self, pid, time_accepted):
        super().on_accepted(pid, time_accepted)
        say(self.request_dict["umbel"]["run"], word="own request")


@task(name="HOOKED", base=Hooked, bind=True, Request=OwnRequest)
def hooked(self, given, payload, workflow_id):
    if payload["hook"] == "fails":
        raise ValueError("as told")
    if payload["hook"] == "retries" and self.request.retries == 0:
        raise self.retry(countdown=0)
    return self.request.id


@signals.task_prerun.connect
@signals.task_postrun.connect
@signals.task_success.connect
def heard(signal, sender, **kwargs):
    if sender.name == "HOOKED":
        request = sender.request
        say(
            request.kwargs["workflow_id"],
            word=signal.name.removeprefix("task_"),
            args=request.args,
            kwargs=request.kwargs,
            id=request.id,
        )
