"""The scenes. Each takes a stage and its options, says what is seen, and returns the figures that claims are about."""

import math
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from celery import chain, chord
from celery.utils.time import get_exponential_backoff_interval

from umbel.demo.plain.app import errback, even, fail, jittered, work
from umbel.demo.plain.stage import Stage

Outcome = dict[str, Any]
HOUR = 3600


def prefetch(stage: Stage, options: dict[str, Any]) -> Outcome:
    """One worker with one process finds ten messages: how many does it take?"""
    for _ in range(10):
        work.delay(seconds=3.0)
    stage.say("producer", f"sent 10 tasks; the queue `celery` has {stage.waiting()}")
    worker = stage.worker(1)
    stage.until(lambda: stage.lines("begins"), 10, "task")
    held = stage.unchanged(stage.unacked)
    waiting = stage.waiting()
    begun = len(stage.lines("begins"))
    stage.say("worker", f"runs {begun}, and holds {held} more in `unacked`; {waiting} are left in the queue")
    indexed, keys = stage.broker.zcard("unacked_index"), stage.keys(stage.broker)
    stage.kill(worker)
    return {"sent": 10, "begun": begun, "held": held, "waiting": waiting, "indexed": indexed, "keys": keys}


def killed(stage: Stage, options: dict[str, Any]) -> Outcome:
    """A worker, or a process of its pool, is killed in the middle of the second task of a chain of three."""
    whole = options.get("kill", "worker") == "worker"
    first = stage.worker(1)
    result = chain(work.s(seconds=0.0), work.s(seconds=options.get("seconds", 3.0)), work.s())()
    second = result.parent
    stage.say("producer", "sent a chain of three tasks")
    begun = stage.until(lambda: stage.lines("begins", second.id), 10, "second task")[0]
    held = stage.unchanged(stage.unacked)  # the worker hears a moment later that its process has begun
    stage.say("worker", f"the second task runs; `unacked` holds {held} message{'' if held == 1 else 's'}")
    if whole:
        stage.kill(first)
        stage.say("kill -9", "the worker is dead, in the middle of the second task")
        stage.worker(1)
        stage.say("worker", "another worker has come, and waits for messages")
    else:
        stage.kill_child(begun["pid"])
        stage.say("kill -9", "the process that ran the second task is dead; its worker lives")
    # A worker may take 10 s to call a process of its pool lost (billiard's LOST_WORKER_TIMEOUT).
    patience = options.get("patience", 3.0 if whole else 25.0)
    stage.seen(lambda: result.parent.failed() or result.state == "SUCCESS", patience)
    runs = len(stage.lines("begins", second.id))
    queue, unacked = stage.waiting(), stage.unacked()
    failure = type(second.result).__name__ if second.failed() else None
    finished = result.state == "SUCCESS"
    lost = not finished and not failure and not queue and not unacked
    if finished:
        stage.say("result", f"the chain ended well; the second task was begun {runs} times")
    elif failure:
        stage.say("result", f"the second task failed with {failure}; the third was never sent")
    elif lost:
        stage.say("result", "queue and `unacked` are empty: nobody will ever run it, and nobody is told")
    else:
        stage.say("result", f"{queue} in the queue, {unacked} in `unacked`")
    return {
        "held": held,
        "begun": runs,
        "third_begun": len(stage.lines("begins", result.id)),
        "states": [result.parent.parent.state, second.state, result.state],
        "queue": queue,
        "unacked": unacked,
        "failure": failure,
        "finished": finished,
        "lost": lost,
        "ids": [result.parent.parent.id, second.id, result.id],
    }


def failing(stage: Stage, options: dict[str, Any]) -> Outcome:
    """One of three tasks before a barrier fails."""
    stage.worker(2)
    result = chord([work.s(), fail.s(), work.s(seconds=2.0)])(work.s().on_error(errback.s()))
    stage.say("producer", "sent a chord: one task that is quick, one that fails, one that takes 2 s")
    header = result.parent
    stage.until(lambda: header.results[1].state == "FAILURE", 20, "failure")
    others, after = header.results[2].state, result.state
    stage.say("worker", f"the second has failed; the third is {others}, what follows is {after}")
    stage.until(lambda: result.state == "FAILURE", 20, "end of the chord")
    stage.seen(lambda: stage.lines("errback"), 5)
    ended = len(stage.lines("ends"))
    stage.say("result", f"what follows is FAILURE: {type(result.result).__name__}; it was begun 0 times")
    return {
        "states": [each.state for each in header.results],
        "while_failed": {"third": others, "body": after},
        "ended": ended,
        "body": {"state": result.state, "error": type(result.result).__name__, "text": str(result.result)},
        "body_begun": len(stage.lines("begins", result.id)),
        "errbacks": len(stage.lines("errback")),
        "failed_id": header.results[1].id,
    }


