"""The other side: the same tasks as a plain Celery app, sequenced by Celery's own canvas, results in Valkey."""

import os

from celery import Celery

app = Celery("raw", broker=os.environ.get("RAW_BROKER"), backend=os.environ.get("RAW_BACKEND"))
app.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
)


@app.task(name="A")
def a(*args, **kwargs):
    return 1


@app.task(name="B")
def b(*args, **kwargs):
    return 1


@app.task(name="C")
def c(*args, **kwargs):
    return 1


@app.task(name="D")
def d(*args, **kwargs):
    return 1
