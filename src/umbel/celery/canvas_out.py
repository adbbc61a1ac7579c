"""A run with `engine: canvas`, as Celery's own chain, group and chord: Celery releases what is next, Umbel records.

Each signature carries our mark in its headers, so that the worker knows which task of which run it is, and has the id
that the task has in Umbel.
"""

import logging
import os
import traceback
import uuid
from itertools import count
from typing import Any, Final

from celery import Celery, chain, chord, group
from celery.canvas import Signature

from umbel.celery import codec
from umbel.celery.broker import REFUSALS
from umbel.celery.headers import MARK
from umbel.celery.outcome import describe
from umbel.engine.engine import Engine, Token
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable, UmbelError
from umbel.observe.logs import of
from umbel.plan.model import Plan, task_id
from umbel.plan.native import Group as GroupOf
from umbel.plan.native import Tree, arguments, check, options

log = logging.getLogger(__name__)

NATIVE: Final = "native"
"""In the mark: Celery sequences this run."""

EPOCH: Final = 1
"""Of a run that is launched. A later epoch is relayed by Umbel, as any run is."""


def is_native(mark: Any) -> bool:
    """Whether a message's mark says that Celery sequences its run."""
    return isinstance(mark, dict) and bool(mark.get(NATIVE))


def launch(app: Celery, engine: Engine, run: str, plan: Plan, payload: str, *, by: str) -> list[Item]:
    """Send the canvas of an accepted run, unless the state store knows the run; then launch it there.

    In this order, since what has been launched is not sent again: a server that dies in between leaves a run that is
    sent twice, and Celery's duplicates are attempts of their own. The worker waits a little for the launch.

    Returns what the engine has released, to be published: a hook, if the run failed at once.

    Raises:
        BrokerUnavailable, StateUnavailable: it is not launched.
    """
    if engine.knows([run])[0]:
        return []
    error = None
    try:
        send(app, run, plan, payload)
    except UmbelError:
        raise
    except Exception as failure:  # such as a RecursionError: Celery cannot build it, so it is not to be tried again
        log.exception("the canvas of run %s could not be sent", run, extra=of(run=run))
        error = failure
    engine.launch(run, plan, payload, by=by)
    if error is None:
        return []
    claim = engine.claim(run, plan.roots[0], EPOCH, worker=by, pid=os.getpid())
    token = Token(run, plan.roots[0], EPOCH, claim.attempt)
    info = describe(error, "".join(traceback.format_exception(error)), "canvas")
    return [engine.item(token, index) for index in engine.fail(token, info, by=by).released]


def send(app: Celery, run: str, plan: Plan, payload: str) -> None:
    """Publish the first messages of a run; they carry the rest of it. Sent twice, a run has the same ids in both.

    Args:
        app: with the result backend that the workers have.
        payload: JSON.

    Raises:
        DefinitionError: Celery's canvas cannot run this plan.
        BrokerUnavailable: broker or result backend did not take it, or not all of it.
    """
    canvas = build(app, run, plan, codec.decode(payload))
    unreachable = getattr(app.backend, "connection_errors", ())
    try:
        canvas.apply_async()
    except (*REFUSALS, *unreachable) as error:
        raise BrokerUnavailable(f"the broker or the result backend did not take a canvas: {error}") from error


def build(app: Celery, run: str, plan: Plan, payload: Any) -> Signature:
    """The canvas of a run, as `umbel graph --format canvas` writes it, with ids, mark and arguments.

    Raises:
        DefinitionError: Celery's canvas cannot run this plan.
    """
    groups = count()
    director = {"payload": payload, "workflow_id": run}

    def task(index: int) -> Signature:
        node = plan.nodes[index]
        args, immutable = arguments(node)
        return Signature(
            node.task,
            args,
            director if node.call is None else dict(node.call.kwargs),
            {
                "task_id": task_id(run, index),
                # The canvas needs them; an app of ours keeps none otherwise.
                "ignore_result": False,
                "headers": {MARK: {"run": run, "task": index, "epoch": EPOCH, NATIVE: True}},
                **options(node),
            },
            immutable=immutable,
            app=app,
        )

    def group_id() -> str:
        """The same each time: were a canvas sent twice, its copies count their members in one chord."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{run}:{next(groups)}"))

    def one(tree: Tree) -> Signature:
        if isinstance(tree, int):
            return task(tree)
        if isinstance(tree, GroupOf):
            return group([one(member) for member in tree.members], app=app, task_id=group_id())
        return row(tree.steps)

    def row(steps: tuple[Tree, ...]) -> Signature:
        """What follows a group is its chord's body, all of it, as Celery itself folds a chain (`_merge_chain_step`)."""
        done: list[Signature] = []
        for place, step in enumerate(steps):
            if isinstance(step, GroupOf) and place + 1 < len(steps):
                members = [one(member) for member in step.members]
                done.append(chord(members, row(steps[place + 1 :]), app=app, task_id=group_id()))
                break
            done.append(one(step))
        return done[0] if len(done) == 1 else chain(done, app=app)

    return one(check(plan))
