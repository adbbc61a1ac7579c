"""The lines of a real worker say which run, task and attempt they are about; formats of one's own stay as they are."""

import json
import logging
from pathlib import Path

import pytest
from celery.app.defaults import DEFAULT_PROCESS_LOG_FMT, DEFAULT_TASK_LOG_FMT
from celery.app.log import TaskFormatter
from celery.utils.log import get_multiprocessing_logger

from tests.chaos.lab import open_lab
from umbel.celery import logs as worker_logs
from umbel.observe.logs import Json, Text, about, mark_records, of


def test_a_workers_lines_name_their_run(tmp_path: Path) -> None:
    with open_lab(tmp_path, "-c", "1", "--loglevel", "INFO", UMBEL_LOG_FORMAT="json") as lab:
        run = lab.chain("OUTPUT", who="me")
        lab.wait_event(run, "run.settled")
        text = lab.stack.log_path("worker").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for said in ("logged me", "task logged me"):
        of_run = [line for line in lines if line["message"] == said]
        assert [(line["run"], line["task"], line["index"], line["attempt"], line["epoch"]) for line in of_run] == [
            (run, "OUTPUT-0", 0, 1, 1),
            (run, "OUTPUT-0", 0, 2, 1),
        ]
    ready = next(line for line in lines if "ready" in line["message"])
    assert "run" not in ready


@pytest.fixture
def record() -> logging.LogRecord:
    mark_records()
    with about(run="R", index=3, attempt=2):
        return logging.getLogger("x").makeRecord("x", 30, "f.py", 1, "hello %s", ("you",), None, extra=of(task="a"))


def test_text_ends_with_the_ids(record: logging.LogRecord) -> None:
    assert Text().format(record).endswith("WARNING x: hello you [run=R task=a index=3 attempt=2]")
    assert record.getMessage() == "hello you", "other handlers see what was written"


def test_json_has_them_as_fields(record: logging.LogRecord) -> None:
    line = json.loads(Json().format(record))
    assert (line["message"], line["run"], line["index"], line["level"]) == ("hello you", "R", 3, "warning")


@pytest.mark.parametrize("form", [DEFAULT_PROCESS_LOG_FMT, DEFAULT_TASK_LOG_FMT])
def test_celerys_own_format_gets_them_too(record: logging.LogRecord, form: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(TaskFormatter(form, use_color=False))
    logger = logging.Logger("celery.task")
    logger.addHandler(handler)
    for _ in range(2):
        worker_logs._dress("text", logger, form)
    assert handler.format(record).endswith("hello you [run=R task=a index=3 attempt=2]")


def test_a_format_of_ones_own_may_use_them(record: logging.LogRecord) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(umbel_run)s|%(umbel_task)s|%(message)s"))
    logger = logging.Logger("mine")
    logger.addHandler(handler)
    worker_logs._dress("text", logger, "%(umbel_run)s|%(umbel_task)s|%(message)s")
    assert handler.format(record) == "R||hello you"


def test_what_the_pool_tells_is_json_too() -> None:
    handler, pool = logging.StreamHandler(), get_multiprocessing_logger()
    pool.addHandler(handler)
    try:
        worker_logs._dress("json", logging.Logger("root"), DEFAULT_PROCESS_LOG_FMT)
    finally:
        pool.removeHandler(handler)
    assert isinstance(handler.formatter, Json)
