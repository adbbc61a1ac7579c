"""Webhooks: how they are written, signed, and where they may go. No connection is made where none may be."""

import base64
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import pytest

from umbel.definition import Webhook, parse
from umbel.errors import DefinitionError, SettingsError
from umbel.plan import build_all
from umbel.plan.model import Plan
from umbel.service.catalog import Definitions
from umbel.webhooks import Allowed, BadSignature, Refused, Secrets, verify
from umbel.webhooks.addresses import is_public
from umbel.webhooks.send import Sender, _retry_after, resolve
from umbel.webhooks.target import BadTarget, Target

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmn").decode()
OTHER = "whsec_" + base64.b64encode(b"another-secret-another-one").decode()
NOW = 1_800_000_000


# -- as they are written


def test_a_url_or_more_in_both_forms_of_a_file() -> None:
    text = (
        "a.LIST: {tasks: [A], hooks: {failure: B, webhook: 'https://example.com/x?y=1'}}\n"
        "a.MAP:\n  tasks: {a: {task: A}}\n  hooks:\n"
        "    webhook: {url: 'http://10.0.0.1:8080', events: [cancel, failure], headers: {X-Key: '1'}}\n"
    )
    catalog = parse(text)
    assert catalog.problems == ()
    plans, _ = build_all(catalog)
    assert plans["a.LIST"].webhook == Webhook("https://example.com/x?y=1")
    assert [node.hook for node in plans["a.LIST"].nodes] == [None, "failure"]
    assert plans["a.MAP"].webhook == Webhook("http://10.0.0.1:8080", ("failure", "cancel"), {"X-Key": "1"})
    for plan in plans.values():
        again = Plan.from_json(plan.to_json())
        assert (again, again.hash) == (plan, plan.hash)


def test_plans_without_a_webhook_are_what_they_were() -> None:
    plans, _ = build_all(parse("a.B: {tasks: [A], hooks: {success: B}}\n"))
    assert "webhook" not in plans["a.B"].to_json()


def test_without_a_secret_only_definitions_with_webhooks_are_refused(tmp_path: Path) -> None:
    text = "a.GOOD: {tasks: [A]}\na.BAD:\n  tasks: [A]\n  hooks: {webhook: 'https://example.com'}\n"
    (tmp_path / "workflows.yml").write_text(text)
    definitions = Definitions(tmp_path, signs=False)
    assert definitions.get("a.GOOD")
    with pytest.raises(DefinitionError, match=r"workflows\.yml:4:20: .*UMBEL_WEBHOOK_SECRET"):
        definitions.get("a.BAD")
    assert Definitions(tmp_path).get("a.BAD")[1].webhook


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://x/_", "ftp://x/", "//x/", "x.io", "https://", "https:///x", "https://x.io#a"),
        *("https://a:b@x.io/", "https://x.io@127.0.0.1/", "https://x.io\\@y/", "https://x.io/a b", "https://x.io:0/"),
        *(
            "https://x.io:99999/",
            "https://[::1",
            "https://[fe80::1%25eth0]/",
            "https://ex\u00e4mple.com/",
            "https://-x/",
        ),
        *("https://x.io/\r\nHost: y", "https://x..\t/", "https://[1]a/", "https://x.io/" + "a" * 2000),
    ],
)
def test_what_is_no_target(url: str) -> None:
    with pytest.raises(BadTarget):
        Target.parse(url)


def test_the_parts_of_a_target() -> None:
    assert Target.parse("https://x.io") == Target("https", "x.io", 443, "/")
    assert Target.parse("HTTP://X.io.:81/a%20b?c=d") == Target("http", "x.io", 81, "/a%20b?c=d")
    assert Target.parse("https://[2a00::1]:8443/").authority == "[2a00::1]:8443"
    assert Target.parse("http://x.io:443/").authority == "x.io:443"


# -- signatures


def test_the_conventions_own_example() -> None:
    """From the reference library of Standard Webhooks (python/standardwebhooks, tests/test_webhooks.py)."""
    secrets = Secrets.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_who_has_the_secret_believes_it_and_nobody_else() -> None:
    body = b'{"type": "run.failed"}'
    signed = {name.title(): value for name, value in Secrets.parse(f"{SECRET}, {OTHER}").sign("m1", NOW, body).items()}
    assert len(signed["Webhook-Signature"].split()) == 2
    for secret in (SECRET, OTHER, f"{OTHER},{SECRET}"):
        assert verify(secret, signed, body, now=NOW + 299) == {"type": "run.failed"}
    third = "whsec_" + base64.b64encode(b"x" * 24).decode()
    wrong: list[tuple[str, dict[str, str], bytes, float]] = [
        (third, signed, body, NOW),
        (SECRET, signed, body + b" ", NOW),
        (SECRET, {**signed, "Webhook-Id": "m2"}, body, NOW),
        (SECRET, {**signed, "Webhook-Timestamp": str(NOW + 1)}, body, NOW),
        (SECRET, {**signed, "Webhook-Timestamp": "soon"}, body, NOW),
        (SECRET, {**signed, "Webhook-Signature": "v1,\u00e4"}, body, NOW),
        (SECRET, {name: value for name, value in signed.items() if name != "Webhook-Id"}, body, NOW),
        (SECRET, signed, body, NOW + 301),
        (SECRET, signed, body, NOW - 301),
    ]
    for secret, headers, content, now in wrong:
        with pytest.raises(BadSignature):
            verify(secret, headers, content, now=now)


