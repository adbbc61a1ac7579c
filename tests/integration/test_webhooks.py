"""Webhooks on real databases, to a real HTTP server, with a clock that the test moves."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from tests.histories import DIAMOND, NOW, Script, diamond, new_run, troubled
from tests.integration.test_keeper_schedule import Clock
from tests.postgres import database_url, new_database, postgres
from tests.unit.test_webhooks import SECRET
from tests.waiting import wait_until
from umbel.definition import Webhook
from umbel.errors import HistoryUnavailable
from umbel.events import EventRecord
from umbel.keeper.deliver import HOLD, PER_URL, SERIES, Deliver, pause_after
from umbel.keeper.leader import TTL, Leader
from umbel.machine import RunState
from umbel.plan.model import Plan
from umbel.store import DeliveryAttempt, DeliveryRow, Limit, Rerun, Store, tables
from umbel.store.deliveries import delivery_id
from umbel.webhooks import Allowed, Secrets, verify
from umbel.webhooks.send import Sender

__all__ = ["database_url", "new_database", "postgres"]

RUN = "7f0d9a6e-0000-4000-8000-000000000000"


@dataclass
class Receiver:
    """A web server that answers as it is told, and keeps what it got."""

    server: ThreadingHTTPServer
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    """Status, headers, body; 200 when there are no more."""
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    silent: threading.Event = field(default_factory=threading.Event)
    """While it is set, answers come a byte at a time, and never end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            gone = threading.Event()
            while one.silent.is_set() and not gone.wait(0.02):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: " if not self.close_connection else b"x")
                self.close_connection = True
            status, headers, content = one.answers.pop(0) if one.answers else (200, {}, b"thanks")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that has gone

    one = Receiver(Server(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    one.silent.clear()
    one.server.shutdown()
    thread.join()
    one.server.server_close()


class Server:
    """The loops of one server that concern webhooks, turned by hand."""

    def __init__(self, url: str, clock: Clock, timeout: float = 5.0) -> None:
        self.store = Store(url)
        self.store.database.upgrade()
        self.clock = clock
        self.leader = Leader(self.store, clock)
        sender = Sender(Secrets.parse(SECRET), Allowed.parse("127.0.0.1"), timeout=timeout)
        self.deliver = Deliver(
            self.store, self.leader, sender.send, "https://umbel.example", clock, jitter=lambda low, high: 1.0
        )

    def turn(self) -> None:
        self.leader.turn()
        self.deliver.turn()
        wait_until(lambda: self.deliver.under_way == 0, 10, "the end of all requests")

    def only(self) -> DeliveryRow:
        (row,) = self.store.deliveries_of(RUN)
        return row


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(database_url: str, clock: Clock) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def one(**more: Any) -> Server:
        started.append(Server(database_url, clock, **more))
        return started[-1]

    yield one
    for each in started:
        each.deliver.stop()
        each.store.close()


def accept(store: Store, url: str, run: str = RUN, events: Sequence[str] = ("success", "failure", "cancel")) -> Plan:
    plan = Plan(DIAMOND.definition, DIAMOND.nodes, webhook=Webhook(url, tuple(events), {"X-Key": "k"}))
    store.accept(new_run(run_id=run, plan=plan))
    return plan


def project(store: Store, events: Sequence[EventRecord], at_once: int = 100) -> None:
    for first in range(0, len(events), at_once):
        part, position = events[first : first + at_once], store.position(0)
        store.apply(0, part, position, f"{NOW}-{int(position.partition('-')[2]) + len(part)}")


def test_the_end_of_a_run_is_told_once_signed_and_without_its_data(
    start: Callable[..., Server], receiver: Receiver
) -> None:
    server = start()
    accept(server.store, receiver.url + "/hook?a=b")
    project(server.store, troubled(RUN), at_once=3)
    row = server.only()
    assert (row.id, row.event, row.status, row.epoch) == (delivery_id(RUN, 1), "failure", "pending", 1)
    server.turn()
    server.turn()
    ((path, headers, body),) = receiver.got
    assert path == "/hook?a=b"
    told = verify(SECRET, headers, body)
    assert headers["webhook-id"] == row.id
    assert (headers["content-type"], headers["x-key"]) == ("application/json", "k")
    assert headers["host"] == receiver.url.removeprefix("http://")
    assert told["type"] == "run.failed"
    assert told["data"] == {
        "run_id": RUN,
        "definition": "demo.PIPELINE",
        "state": "error",
        "epoch": 1,
        "created_at": "2023-11-14T22:13:20.000Z",
        "started_at": "2023-11-14T22:13:22.000Z",
        "finished_at": told["timestamp"],
        "failed_task": "B",
        "url": f"https://umbel.example/runs/{RUN}",
    }
    row = server.only()
    assert (row.status, row.due_at, row.attempts) == ("delivered", None, 1)
    assert [(one.status, one.error, one.answer) for one in row.log] == [(200, None, "thanks")]


def test_only_the_ends_that_it_wants(start: Callable[..., Server], receiver: Receiver) -> None:
    server = start()
    accept(server.store, receiver.url, events=("failure",))
    project(server.store, diamond(RUN))
    assert server.store.deliveries_of(RUN) == []
    server.store.accept(new_run(run_id=RUN.replace("7f", "8f")))  # the plan without a webhook
    project(server.store, diamond(RUN.replace("7f", "8f")))
    assert server.store.deliveries() == ([], None)


def test_it_is_tried_again_with_growing_pauses_until_it_arrives(
    start: Callable[..., Server], receiver: Receiver, clock: Clock
) -> None:
    server = start()
    accept(server.store, receiver.url)
    project(server.store, diamond(RUN))
    receiver.answers = [
        (500, {}, b"x" * 5000),
        (302, {"Location": receiver.url + "/elsewhere"}, b""),
        (429, {"Retry-After": "3600"}, b"later"),
    ]
    pauses = []
    while (row := server.only()).status == "pending":
        if row.attempts:
            assert row.due_at is not None
            pauses.append((row.due_at - clock.at) / 1000)
            server.turn()  # too early
            assert server.only().attempts == row.attempts
            clock.at = row.due_at
        server.turn()
    assert pauses == [pause_after(1), pause_after(2), 3600.0]
    assert [one.status for one in row.log] == [500, 302, 429, 200]
    assert len(row.log[0].answer) == 500
    assert row.log[1].error == "HTTP 302: redirects are not followed."
    assert {path for path, _, _ in receiver.got} == {"/"}
    assert {headers["webhook-id"] for _, headers, _ in receiver.got} == {row.id}


def test_after_a_day_it_is_given_up_and_may_be_told_again(
    start: Callable[..., Server], receiver: Receiver, clock: Clock
) -> None:
    server = start()
    accept(server.store, receiver.url)
    project(server.store, diamond(RUN))
    receiver.answers = [(500, {}, b"")] * 100
    began = clock.at
    while (row := server.only()).status == "pending":
        clock.at = max(clock.at, row.due_at or 0)
        server.turn()
    assert row.status == "failed"
    assert row.finished_at is not None
    assert SERIES * 0.7 <= (row.finished_at - began) / 1000 <= SERIES
    assert 8 <= row.attempts <= 20
    assert server.store.deliveries("failed")[0] == [row]
    receiver.answers = []
    again = server.store.redeliver(RUN, row.id, clock.at)
    assert again is not None
    assert (again.status, again.due_at) == ("pending", clock.at)
    server.turn()
    assert (server.only().status, server.only().attempts) == ("delivered", row.attempts + 1)
    assert server.store.redeliver(RUN, delivery_id(RUN, 2), clock.at) is None
    receiver.answers = [(410, {}, b"")]
    server.store.redeliver(RUN, row.id, clock.at)
    server.turn()
    assert server.only().status == "failed"


def test_an_answer_that_never_ends_ends_the_attempt(start: Callable[..., Server], receiver: Receiver) -> None:
    server = start(timeout=0.3)
    accept(server.store, receiver.url)
    project(server.store, diamond(RUN))
    receiver.silent.set()
    server.turn()
    (one,) = server.only().log
    assert (one.status, one.error) == (None, "No answer within 0.3 s.")
    assert one.took is not None
    assert one.took < 3000


def test_a_server_that_dies_loses_nothing(start: Callable[..., Server], receiver: Receiver, clock: Clock) -> None:
    """Between the commit of the end and the attempt; and in the middle of the attempt."""
    first = start()
    first.leader.turn()
    accept(first.store, receiver.url)
    project(first.store, diamond(RUN))
    second = start()
    second.turn()
    assert receiver.got == []  # it is not the leader
    clock.pass_by(TTL + 1)
    second.leader.turn()
    assert second.leader.lease is not None
    assert first.leader.lease is not None
    assert first.store.claim_deliveries(first.leader.lease, clock.at, 1, 1, 8, 2) == []  # it has lost the lease
    # The second one begins an attempt, and dies.
    assert len(second.store.claim_deliveries(second.leader.lease, clock.at, round(HOLD * 1000), 10**8, 8, 2)) == 1
    clock.pass_by(TTL + 1)
    third = start()
    third.turn()
    assert receiver.got == []  # perhaps it is still under way
    clock.pass_by(HOLD)
    third.turn()
    assert len(receiver.got) == 1
    row = third.only()
    assert [(one.attempt, one.status) for one in row.log] == [(1, None), (2, 200)]
    assert row.status == "delivered"


def test_a_late_failure_does_not_count_and_a_late_success_does(
    start: Callable[..., Server], receiver: Receiver, clock: Clock
) -> None:
    server = start()
    accept(server.store, receiver.url)
    project(server.store, diamond(RUN))
    server.leader.turn()
    lease, store = server.leader.lease, server.store
    assert lease is not None
    for attempt in (1, 2):
        (due,) = store.claim_deliveries(lease, clock.at, 1000, 10**8, 8, 2)
        assert due.attempt == attempt
        clock.pass_by(1)
    before = server.only().due_at
    store.end_attempt(due.id, DeliveryAttempt(1, clock.at, error="late"), "failed", clock.at, None)
    assert (server.only().status, server.only().due_at) == ("pending", before)
    store.end_attempt(due.id, DeliveryAttempt(1, clock.at, 200), "delivered", clock.at, None)
    store.end_attempt(due.id, DeliveryAttempt(2, clock.at, 500), "pending", clock.at, clock.at)
    row = server.only()
    assert (row.status, row.due_at, [one.status for one in row.log]) == ("delivered", None, [200, 500])


def test_two_servers_make_one_delivery(start: Callable[..., Server], receiver: Receiver) -> None:
    servers = [start(), start()]
    accept(servers[0].store, receiver.url)
    project(servers[0].store, diamond(RUN))
    together = threading.Barrier(2)

    def work(server: Server) -> None:
        together.wait()
        for _ in range(3):
            server.turn()

    threads = [threading.Thread(target=work, args=(each,)) for each in servers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(receiver.got) == 1


def test_a_crash_around_the_commit_neither_loses_nor_doubles(start: Callable[..., Server], receiver: Receiver) -> None:
    server = start()
    accept(server.store, receiver.url)
    events, write = diamond(RUN), server.store.database.write
    position = server.store.position(0)

    def broken() -> Any:
        raise HistoryUnavailable("gone")

    server.store.database.write = broken  # type: ignore[method-assign]
    with pytest.raises(HistoryUnavailable):
        server.store.apply(0, events, position, "1-1")
    server.store.database.write = write  # type: ignore[method-assign]
    assert server.store.deliveries_of(RUN) == []
    server.store.apply(0, events, position, "1-1")
    server.store.apply(0, events, "1-1", "1-2")  # read again: duplicates
    assert len(server.store.deliveries_of(RUN)) == 1


def test_each_epoch_has_its_own(start: Callable[..., Server], receiver: Receiver) -> None:
    """Also one that keeps a failed task, and so is an error from its first moment: its end is that nothing is left."""
    server, events = start(), troubled(RUN)
    plan = accept(server.store, receiver.url)
    project(server.store, events)
    run = server.store.run(RUN)
    assert run is not None
    server.store.ask_rerun(RUN, 0, 1, Rerun((3,), state=RunState.ERROR), NOW, None)
    script = Script(RUN)
    script.events = list(events)
    script.add("run.restored", epoch=2, reset=[3], state="error", plan=plan.hash)
    project(server.store, script.events[len(events) :])
    assert [row.epoch for row in server.store.deliveries_of(RUN)] == [1]
    before = len(script.events)
    script.add("run.settled")
    project(server.store, script.events[before:])
    rows = server.store.deliveries_of(RUN)
    assert [(row.epoch, row.event) for row in rows] == [(2, "failure"), (1, "failure")]
    assert len({row.id for row in rows}) == 2


def test_runs_that_end_without_ever_being_launched(start: Callable[..., Server], receiver: Receiver) -> None:
    server = start()
    plan = Plan(DIAMOND.definition, DIAMOND.nodes, webhook=Webhook(receiver.url))
    limit = Limit("k", 1, "cancel_newest")
    first, second = (server.store.accept(new_run(plan=plan, limit=limit)).run for _ in range(2))
    assert [row.event for row in server.store.deliveries_of(second.id)] == ["cancel"]
    assert server.store.deliveries_of(first.id) == []
    waiting = server.store.accept(new_run(run_id=RUN, plan=plan, limit=Limit("k", 1, "queue"))).run
    assert server.store.end_here(waiting, NOW + 5, "somebody")
    assert server.only().event == "cancel"
    server.turn()
    assert {json.loads(body)["type"] for _, _, body in receiver.got} == {"run.canceled"}


def test_a_receiver_that_fails_keeps_no_other_waiting(start: Callable[..., Server], receiver: Receiver) -> None:
    server = start(timeout=0.5)
    slow = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(20)]
    for run in slow:
        accept(server.store, receiver.url + "/slow", run)
        project(server.store, diamond(run))
    accept(server.store, receiver.url + "/good")
    project(server.store, diamond(RUN))
    server.turn()
    paths = [path for path, _, _ in receiver.got]
    assert sorted(paths) == ["/good"] + ["/slow"] * PER_URL


def test_they_go_with_their_run(start: Callable[..., Server], receiver: Receiver) -> None:
    server = start()
    accept(server.store, receiver.url)
    project(server.store, diamond(RUN))
    server.turn()
    assert server.store.prune(NOW + 10**9) == 1
    with server.store.database.read() as connection:
        for table in (tables.deliveries, tables.delivery_attempts):
            assert connection.execute(select(table)).all() == []


def test_the_certificate_must_be_that_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the connection goes to an address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.test")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "both.pem").write_bytes(private + certificate)
    (tmp_path / "trusted.pem").write_bytes(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "both.pem")
    seen: list[bytes] = []

    def serve(server: socket.socket) -> None:
        for _ in range(2):
            connection = server.accept()[0]
            connection.settimeout(10)
            try:
                with tls.wrap_socket(connection, server_side=True) as secure:
                    said = b""
                    while not said.endswith(b"{}") and (more := secure.recv(65536)):
                        said += more  # all of it: closing with something unread would take the answer back
                    seen.append(said)
                    secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except OSError:
                connection.close()  # the client did not like the certificate

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        port = server.getsockname()[1]
        sender = Sender(Secrets.parse(SECRET), Allowed.parse("127.0.0.1"), resolve=lambda host, port: ["127.0.0.1"])
        wrong = sender.send(f"https://other.test:{port}/", "m1", b"{}", {})
        right = sender.send(f"https://hooks.test:{port}/x", "m1", b"{}", {})
        thread.join()
    assert (right.status, right.error) == (204, None)
    assert wrong.status is None
    assert "CERTIFICATE_VERIFY_FAILED" in (wrong.error or "")
    assert len(seen) == 1
    assert f"host: hooks.test:{port}".encode() in seen[0]
