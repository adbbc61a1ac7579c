"""The Celery application that Umbel's own worker and server use."""

from typing import Any

from celery import Celery, shared_task

from umbel.celery.broker import AMQP
from umbel.celery.results import EXPIRES, result_backend
from umbel.settings import Settings

task = shared_task
"""`from umbel import task`: Celery's own decorator, with every option that Celery's has."""


def make_app(settings: Settings) -> Celery:
    """A Celery app on `settings.broker_url`: JSON only, and no results kept, since they live in the engine.

    Its result backend is for runs with `engine: canvas`, whose messages ask for it.
    """
    app = Celery("umbel", broker=settings.broker_url)
    app.conf.update(
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        result_backend=result_backend(settings),
        result_expires=EXPIRES,
        task_default_queue=settings.default_queue,
        # RabbitMQ's only: replicated, and on disk before a message is confirmed (RabbitMQ docs, "Quorum Queues"). The
        # type of a queue cannot be changed, and whoever declares it otherwise is refused.
        task_default_queue_type=settings.queue_type,
        task_create_missing_queue_type=settings.queue_type,
        broker_transport_options=_transport_options(settings),
        broker_connection_retry_on_startup=True,
        # A message is only a doorbell: what a dead worker had fetched is sent again by the engine, so the worker
        # need not stop what it runs when its connection breaks (Celery docs, worker_cancel_long_running_tasks_...).
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=True,
    )
    return app


def _transport_options(settings: Settings) -> dict[str, Any]:
    """With Redis, no wait without an end for a broker that does not answer (kombu's default, `socket_timeout`).

    A worker's BRPOP is not cut short by it: kombu reads only what the event loop or its poller says is there. Other
    transports have their own options: RabbitMQ's refuses unknown ones. There, a message counts as sent when the broker
    confirms it.
    """
    scheme = settings.broker_url.partition(":")[0].partition("+")[0]
    if scheme in AMQP:
        return {"confirm_publish": True}
    if scheme not in ("redis", "rediss", "sentinel"):
        return {}
    return {"socket_timeout": settings.store_timeout, "socket_connect_timeout": settings.store_timeout}