@pytest.mark.parametrize("text", ["secret", "whsec_", "whsec_short", "whsec_" + "A" * 200, f"{SECRET},no", "whsec_ä"])
def test_what_is_no_secret_is_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="UMBEL_WEBHOOK_SECRET") as caught:
        Secrets.parse(text)
    assert SECRET not in str(caught.value)
    assert not Secrets.parse(" ,")


# -- addresses

CLOSED = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.1", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:a9fe:a9fe::1", "2001:db8::1", "2002:7f00:1::"),
    *(
        "2002:a00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ),
)
OPEN = ("1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450:4001::1")


def test_only_the_public_internet_is_open() -> None:
    assert [each for each in CLOSED if is_public(ip_address(each))] == []
    assert [each for each in OPEN if not is_public(ip_address(each))] == []


def test_what_is_allowed_besides() -> None:
    allowed = Allowed.parse("10.1.0.0/16, 127.0.0.1,fd00::/8, Hooks.Internal")
    assert allowed.check("x", ["10.1.2.3", "8.8.8.8", "::ffff:10.1.2.3"])
    assert allowed.check("x", ["fd00::5"])
    assert allowed.check("hooks.internal.", ["10.9.9.9"]) == ["10.9.9.9"]
    for host, found in (("x", ["10.2.0.1"]), ("x", ["8.8.8.8", "127.0.0.2"]), ("a.hooks.internal", ["10.9.9.9"])):
        with pytest.raises(Refused, match="UMBEL_WEBHOOK_ALLOW"):
            allowed.check(host, found)
    for text in ("10.0.0.1/8", "300.1.1.1", "a b", "http://x"):
        with pytest.raises(SettingsError, match="UMBEL_WEBHOOK_ALLOW"):
            Allowed.parse(text)


# -- sending: the guard counts connections


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that anything connects to in this test."""
    made: list[Any] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        made.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return made


HOSTILE = (
    *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/"),
    *("http://0x7f.1:{port}/", "http://017700000001:{port}/", "http://127.1:{port}/", "http://0:{port}/"),
    *("http://0.0.0.0:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::]:{port}/"),
    *("http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/", "http://169.254.169.254/latest/meta-data"),
    *("http://metadata.test/", "https://rebind.test:{port}/", "http://mixed.test:{port}/", "file:///etc/passwd"),
    *("gopher://127.0.0.1:{port}/_x", "http://x@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@example.com/"),
    *("http://0251.0376.0251.0376/", "http://[fd00:ec2::254]/", "http://nowhere.test/"),
)
NAMES = {"metadata.test": ["169.254.169.254"], "rebind.test": ["::1"], "mixed.test": ["93.184.216.34", "127.0.0.1"]}


def names(host: str, port: int) -> list[str]:
    """No test asks a real server for a name."""
    if host in NAMES:
        return NAMES[host]
    if host.endswith(".test"):
        raise socket.gaierror("Name or service not known")
    return resolve(host, port)


def test_no_hostile_url_makes_a_connection(connections: list[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        for url in HOSTILE:
            at = url.format(port=trap.getsockname()[1])
            answer = Sender(Secrets.parse(SECRET), Allowed(), resolve=names).send(at, "m1", b"{}", {})
            assert answer.status is None, at
            assert answer.error, at
    assert connections == []


def test_a_resolver_that_changes_its_answer_is_asked_once(connections: list[Any]) -> None:
    answers = [["127.0.0.2"], ["127.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    with socket.create_server(("127.0.0.1", 0)) as trap:
        sender = Sender(Secrets.parse(SECRET), Allowed.parse("127.0.0.2"), resolve=rebinding, timeout=2)
        at = f"http://rebind.test:{trap.getsockname()[1]}/"
        first = sender.send(at, "m1", b"{}", {})
        second = sender.send(at, "m1", b"{}", {})
    assert asked == ["rebind.test"] * 2
    assert [address[0] for address in connections] == ["127.0.0.2"]
    assert first.status is None  # nobody listens there
    assert "not public" in (second.error or "")


def test_nothing_is_sent_unsigned(connections: list[Any]) -> None:
    answer = Sender(Secrets([]), Allowed.parse("127.0.0.1")).send("http://127.0.0.1:9/", "m1", b"{}", {})
    assert "UMBEL_WEBHOOK_SECRET" in (answer.error or "")
    assert connections == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Fri, 31 Dec 2099 23:59:59 +9999999999999", None),
    ],
)
def test_when_a_receiver_wants_to_be_asked_again(text: str, seconds: float | None) -> None:
    answer = httpcore.Response(503, headers=[(b"Retry-After", text.encode())])
    assert _retry_after(answer, 10.0) == seconds