def twice(stage: Stage, options: dict[str, Any]) -> Outcome:
    """One task takes longer than the visibility timeout; another one has a countdown that does."""
    timeout = options["visibility_timeout"]
    longer = timeout + 3.0
    stage.worker(2)
    if options.get("countdown"):
        task = work.apply_async(countdown=longer)
        stage.say("producer", f"sent a task that is to begin in {longer:g} s; the visibility timeout is {timeout:g} s")
    else:
        task = work.apply_async(kwargs={"seconds": longer})
        stage.say("producer", f"sent a task that takes {longer:g} s; the visibility timeout is {timeout:g} s")
    deadline, told = time.monotonic() + 2 * longer + 4, 0
    while time.monotonic() < deadline and len(stage.lines("ends")) < 2:
        stage.seen(partial(_news, stage, told), 0.5)
        for each in stage.lines("begins")[told:]:
            again = ", from a message that was delivered again" if each["redelivered"] else ""
            stage.say(f"process {each['pid']}", f"begins it{again}")
            told += 1
    begun = stage.lines("begins")
    overlap = len(begun) > 1 and begun[1]["at"] < stage.lines("ends")[0]["at"]
    return {
        "begun": len(begun),
        "ended": len(stage.lines("ends")),
        "ids": sorted({each["id"] for each in begun}),
        "pids": sorted({each["pid"] for each in begun}),
        "redelivered": [each["redelivered"] for each in begun],
        "overlap": overlap,
        "state": task.state,
        "after": round(begun[1]["at"] - begun[0]["at"], 1) if len(begun) > 1 else None,
    }


def herd(stage: Stage, options: dict[str, Any]) -> Outcome:
    """Many tasks fail at the same moment, and are tried again: with jitter, and without."""
    count = options.get("count", 60)
    stage.worker(2)
    outcome: Outcome = {"count": count}
    for name, task, jitter in (("even", even, False), ("jittered", jittered, True)):
        for _ in range(count):
            task.delay()
        stage.say("producer", f"sent {count} tasks `{task.name}`; the service refuses each of them once")
        calls = stage.until(partial(_all_called, stage, task.name, 2 * count), 30, "second call of each task")
        first = {each["id"]: each["at"] for each in calls if not each["retries"]}
        seconds = Counter(_pause(first[each["id"]], each["eta"]) for each in calls if each["retries"])
        outcome[name] = {
            "seconds": [seconds.get(second, 0) for second in range(5)],
            "most": max(seconds.values()),
            "computed": _computed(count, jitter),
        }
        stage.say("service", f"to be called again after 0, 1, 2, 3, 4 s: {outcome[name]['seconds']}")
    outcome["drawn"] = "\n".join(
        f"{title:<14} {second} s  {'█' * number}{' ' if number else ''}{number}"
        for title, name in (("without jitter", "even"), ("with jitter", "jittered"))
        for second, number in enumerate(outcome[name]["seconds"])
    )
    return outcome


def _news(stage: Stage, told: int) -> bool:
    return len(stage.lines("begins")) > told or len(stage.lines("ends")) > 1


def _pause(called: float, eta: str | None) -> int:
    """Whole seconds between a call and the time at which its retry may begin, as the retry's message says it."""
    return math.floor(datetime.fromisoformat(eta).timestamp() - called) if eta else 0


def _all_called(stage: Stage, task: str, count: int) -> list[dict[str, Any]]:
    calls = stage.lines("calls", task)
    return calls if len(calls) >= count else []


def _computed(count: int, jitter: bool) -> list[int]:
    """What Celery's own function gives for so many first retries, by seconds."""
    pauses = Counter(get_exponential_backoff_interval(3, 0, HOUR, jitter) for _ in range(count))
    return [pauses.get(second, 0) for second in range(5)]


SCENES: dict[str, Callable[[Stage, dict[str, Any]], Outcome]] = {
    "prefetch": prefetch,
    "killed": killed,
    "failing": failing,
    "twice": twice,
    "herd": herd,
}


def configuration(options: dict[str, Any]) -> dict[str, Any]:
    """Celery's settings for a scene: none but the defaults, unless its options ask for others."""
    conf: dict[str, Any] = {}
    if options.get("acks_late"):
        conf |= {"task_acks_late": True, "task_reject_on_worker_lost": True}
    if "visibility_timeout" in options:
        # Looked at every second: by default Celery looks every 10 s, and every tenth time really (kombu 5.7).
        quick = {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}
        conf["broker_transport_options"] = {"visibility_timeout": options["visibility_timeout"], **quick}
    return conf
