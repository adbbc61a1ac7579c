"""What the failure lab does: the right moment and the right victim. The hands are `umbel.service.lab`."""

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args

from umbel.errors import BadRequest, Forbidden, LabMissed, StateUnavailable, UmbelError, WrongState
from umbel.machine import TASK_TERMINAL
from umbel.service.lab import Headers, Lab, Ours
from umbel.service.lab_words import TITLES, what_next
from umbel.service.models import instant
from umbel.service.models.lab import LabAct, LabAttempt, LabChoice, LabDone, LabProcess, LabView
from umbel.service.operations.lab import ActInLab, GetLab
from umbel.service.reading import by_celery, find_task, is_over, require
from umbel.service.umbel import Umbel
from umbel.store import RunRow

SHOWN: Final = 50
SECONDS: Final[Mapping[str, tuple[float, float]]] = {
    "freeze-child": (10.0, 60.0),
    "freeze-worker": (10.0, 60.0),
    "pause-broker": (3.0, 30.0),
    "trouble-model": (30.0, 600.0),
}
"""How long what ends by itself lasts, if nobody says, and at most."""
_LOOK: Final = 0.03
"""Seconds between two looks at what runs."""


@dataclass(frozen=True, slots=True)
class _Running:
    process: Ours
    run: str
    index: int
    attempt: int


@dataclass(frozen=True, slots=True)
class _Hit:
    did: str
    pids: Sequence[int] = ()
    run: str | None = None
    task: str | None = None


def get_lab(umbel: Umbel, asked: GetLab) -> LabView:
    """The lab as it stands. Asks the state store only while the lab has not paused it."""
    try:
        lab = _lab(umbel)
        ours, notes = lab.processes(), _shortened([LabDone.model_validate(each) for each in lab.notes()])
    except Forbidden as error:
        return LabView(enabled=False, why_not=str(error))
    now = datetime.now(UTC)
    paused = any(each.act == "pause-broker" and each.until and each.until > now for each in notes)
    running: list[_Running] = []
    if not paused:
        with suppress(UmbelError):
            running = _running(umbel, ours)
    run = umbel.store.run(asked.run_id) if asked.run_id else None
    done = [each for each in reversed(notes) if run is None or _concerns(each, run)]
    return LabView(
        enabled=True,
        choices=[_choice(umbel, lab, act, ours, running, run) for act in get_args(LabAct)],
        processes=[_process(umbel, each, running) for each in ours],
        done=done[:SHOWN],
    )


def act(umbel: Umbel, asked: ActInLab) -> LabDone:
    """Do it, in the calling thread; returns when it is done, and does not wait for the end of what ends by itself.

    With `run_id` and `task` it is done when this task runs: "kill the process when the task has started".

    Raises:
        Forbidden: this server has no lab.
        LabMissed: within the time that was given there was nothing to do it to.
        RunNotFound, TaskNotFound, WrongState: the run, its task, or that it is over already.
        BadRequest: the fields do not fit each other.
    """
    lab = _lab(umbel)
    lab.processes()  # may anything be touched at all?
    if asked.task and not asked.run_id:
        raise BadRequest("A task is one of a run: give run_id too.")
    if asked.act == "trouble-model" and not (asked.delay or asked.fail):
        raise BadRequest("Say by how many seconds to delay the model service, or how many calls are to fail.")
    run = require(umbel, asked.run_id) if asked.run_id else None
    usual, most = SECONDS.get(asked.act, (None, 0.0))
    seconds = asked.seconds if usual and asked.seconds else usual
    if seconds and seconds > most:
        raise BadRequest(f"This lasts {most:g} s at most.")
    began = datetime.now(UTC)
    if asked.act in ("drop-message", "duplicate-message"):
        hit = _message(umbel, lab, asked, run)
    else:
        victim = None
        if asked.task or asked.act in ("kill-child", "freeze-child"):
            victim = _await(umbel, lab, asked, run)
        began = datetime.now(UTC)
        hit = _strike(umbel, lab, asked, victim, seconds)
    hit_run = run or (umbel.store.run(hit.run) if hit.run else None)
    done = LabDone(
        id=uuid.uuid4().hex[:12],
        act=asked.act,
        at=began,
        until=datetime.fromtimestamp(began.timestamp() + seconds, UTC) if seconds else None,
        did=hit.did,
        next=_next(umbel, asked.act, hit_run, seconds),
        run_id=hit.run or (run.id if run else None),
        task=hit.task,
        pids=list(hit.pids),
    )
    lab.note(done.model_dump(mode="json"))
    return done


