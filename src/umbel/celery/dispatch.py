"""Publishing: one constant-size message per released task. It names the task; it never carries data or a canvas."""

import logging
import os
import uuid
from collections.abc import Sequence
from typing import Any

from celery import Celery

from umbel.celery.broker import REFUSALS, Returns, keep_client, producers
from umbel.celery.headers import MARK, TRACE
from umbel.engine.engine import Engine
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable
from umbel.failpoints import failpoint
from umbel.observe.logs import of
from umbel.observe.spans import span_id, traceparent
from umbel.plan.model import Node

log = logging.getLogger(__name__)

BODY = '[[],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'
"""Celery's protocol 2 body of a call without arguments (Celery docs, internals/protocol)."""

RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2}
"""A connection that broke while it lay idle is opened anew at once; nobody waits here for a broker that is away."""


class Dispatcher:
    """Publishes released tasks. Safe to share between threads.

    Args:
        app: whose broker connection and default queue are used.
        engine: where the plan's nodes are read.
    """

    def __init__(self, app: Celery, engine: Engine) -> None:
        self._app = app
        self._engine = engine
        self._origin = f"umbel@{os.getpid()}"
        self._pool: Any = None
        self._traces = engine.settings.traces

    def node(self, item: Item) -> Node:
        """The node behind a released task. Raises KeyError if its plan is gone."""
        return self._engine.node_of(item)

    def queue(self, node: Node) -> str:
        """Where the node's messages go."""
        return node.queue or str(self._app.conf.task_default_queue)

    def publish(self, items: Sequence[Item]) -> None:
        """One message per item.

        Raises:
            BrokerUnavailable: the broker did not take one. The tasks stay released; the loops send them again.
        """
        if not items:
            return
        try:
            if self._pool is None:
                self._pool = producers(self._app)
            with self._pool.acquire(block=True) as producer:
                keep_client(producer.channel)
                returns = Returns(producer)
                try:
                    for item in items:
                        failpoint("publishing", BrokerUnavailable)
                        self._publish(producer, returns, item)
                finally:
                    returns.close()
        except REFUSALS as error:
            raise BrokerUnavailable(f"the broker did not take a message: {error}") from error
        failpoint("published", BrokerUnavailable)

    def _publish(self, producer: Any, returns: Returns, item: Item) -> None:
        try:
            node = self.node(item)
        except KeyError as error:
            log.warning(
                "task %s of run %s cannot be published: %s",
                item.task,
                item.run,
                error,
                extra=of(run=item.run, index=item.task, epoch=item.epoch),
            )
            return
        queue = self.queue(node)
        self._send(producer, queue, node, item)
        if returns.take():
            # Only now: a queue that is there may be of another kind than we would make it, which RabbitMQ refuses.
            try:
                self._app.amqp.queues[queue](producer.channel).declare()
            except KeyError as error:
                raise BrokerUnavailable(f"nobody has declared queue {queue}, and this app makes none") from error
            self._send(producer, queue, node, item)
            if returns.take():
                raise BrokerUnavailable(f"the broker has no queue {queue}, though it has just been declared")

    def _send(self, producer: Any, queue: str, node: Node, item: Item) -> None:
        # A new id for each dispatch: workers drop a revoked id for ever (celery #4300).
        message_id = str(uuid.uuid4())
        producer.publish(
            BODY,
            exchange="",
            routing_key=queue,
            mandatory=True,
            confirm_timeout=self._engine.settings.store_timeout,
            content_type="application/json",
            content_encoding="utf-8",
            correlation_id=message_id,
            delivery_mode=2,
            # Passed on as Celery takes it: with Redis 0 is the first to go, with RabbitMQ the last (Celery docs,
            # "Redis Message Priorities", "RabbitMQ Message Priorities"), whose quorum queues have none before 4.0.
            priority=node.priority or 0,
            retry=True,
            retry_policy=RETRY_POLICY,
            headers={
                "lang": "py",
                "task": node.task,
                "id": message_id,
                "root_id": item.run,
                "parent_id": None,
                "group": None,
                "retries": 0,
                "eta": None,
                "expires": None,
                "timelimit": [node.time_limit, node.soft_time_limit],
                "argsrepr": "()",
                "kwargsrepr": "{}",
                "origin": self._origin,
                "ignore_result": True,
                MARK: {"run": item.run, "task": item.task, "epoch": item.epoch},
                **self._traced(item),
            },
        )

    def _traced(self, item: Item) -> dict[str, str]:
        """What lets an instrumented task body join the run's trace."""
        if not self._traces:
            return {}
        return {TRACE: traceparent(self._engine.trace(item.run), span_id(item.run, item.task, item.epoch))}
