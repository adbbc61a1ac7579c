"""A settled run as spans: to OpenTelemetry's own exporter, and over HTTP to a collector that is played here."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.serving import Fail, Retry, Served, Spawn, serving
from tests.waiting import wait_until
from umbel.celery import attempt
from umbel.celery.app import make_app
from umbel.celery.dispatch import Dispatcher
from umbel.engine.engine import Token
from umbel.engine.wire import Item
from umbel.errors import SettingsError
from umbel.keeper.trace import Tracer
from umbel.observe import spans
from umbel.observe.otlp import Otlp
from umbel.observe.spans import parse, span_id
from umbel.settings import load_settings

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WORKFLOWS = """
demo.DIAMOND: {tasks: [A, {G: {type: group, tasks: [B, C]}}, D]}
demo.ONE: {tasks: [A]}
demo.OUTER: {tasks: {sub: {workflow: demo.ONE}}}
"""


@pytest.fixture
def memory() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def served(memory: InMemorySpanExporter, valkey_url: str, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "workflows.yml").write_text(WORKFLOWS)
    with serving(tmp_path, tmp_path, f"{valkey_url[:-1]}5", exporter=Otlp(memory), otel=True) as served:
        yield served


def start(served: Served, definition: str, traceparent: str | None = None) -> str:
    headers = {"traceparent": traceparent} if traceparent else {}
    answer = served.http.post("/api/v1/runs", json={"definition": definition}, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def told(memory: InMemorySpanExporter, count: int) -> dict[str, ReadableSpan]:
    found = wait_until(lambda: len(memory.get_finished_spans()) >= count and memory.get_finished_spans(), 10, "spans")
    assert len(found) == count
    return {f"{span.context.span_id:016x}": span for span in found}


def test_a_run_is_a_tree_below_its_caller(served: Served, memory: InMemorySpanExporter) -> None:
    run = start(served, "demo.DIAMOND", f"00-{TRACE}-{CALLER}-01")
    served.work(lambda call: Retry("not yet") if call.key == "B" and call.attempt == 1 else call.key)
    row = served.settled(run)
    found = told(memory, 1 + 4 + 5)
    assert {f"{span.context.trace_id:032x}" for span in found.values()} == {TRACE}
    root = found[span_id(run, 1)]
    assert (root.name, f"{root.parent.span_id:016x}") == ("RUN demo.DIAMOND", CALLER)
    assert root.attributes["cicd.pipeline.run.id"] == run
    assert root.attributes["cicd.pipeline.result"] == "success"
    assert (root.start_time, root.end_time) == (row.created_at * 10**6, row.finished_at * 10**6)
    task = found[span_id(run, 1, 1)]
    assert (task.name, f"{task.parent.span_id:016x}") == ("B", span_id(run, 1))
    assert task.attributes["celery.task_name"] == "B"
    first, second = (found[span_id(run, 1, 1, number)] for number in (1, 2))
    assert f"{first.parent.span_id:016x}" == span_id(run, 1, 1)
    assert (first.status.is_ok, first.events[0].attributes["exception.message"]) == (False, "not yet")
    assert second.status.is_ok
    # Another server, or this one once more, makes the same.
    tracer = Tracer(served.umbel.store, served.umbel.plan, Otlp(memory), served.umbel.metrics, "", "celery")
    assert {span.id for span in tracer.spans(run)} == found.keys()


def test_a_failure_and_a_run_that_a_task_has_started(served: Served, memory: InMemorySpanExporter) -> None:
    outer = start(served, "demo.OUTER")
    served.work(lambda call: Spawn({}) if call.key == "sub" else Fail("no", "ValueError"))
    wait_until(lambda: served.tick() or memory.get_finished_spans()[5:], 10, "both runs' spans")  # type: ignore[func-returns-value]
    found = told(memory, 6)
    assert {f"{span.context.trace_id:032x}" for span in found.values()} == {outer.replace("-", "")}
    assert found[span_id(outer, 1)].parent is None
    inner = next(span for span in found.values() if span.name == "RUN demo.ONE")
    assert f"{inner.parent.span_id:016x}" == span_id(outer, 0, 1)
    assert inner.attributes["cicd.pipeline.result"] == "failure"
    failed = next(
        s for s in found.values() if s.attributes.get("umbel.attempt") and s.attributes["celery.task_name"] == "A"
    )
    assert failed.attributes["error.type"] == "ValueError"


def test_messages_carry_the_trace_and_bodies_their_attempt(served: Served) -> None:
    run = start(served, "demo.ONE", f"00-{TRACE}-{CALLER}-01")
    own = start(served, "demo.ONE")
    dispatcher = Dispatcher(make_app(served.umbel.settings), served.engine)
    header = dispatcher._traced(Item(run, 0, 1, ""))
    assert parse(header["traceparent"]) == (TRACE, span_id(run, 0, 1))
    assert parse(dispatcher._traced(Item(own, 0, 1, ""))["traceparent"]) == (own.replace("-", ""), span_id(own, 0, 1))
    in_body = attempt._traced(header, Token(run, 0, 1, 2))
    assert parse(in_body["traceparent"]) == (TRACE, span_id(run, 0, 1, 2))
    assert attempt._traced({}, Token(run, 0, 1, 2)) == {}


def test_a_callers_nonsense_is_no_parent(served: Served, memory: InMemorySpanExporter) -> None:
    run = start(served, "demo.ONE", "00-" + "0" * 32 + f"-{CALLER}-01")
    served.work(lambda call: 1)
    served.settled(run)
    assert told(memory, 3)[span_id(run, 1)].parent is None


def test_it_goes_over_http(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        run = start(served, "demo.ONE")
        served.work(lambda call: 1)
        served.settled(run)
        exporter = spans.otlp()
        tracer = Tracer(served.umbel.store, served.umbel.plan, exporter, served.umbel.metrics, "http://u", "celery")
        assert exporter.export(tracer.spans(run))
        exporter.close()
        server.shutdown()
        thread.join()
    (path, request), *more = asked
    assert (path, more) == ("/v1/traces", [])
    resource = request.resource_spans[0]
    assert any(
        each.key == "service.name" and each.value.string_value == "umbel" for each in resource.resource.attributes
    )
    names = [span.name for span in resource.scope_spans[0].spans]
    assert names == ["RUN demo.ONE", "A", "attempt 1"]


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "umbel.observe.otlp", None)
    with pytest.raises(SettingsError):
        spans.otlp()


def test_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert not load_settings().traces
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert load_settings().traces