# -- who


def _lab(umbel: Umbel) -> Lab:
    if umbel.lab is None:
        raise Forbidden("This server has no failure lab.", hint="`umbel demo` has one, for what it has started itself.")
    return umbel.lab


def _running(umbel: Umbel, ours: Sequence[Ours]) -> list[_Running]:
    """The attempts that the state store sees in processes of ours. Raises StateUnavailable."""
    workers = {each.pid: each for each in ours if each.part == "worker"}
    found = []
    for row in umbel.engine.workers():
        if row.get("pid") in workers:
            for pid, token in umbel.engine.held(str(row["worker"])):
                if pid in workers:
                    found.append(_Running(workers[pid], token.run, token.task, token.attempt))
    return found


def _await(umbel: Umbel, lab: Lab, asked: ActInLab, run: RunRow | None) -> _Running:
    """An attempt that runs and is meant, as soon as there is one."""
    index = find_task(umbel, run, asked.task) if run is not None and asked.task else None
    until = time.monotonic() + asked.within
    while True:
        with suppress(StateUnavailable):  # one that is paused answers later
            for each in _running(umbel, lab.processes()):
                if (run is None or each.run == run.id) and index in (None, each.index):
                    if each.process.main and asked.act.endswith("-child"):
                        raise WrongState("The task runs in the worker's own process: kill or freeze the worker.")
                    return each
            if run is not None and index is not None and umbel.engine.ends(run.id, [index])[0].state in TASK_TERMINAL:
                raise WrongState(f"{asked.task} has ended already.")
        if run is not None and is_over(require(umbel, run.id)):
            raise WrongState(f"Run {run.id} is over.", hint="Start another one; the lab waits for its task.")
        if time.monotonic() >= until:
            what = f"{asked.task} did not run" if asked.task else "No task of the run ran" if run else "No task ran"
            raise LabMissed(f"{what} within {asked.within:g} s.")
        time.sleep(_LOOK)


def _name(umbel: Umbel, run: str, index: int) -> str:
    names = umbel.names_of(run, index)
    return names.key(index) if names is not None else f"[{index}]"


# -- what


def _strike(umbel: Umbel, lab: Lab, asked: ActInLab, victim: _Running | None, seconds: float | None) -> _Hit:
    task = _name(umbel, victim.run, victim.index) if victim else None
    run = victim.run if victim else None
    what = f", which ran {task} (attempt {victim.attempt})" if victim else ""
    match asked.act:
        case "kill-child":
            assert victim is not None
            lab.kill(victim.process)
            return _Hit(f"Killed pool process {victim.process.pid}{what}.", [victim.process.pid], run, task)
        case "freeze-child":
            assert victim is not None
            assert seconds is not None
            lab.freeze([victim.process], seconds)
            text = f"Froze pool process {victim.process.pid}{what}, for {seconds:g} s."
            return _Hit(text, [victim.process.pid], run, task)
        case "kill-worker":
            main, pool = _worker(lab)
            lab.kill(main)
            text = f"Killed the worker, process {main.pid} with a pool of {len(pool)}{what}."
            return _Hit(text, [main.pid, *(each.pid for each in pool)], run, task)
        case "freeze-worker":
            assert seconds is not None
            main, pool = _worker(lab)
            lab.freeze([main, *pool], seconds)
            text = f"Froze the worker, process {main.pid} with a pool of {len(pool)}{what}, for {seconds:g} s."
            return _Hit(text, [main.pid, *(each.pid for each in pool)], run, task)
        case "thaw":
            pids = lab.thaw()
            if not pids:
                raise LabMissed("Nothing stands still.")
            return _Hit(f"Let {'process' if len(pids) == 1 else 'processes'} {', '.join(map(str, pids))} go on.", pids)
        case "pause-broker":
            assert seconds is not None
            lab.pause_broker(seconds)
            return _Hit(f"Paused Valkey, which is broker and state store here, for {seconds:g} s.", (), run, task)
        case "trouble-model":
            assert seconds is not None
            lab.trouble_model(delay=asked.delay, fail=asked.fail, seconds=seconds)
            told = [f"it answers {asked.delay:g} s later"] if asked.delay else []
            if asked.fail:
                told.append(f"the next {asked.fail} calls fail" if asked.fail > 1 else "the next call fails")
            text = f"Troubled the model service for {seconds:g} s: {' and '.join(told)}."
            return _Hit(text, (), run, task)
        case _:
            pid = next((each.pid for each in lab.processes() if each.part == "server"), 0)
            lab.restart_server()
            return _Hit(f"Ended the server, process {pid}.", [pid], run, task)


