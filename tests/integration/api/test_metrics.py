"""`GET /metrics`, read as Prometheus reads it, after runs that are known."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.test_silent_redis import Silent
from tests.serving import Fail, Retry, Served, serving
from tests.waiting import wait_until
from umbel.observe import meters
from umbel.observe.meters import METERS
from umbel.observe.metrics import MOST, Metrics

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def served(home: Path, valkey_url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(home, tmp_path, f"{valkey_url[:-1]}4") as served:
        yield served


def scrape(served: Served) -> Values:
    answer = served.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(answer.text))
    known = {meter.name.removesuffix("_total"): meter for meter in METERS}
    ours = {each.name for each in families if not each.name.startswith("process_")}
    assert ours <= known.keys()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(found: Values, metric: str, /, **labels: str) -> float:
    return found.get((metric, tuple(sorted(labels.items()))), 0.0)


def start(served: Served, definition: str) -> str:
    answer = served.http.post("/api/v1/runs", json={"definition": definition})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def fresh(served: Served) -> Values:
    """A scrape that reads the stores anew."""
    served.umbel.gauges._until = 0.0
    return scrape(served)


def test_known_runs_are_counted(served: Served) -> None:
    happy = start(served, "demo.DIAMOND")
    served.work(lambda call: call.node.key)
    served.settled(happy)

    failing = start(served, "demo.ONE")
    served.work(lambda call: Retry("not yet") if call.attempt == 1 else Fail("no", "ValueError"))
    served.settled(failing)

    lost = start(served, "demo.ONE")
    taken = served.claim(served.messages.pop(0))
    assert taken is not None
    again = served.engine.lose(taken[0], sure=True, counts=True, why="test", by="test").released
    served.messages += [served.engine.item(taken[0], index) for index in again]
    served.work(lambda call: "ok")
    served.settled(lost)

    found = fresh(served)
    assert value(found, "umbel_runs_total", definition="demo.DIAMOND", state="success") == 1
    assert value(found, "umbel_runs_total", definition="demo.ONE", state="success") == 1
    assert value(found, "umbel_runs_total", definition="demo.ONE", state="error") == 1
    assert value(found, "umbel_runs_launched_total", definition="demo.ONE") == 2
    assert value(found, "umbel_run_duration_seconds_count", definition="demo.ONE") == 2
    ends = {"success": 1, "error": 1, "retrying": 1, "lost": 1}
    for state, number in ends.items():
        labels = {"definition": "demo.ONE", "task": "A", "state": state}
        assert value(found, "umbel_task_attempts_total", **labels) == number, state
    assert value(found, "umbel_task_runtime_seconds_count", task="A") == 4
    assert value(found, "umbel_reconciler_recovered_total", what="task") == 1
    assert value(found, "umbel_task_queue_wait_seconds_count", queue="celery") == 8
    one = {"name": "A", "hostname": "host", "queue_name": "celery"}
    assert value(found, "celery_task_started_total", **one) == value(found, "celery_task_received_total", **one) == 5
    assert value(found, "celery_task_sent_total", **{**one, "hostname": "generic"}) == 5
    assert value(found, "celery_task_succeeded_total", **one) == 2
    assert value(found, "celery_task_retried_total", **one) == 1
    assert value(found, "celery_task_failed_total", exception="ValueError", **one) == 1
    assert value(found, "celery_task_runtime_count", **one) == 2
    assert value(found, "umbel_projector_events_total") == sum(
        len(served.umbel.store.events(run)) for run in (happy, failing, lost)
    )


def test_gauges_say_what_the_stores_hold(served: Served) -> None:
    info = {"host": "celery@box", "queues": ["celery"], "concurrency": 4}
    served.engine.beat(0, "celery@box~1", info)
    run = start(served, "demo.DIAMOND")
    start(served, "demo.GPU")
    a = next(item for item in served.messages if item.run == run)
    assert served.engine.claim(run, a.task, 1, worker="celery@box~1", pid=1).code == "ok"
    served.projected(run, "task.started")
    wait_until(lambda: value(fresh(served), "umbel_projector_lag_events") == 0, 10, "the projector to catch up")
    found = fresh(served)
    assert value(found, "umbel_runs_live", state="running") == 1
    assert value(found, "umbel_runs_live", state="pending") == 1
    assert value(found, "umbel_queue_ready_tasks", queue="gpu") == 1
    assert value(found, "umbel_queue_ready_tasks", queue="celery") == 0
    assert value(found, "umbel_stuck_tasks", reason="no_worker") == 1
    assert value(found, "umbel_workers_alive") == value(found, "celery_worker_up", hostname="box") == 1
    assert value(found, "celery_worker_tasks_active", hostname="box") == 1
    assert value(found, "celery_active_process_count", queue_name="celery") == 4
    assert value(found, "umbel_projector_lag_seconds") == 0
    assert value(found, "umbel_state_store_memory_bytes") > 1_000_000
    assert value(found, "umbel_up", store="state") == value(found, "umbel_up", store="history") == 1
    assert ("umbel_webhook_attempts_total", (("state", "delivered"),)) in found
    served.engine.beat(0, "celery@box~1", info, leaving=True)
    found = fresh(served)
    assert value(found, "umbel_workers_alive") == 0
    assert ("celery_worker_up", (("hostname", "box"),)) in found
    assert value(found, "celery_worker_up", hostname="box") == 0
    assert value(found, "umbel_stuck_tasks", reason="no_worker") == 1


def test_a_silent_state_store_does_not_hang_the_scrape(home: Path, tmp_path: Path) -> None:
    silent = Silent(tmp_path)
    try:
        wait_until(silent.answers, 20, "answer of Valkey")
        with serving(home, tmp_path, silent.url, store_timeout=3.0) as served:
            assert value(scrape(served), "umbel_up", store="state") == 1
            silent.stop()
            for _ in range(2):  # the second finds the first one's question still open
                since = time.monotonic()
                found = fresh(served)
                assert time.monotonic() - since < 3
                assert value(found, "umbel_up", store="state") == 0
                assert value(found, "umbel_up", store="history") == 1
                assert not any(name == "umbel_workers_alive" for name, _ in found), "no figure rather than an old one"
            os.kill(silent.process.pid, signal.SIGCONT)
            wait_until(lambda: value(fresh(served), "umbel_up", store="state") == 1, 20, "the store to be seen again")
    finally:
        silent.end()


def test_requests_are_counted_by_template(served: Served) -> None:
    run = start(served, "demo.ONE")
    for path in (f"/api/v1/runs/{run}", "/api/v1/runs/nobody", f"/api/workflows/{run}", "/nowhere", "/healthz"):
        served.http.get(path)
    found = scrape(served)

    def requests(route: str, status: int) -> float:
        return value(found, "umbel_http_requests_total", method="GET", route=route, status=str(status))

    assert requests("/api/v1/runs/{run_id}", 200) == requests("/api/v1/runs/{run_id}", 404) == 1
    assert requests("/api/workflows/{id}", 200) == requests("/healthz", 200) == requests("other", 404) == 1
    assert value(found, "umbel_http_request_duration_seconds_count", method="GET", route="/api/v1/runs/{run_id}") == 2


def test_every_answer_has_an_id_and_a_failure_names_it(served: Served) -> None:
    assert (
        served.http.get("/healthz", headers={"X-Request-ID": "from-proxy.1"}).headers["x-request-id"] == "from-proxy.1"
    )
    assert len(served.http.get("/healthz", headers={"X-Request-ID": "no good"}).headers["x-request-id"]) == 32
    served.umbel.store.run = None  # type: ignore[method-assign, assignment]
    answer = served.http.get("/api/v1/runs/00000000-0000-0000-0000-000000000000")
    del served.umbel.store.run
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_the_number_of_series_is_bounded() -> None:
    metrics = Metrics()
    for number in range(MOST + 50):
        metrics.count(meters.RUNS, f"demo.D{number}", "success")
        metrics.count(meters.RUNS, f"demo.D{number}", "error")
    page, _ = metrics.page()
    lines = [line for line in page.decode().splitlines() if line.startswith("umbel_runs_total{")]
    assert len(lines) == MOST + 2
    assert 'umbel_runs_total{definition="other",state="error"} 550.0' in lines
