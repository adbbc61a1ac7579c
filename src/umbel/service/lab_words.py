"""What the failure lab says of its acts: what each is called, and what happens then."""

from typing import Final

from umbel.service.models.lab import LabAct
from umbel.settings import Settings

TITLES: Final[dict[LabAct, str]] = {
    "kill-child": "Kill the task's process",
    "kill-worker": "Kill the worker",
    "freeze-child": "Freeze the task's process",
    "freeze-worker": "Freeze the worker",
    "thaw": "Thaw what is frozen",
    "pause-broker": "Pause the broker",
    "drop-message": "Lose a message",
    "duplicate-message": "Double a message",
    "trouble-model": "Trouble the model service",
    "restart-server": "Restart the server",
}


def what_next(settings: Settings, act: LabAct, *, celery: bool, seconds: float) -> str:
    """What happens after the act.

    Args:
        celery: whether it hits a run that Celery's own canvas sequences.
        seconds: how long it lasts.
    """
    return (_with_celery if celery else _with_umbel)(settings, act, seconds) or _for_both(act, seconds)


def _with_umbel(settings: Settings, act: LabAct, seconds: float) -> str:
    lease, again = f"{settings.lease:g} s", f"{settings.redispatch_after:g} s"
    times = f"the {settings.max_lost}. time" if settings.max_lost > 1 else "the first time"
    long = seconds > settings.lease
    match act:
        case "kill-child":
            return (
                "The worker notices at once: the attempt is lost, and the task runs again in another process"
                f" ({times} that it loses one, it fails)."
            )
        case "kill-worker":
            return (
                f"Within {lease} without a sign of life the attempts of the worker are lost; the stack starts it again,"
                " and their tasks run again."
            )
        case "freeze-child" if long:
            return (
                f"After {lease} without a sign of life the attempt is lost, and the task runs in another process; what"
                " this one brings when it goes on is refused."
            )
        case "freeze-worker" if long:
            return (
                f"After {lease} without a sign of life its attempts are lost. Their tasks run when there is a worker"
                " again, and what the frozen ones bring is refused."
            )
        case "freeze-child" | "freeze-worker":
            return f"It goes on before {lease} are over: nothing is lost, everything is {seconds:g} s later."
        case "drop-message":
            return f"A task that nobody has taken {again} after it was released gets another message, and runs then."
        case "duplicate-message":
            return "The first message that a worker takes runs the task; the other one finds nothing left to do."
        case _:
            return ""


def _with_celery(settings: Settings, act: LabAct, seconds: float) -> str:
    match act:
        case "kill-child":
            return "Celery marks the task as failed (WorkerLostError), without a retry, and the run fails."
        case "kill-worker":
            return (
                "Celery has acknowledged the messages of what ran: those tasks are gone, and the run waits for them"
                " until its deadline."
            )
        case "freeze-child" | "freeze-worker":
            return f"Celery waits: everything is {seconds:g} s later."
        case "drop-message":
            return "Celery does not miss a message: the run waits for the task until its deadline."
        case "duplicate-message":
            return "Celery runs the task twice, and what follows it as well."
        case _:
            return ""


def _for_both(act: LabAct, seconds: float) -> str:
    match act:
        case "thaw":
            return "What stood still goes on; an attempt that was given up meanwhile is refused."
        case "pause-broker":
            return (
                f"For {seconds:g} s nothing is sent, taken or recorded; bodies of tasks go on."
                " Then all goes on by itself."
            )
        case "trouble-model":
            return "Tasks that call it take longer or fail, and their own retries decide what becomes of them."
        case _:
            return (
                "Tasks go on without it. It is back within seconds, and then the history has what happened meanwhile."
            )