def _worker(lab: Lab) -> tuple[Ours, list[Ours]]:
    ours = [each for each in lab.processes() if each.part == "worker"]
    if not ours:
        raise LabMissed("The stack runs no worker now.")
    return ours[0], ours[1:]


def _message(umbel: Umbel, lab: Lab, asked: ActInLab, run: RunRow | None) -> _Hit:
    index = find_task(umbel, run, asked.task) if run is not None and asked.task else None

    def wanted(headers: Headers) -> bool:
        mark = headers.get("umbel")
        if not isinstance(mark, dict):  # a plain Celery message
            return run is None
        return (run is None or mark.get("run") == run.id) and index in (None, mark.get("task"))

    copies = 2 if asked.act == "duplicate-message" else 0
    found = lab.catch(_queues(umbel), wanted, copies=copies, within=asked.within)
    if found is None:
        whose = f"of run {run.id} " if run else ""
        raise LabMissed(f"No message {whose}was in a queue within {asked.within:g} s.")
    mark = found.get("umbel")
    of_run, task = None, str(found.get("task") or "")
    if isinstance(mark, dict):
        of_run, task = str(mark.get("run")), _name(umbel, str(mark.get("run")), int(mark.get("task", -1)))
    did = f"Put the message of {task} into its queue twice." if copies else f"Took the message of {task} and lost it."
    return _Hit(did, (), of_run, task)


def _queues(umbel: Umbel) -> list[str]:
    queues = {umbel.settings.default_queue}
    with suppress(UmbelError):
        for row in umbel.engine.workers():
            queues.update(str(each) for each in row.get("queues") or ())
    return sorted(queues)


# -- what is told


def _next(umbel: Umbel, act: LabAct, run: RunRow | None, seconds: float | None) -> str:
    celery = run is not None and by_celery(run, umbel.plan(run.plan_hash))
    return what_next(umbel.settings, act, celery=celery, seconds=seconds)


def _choice(
    umbel: Umbel, lab: Lab, act: LabAct, ours: Sequence[Ours], running: Sequence[_Running], run: RunRow | None
) -> LabChoice:
    why = None
    worker = any(each.part == "worker" for each in ours)
    if act in ("kill-child", "freeze-child"):
        meant = [each for each in running if run is None or each.run == run.id]
        if not meant:
            why = "No task of the run runs now." if run else "No task runs now."
    elif act in ("kill-worker", "freeze-worker") and not worker:
        why = "The worker is not up."
    elif act == "thaw" and not any(each.frozen for each in ours):
        why = "Nothing stands still."
    elif act in ("pause-broker", "drop-message", "duplicate-message") and not lab.has_broker:
        why = "The broker is not the stack's own."
    elif act == "trouble-model" and not lab.has_model:
        why = "The stack runs no model service."
    return LabChoice(act=act, title=TITLES[act], next=_next(umbel, act, run, None), possible=why is None, why_not=why)


def _shortened(notes: Sequence[LabDone]) -> list[LabDone]:
    """What a later act has ended ended then: a freeze by a thaw, trouble by other trouble."""
    ends = {"thaw": ("freeze-child", "freeze-worker"), "trouble-model": ("trouble-model",)}
    found: list[LabDone] = []
    for each in notes:
        ended = ends.get(each.act, ())
        found = [
            one.model_copy(update={"until": each.at}) if one.act in ended and one.until and one.until > each.at else one
            for one in found
        ]
        found.append(each)
    return found


def _concerns(done: LabDone, run: RunRow) -> bool:
    """Whether it was done to this run, or to everything while the run was under way."""
    if done.run_id is not None:
        return done.run_id == run.id
    begin, end = instant(run.created_at), instant(run.finished_at)
    return (done.until or done.at) >= begin and (end is None or done.at <= end)


def _process(umbel: Umbel, ours: Ours, running: Sequence[_Running]) -> LabProcess:
    mine = [each for each in running if each.process.pid == ours.pid]
    return LabProcess(
        part=ours.part,
        main=ours.main,
        pid=ours.pid,
        frozen=ours.frozen,
        runs=[
            LabAttempt(run_id=each.run, task=_name(umbel, each.run, each.index), attempt=each.attempt) for each in mine
        ],
    )
