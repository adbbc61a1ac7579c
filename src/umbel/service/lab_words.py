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


def what_next(settings: Settings, act: LabAct, *, celery: bool, seconds: float | None) -> str:
    """What happens after the act.

    Args:
        celery: whether it hits a run that Celery's own canvas sequences.
        seconds: how long it lasts; None if that is not decided yet.
    """
    if act.startswith("freeze") and seconds is not None and seconds < settings.lease:
        return f"Nothing is lost: it goes on before the lease of {settings.lease:g} s is over, and everything is late."
    return (_with_celery if celery else _with_umbel)(settings, act) or _with_both(act)


def _with_umbel(settings: Settings, act: LabAct) -> str:
    lease, again = f"{settings.lease:g} s", f"{settings.redispatch_after:g} s"
    match act:
        case "kill-child":
            return (
                "The worker notices at once: the attempt is lost, and the task runs again in another process"
                f" (after {settings.max_lost} losses it fails)."
            )
        case "kill-worker":
            return (
                f"After {lease} without a sign of life the worker's attempts are lost; by then the stack has started it"
                " again, and their tasks run again."
            )
        case "freeze-child":
            return (
                f"After {lease} without a sign of life the attempt is lost, and the task runs in another process; what"
                " this one brings when it goes on is refused."
            )
        case "freeze-worker":
            return (
                f"After {lease} without a sign of life its attempts are lost; their tasks run when there is a worker"
                " again, and what the frozen ones bring is refused."
            )
        case "drop-message":
            return f"A task that nobody has taken {again} after it was released gets another message, and runs then."
        case "duplicate-message":
            return "The first message that a worker takes runs the task; the other one finds nothing left to do."
        case _:
            return ""


def _with_celery(settings: Settings, act: LabAct) -> str:
    match act:
        case "kill-child":
            return "Celery marks the task as failed (WorkerLostError), without a retry, and the run fails."
        case "kill-worker":
            return (
                "Celery has acknowledged the messages of what ran: those tasks are gone, and the run waits for them"
                " until its deadline."
            )
        case "freeze-child" | "freeze-worker":
            return (
                f"Celery waits. Umbel gives the attempt up after {settings.lease:g} s and refuses what it brings, so"
                " the task stays open in the history until the run's deadline, whatever Celery does."
            )
        case "drop-message":
            return "Celery does not miss a message: the run waits for the task until its deadline."
        case "duplicate-message":
            return "Celery runs the task twice, and may run what follows it twice as well."
        case _:
            return ""


def _with_both(act: LabAct) -> str:
    match act:
        case "thaw":
            return "What stood still goes on; an attempt that was given up meanwhile is refused."
        case "pause-broker":
            return "Nothing is sent, taken or recorded until it is over, but bodies of tasks go on; then all goes on."
        case "trouble-model":
            return "Tasks that call it take longer or fail, and their own retries decide what becomes of them."
        case _:
            return "Tasks go on without it. It is back within seconds, and catches up on what happened meanwhile."
