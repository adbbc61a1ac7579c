"""The worker's log lines name the run, the task and the attempt in whose body they were written.

Celery makes the handlers (`celery/app/log.py`). Its own formats get the ids at the end of the message; a format that
somebody has chosen stays as it is, and may use `%(umbel_run)s` and the like; an app with logging of its own
(`setup_logging`) likewise.
"""

import logging
from functools import partial
from typing import Any

from celery import signals
from celery.app.defaults import DEFAULT_PROCESS_LOG_FMT, DEFAULT_TASK_LOG_FMT
from celery.utils.log import get_multiprocessing_logger

from umbel.celery.capture import Handler
from umbel.observe.logs import Format, Json, Text, mark_records


def install(form: Format) -> None:
    """Dress the handlers that Celery will make in this process."""
    mark_records()
    dress = partial(_dress, form)
    for signal in (signals.after_setup_logger, signals.after_setup_task_logger):
        signal.connect(dress, weak=False, dispatch_uid="umbel")


def _dress(form: Format, logger: logging.Logger, format: str, **_: Any) -> None:
    # The pool tells of its processes through a logger that has handlers of its own, and no signal.
    pool = get_multiprocessing_logger() if form == "json" else None
    for handler in (*logger.handlers, *(pool.handlers if pool is not None else ())):
        if isinstance(handler, Handler):
            continue  # what an attempt keeps of its output says anyway whose it is
        if form == "json":
            handler.setFormatter(Json())
        elif format in (DEFAULT_PROCESS_LOG_FMT, DEFAULT_TASK_LOG_FMT) and not isinstance(handler.formatter, Text):
            handler.setFormatter(Text(handler.formatter))
