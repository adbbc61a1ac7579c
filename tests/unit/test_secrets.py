"""Secrets: which values of a payload are, sealing and opening, masking, and addresses."""

import base64
import html
import io
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from umbel.celery import hushed
from umbel.celery.capture import Output, Tee, begin, end
from umbel.celery.control import Control
from umbel.celery.opened import Hidden, Opened
from umbel.celery.outcome import Expanded, Failed, Retried, Succeeded, describe
from umbel.celery.results import Results
from umbel.definition import parse
from umbel.definition.expressions import evaluate, variables
from umbel.definition.marked import marks, sealed_at, secret_places
from umbel.engine.calls import Claim
from umbel.engine.engine import Token
from umbel.errors import (
    BadRequest,
    ExpressionError,
    PayloadInvalid,
    ResultTooLarge,
    SecretKeyMissing,
    SecretUnreadable,
    SettingsError,
    UmbelError,
)
from umbel.machine import Code
from umbel.observe.logs import Json
from umbel.plan import build_all
from umbel.plan.model import Node
from umbel.secrets import MARK, Mask, Sieve, Vault, hide, is_sealed, new_key, redact_url
from umbel.service.secrets import enter
from umbel.settings import load_settings
from umbel.testing import run

KEY, OLD = new_key(), new_key()

MARKED: dict[str, tuple[dict[str, Any], Any, set[tuple[str | int, ...]]]] = {
    "nothing": ({"properties": {"a": {"writeOnly": False, "format": "email"}}}, {"a": "b"}, set()),
    "both marks": (
        {"properties": {"a": {"writeOnly": True}, "b": {"type": "string", "format": "password"}}},
        {"a": 1, "b": "x", "c": 2},
        {("a",), ("b",)},
    ),
    "null is none": ({"properties": {"a": {"writeOnly": True}}}, {"a": None}, set()),
    "of a wrong type too": ({"properties": {"a": {"type": "string", "writeOnly": True}}}, {"a": [1]}, {("a",)}),
    "an object as a whole": (
        {"properties": {"a": {"writeOnly": True, "properties": {"b": {"writeOnly": True}}}}}, {"a": {"b": 1}}, {("a",)},
    ),
    "the payload as a whole": ({"writeOnly": True}, {"a": 1, "b": 2}, {("a",), ("b",)}),
    "references": (
        {
            "properties": {"a": {"$ref": "#/$defs/s"}, "b": {"$ref": "#t"}},
            "$defs": {"s": {"writeOnly": True}, "t": {"$anchor": "t", "format": "password"}},
        },
        {"a": 1, "b": 2},
        {("a",), ("b",)},
    ),
    "beside a reference, draft 7": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"a": {"$ref": "#/definitions/s", "writeOnly": True}},
            "definitions": {"s": {}},
        },
        {"a": 1},
        {("a",)},
    ),
    "trees": (
        {"properties": {"pw": {"writeOnly": True}, "in": {"type": "array", "items": {"$ref": "#"}}}},
        {"pw": 1, "in": [{"pw": 2, "in": [{"pw": 3}]}, {}]},
        {("pw",), ("in", 0, "pw"), ("in", 0, "in", 0, "pw")},
    ),
    "items": (
        {"properties": {"a": {"prefixItems": [{}, {"writeOnly": True}], "items": {"format": "password"}}}},
        {"a": [1, 2, 3]},
        {("a", 1), ("a", 2)},
    ),
    "items, draft 7": (
        {"properties": {"a": {"items": [{"writeOnly": True}], "additionalItems": {"format": "password"}}}},
        {"a": [1, 2]},
        {("a", 0), ("a", 1)},
    ),
    "names": (
        {"patternProperties": {"^x": {"writeOnly": True}}, "additionalProperties": {"format": "password"}},
        {"x1": 1, "y": 2},
        {("x1",), ("y",)},
    ),
    "every branch": (
        {
            "allOf": [{"properties": {"a": {"writeOnly": True}}}],
            "anyOf": [{"properties": {"b": {"writeOnly": True}}}, {}],
            "oneOf": [{"properties": {"c": {"type": "null"}}}, {"properties": {"c": {"writeOnly": True}}}],
            "if": {"properties": {"k": {"const": 1}}},
            "then": {"properties": {"d": {"writeOnly": True}}},
            "else": {"properties": {"e": {"writeOnly": True}}},
            "dependentSchemas": {"a": {"properties": {"f": {"writeOnly": True}}}},
            "unevaluatedProperties": False,
        },
        dict.fromkeys("abcdefk", 1),
        {(name,) for name in "abcdef"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MARKED)
def test_marked_places(case: str) -> None:
    schema, payload, wanted = MARKED[case]
    assert secret_places(schema, payload) == wanted
    assert marks(schema) is (case != "nothing")
    vault = Vault(KEY)
    sealed = sealed_at(vault, payload, wanted)
    assert vault.open_all(sealed) == payload
    assert hide(sealed) == _starred(payload, wanted)


def _starred(value: Any, places: set[tuple[str | int, ...]], here: tuple[str | int, ...] = ()) -> Any:
    if here in places:
        return "***"
    if isinstance(value, dict):
        return {name: _starred(each, places, (*here, name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_starred(each, places, (*here, place)) for place, each in enumerate(value)]
    return value


def test_keys() -> None:
    sealed = Vault(OLD).seal("old")
    rotated = Vault(f" {KEY}, {OLD},")
    assert rotated.open_all([sealed]) == ["old"]
    assert Vault(KEY).open_all(rotated.seal("new")) == "new"
    # Equal for the same secret, whichever key sealed it; another for another.
    assert rotated.likeness(sealed) == rotated.likeness(rotated.seal("old")) == Vault(OLD).likeness(sealed)
    assert rotated.likeness(sealed) != rotated.likeness(rotated.seal("new"))
    with pytest.raises(SecretUnreadable):
        Vault(KEY).open_all(sealed)
    with pytest.raises(SecretUnreadable):
        Vault(KEY).open_all({MARK: "é"})
    for keys in ("", " , "):
        with pytest.raises(SecretKeyMissing, match="UMBEL_SECRET_KEY"):
            Vault(keys).seal(1)
    with pytest.raises(SettingsError) as caught:
        Vault("hunter2hunter2").seal(1)
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__} {load_settings(secret_key='hunter2')!r}"


CANARY = 'canary-"é\n/+second line of it'


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        json.dumps([CANARY]),
        json.dumps(CANARY, ensure_ascii=False),
        repr({"a": CANARY}),
        repr(json.dumps({"a": CANARY})),
        json.dumps(json.dumps({"a": CANARY})),
        json.dumps(repr({"a": CANARY})),
        json.dumps(CANARY).replace("/", "\\/"),
        repr(f"it's {CANARY}"),
        repr(CANARY.encode()),
        ascii(CANARY),
        html.escape(CANARY),
        "q=canary-%22%c3%a9%0a%2f%2bsecond+line+of+it",
        "https://h/?q=canary-%22%C3%A9%0A%2F%2Bsecond%20line%20of%20it",
        "q=canary-%22%C3%A9%0A%2F%2Bsecond+line+of+it",
        *(base64.b64encode(f"{start}{CANARY}tail".encode()).decode() for start in ("", "u", "us", "use")),
        "only the second line of it, alone: /+second line of it",
    ],
)
def test_forms_that_are_masked(text: str) -> None:
    shown = Mask({"in": [CANARY]}).text(text)
    assert "***" in shown
    for part in ("canary", "second", base64.b64encode(CANARY.encode()).decode()[6:-6]):
        assert part not in shown.replace("only the second line", "")


def test_what_is_not_masked() -> None:
    mask = Mask("abc", True, None, "", 12, "long enough", 4711)
    assert mask.text("abc true 12 long enough 4711") == "abc true 12 *** ***"
    given = {"abc": True, "abcd": False, 12: True, 13: False, True: False, "a 4711": True, None: False}
    assert {each: mask.hits(each) for each in given} == given


def test_pieces() -> None:
    sieve = Sieve(Mask("canary-one", "canary-\ntwo"))
    said = ""
    for letter in "a canary-on canary-one, canary-\ntwo, cana":
        said += sieve.feed(letter)
    assert said == "a canary-on ***, ***, "
    assert sieve.rest() == "cana"
    assert sieve.rest() == ""


def test_outcomes_are_sealed_or_masked() -> None:
    opened = Opened(KEY)
    assert opened.open({"a": Vault(KEY).seal(CANARY), "b": 1}) == {"a": CANARY, "b": 1}
    try:
        text = json.dumps({"x": CANARY, "y": ["plain", f"in {CANARY}"], "z": {CANARY: 1}})
        result = opened.cover(Succeeded(text), 10_000)
        assert isinstance(result, Succeeded)
        assert hide(json.loads(result.result)) == {"x": "***", "y": ["plain", "***"], "z": "***"}
        assert Vault(KEY).open_all(json.loads(result.result)) == json.loads(text)
        assert opened.cover(Succeeded('{"date": 1}'), 10_000) == Succeeded('{"date": 1}')
        with pytest.raises(ResultTooLarge):
            opened.cover(Succeeded(json.dumps(CANARY)), 50)
        items = opened.cover(Expanded([json.dumps(CANARY), "2"], 1), 10_000)
        assert isinstance(items, Expanded)
        assert is_sealed(json.loads(items.items[0]))
        retried = opened.cover(Retried(1.0, {"exception": f"no {CANARY}"}, json.dumps([[CANARY], {}])), 10_000)
        assert isinstance(retried, Retried)
        assert retried.info == {"exception": "no ***"}
        assert hide(json.loads(retried.args)) == [["***"], {}]
        failed = opened.cover(Failed({"exception": CANARY, "countdown": 1, "traceback": repr(CANARY)}), 10_000)
        assert isinstance(failed, Failed)
        assert failed.info == {"exception": "***", "countdown": 1, "traceback": "'***'"}
        # A long text is masked before its middle is cut out, since half a secret would not be found.
        assert "canary" not in describe(ValueError("x" * 4_995 + CANARY + "x" * 6_000), None)["exception"]
    finally:
        opened.close()
    assert hushed.hush(CANARY) == CANARY


def test_long_secrets_are_not_cut_before_they_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "canary-" + "".join(f"{each:04x}" for each in range(200))
    opened = Opened(KEY)
    opened.note(secret)
    token, claim, node = Token("run", 0, 1, 1), Claim(Code.OK), Node(0, "m", "A", map="${payload.x}")
    try:
        with pytest.raises(ExpressionError) as caught:
            evaluate("payload[payload.x]", variables({"x": secret}, {}, run_id="", definition=""))
        assert "canary" not in opened.mask.text(str(caught.value))
        control = Control(SimpleNamespace())  # type: ignore[arg-type]
        monkeypatch.setattr(control, "_scope", SimpleNamespace(render=lambda *given: secret))
        told = opened.cover(control._expand(token, claim, node), 10_000)
        assert isinstance(told, Failed)
        assert "gives no list" in told.info["exception"]
        assert "canary" not in told.info["exception"]
    finally:
        opened.close()


def test_results_that_celery_keeps() -> None:
    """Of `self.update_state`."""
    opened = Opened(KEY)
    opened.note(CANARY)
    results = Results(app=Celery(), url="redis://")
    begin(Output(Token("run", 0, 1, 1), 1000, opened))
    try:
        assert results.encode_result({"at": 5, "x": [CANARY]}, "PROGRESS") == {"at": 5, "x": ["***"]}
    finally:
        end()
        opened.close()
    assert results.encode_result({"x": [CANARY]}, "PROGRESS") == {"x": [CANARY]}


def test_output_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    opened = Opened(KEY)
    opened.note(CANARY)
    hushed.watch_logs()
    try:
        output = Output(Token("run", 0, 1, 1), 1000, opened)
        output.add("info", f"it is {CANARY}")
        assert [line for _, _, line in output.take()] == ["it is ***"]
        terminal = io.StringIO()
        tee = Tee(terminal, "stdout")
        begin(output)
        for letter in f"{CANARY}, cana":
            tee.write(letter)
        tee.finish(output)
        end()
        assert terminal.getvalue() == "***\n***, cana"  # each of its lines is one that nobody may see
        assert [line for _, _, line in output.take()] == ["***", "***, cana"]
        with caplog.at_level("INFO"):
            logging.getLogger("somebody").info("given %r and %s", CANARY, 5)
            try:
                raise Hidden(CANARY)
            except Hidden:
                logging.getLogger("somebody").exception("failed")
    finally:
        opened.close()
    assert "given '***' and 5" in caplog.text
    assert "Hidden: ***" in caplog.text
    assert "Hidden: ***" in Json().format(caplog.records[-1])
    assert "canary" not in Json().format(caplog.records[-1])
    assert "canary" not in caplog.text


SCHEMA = "{type: object, properties: {token: {type: string, writeOnly: true, minLength: 5}, n: {type: integer}}}"


def definition(**more: str) -> Any:
    rest = "".join(f"  {name}: {value}\n" for name, value in more.items())
    catalog = parse(f"demo.X:\n  tasks: [A]\n  schema: {SCHEMA}\n{rest}")
    assert not catalog.problems, catalog.problems
    return catalog.definitions["demo.X"]


def test_the_door() -> None:
    found = definition()
    entered = enter(KEY, found, {"token": CANARY, "n": 1}, again=False)
    assert hide(entered.payload) == {"token": "***", "n": 1}
    assert entered.likeness == enter(f"{new_key()},{KEY}", found, {"token": CANARY, "n": 1}, again=False).likeness
    again = enter(KEY, found, entered.payload, again=True)
    assert again.payload == entered.payload
    refused: list[tuple[type[UmbelError], dict[str, Any], str]] = [
        (BadRequest, dict(entered.payload), KEY),
        (PayloadInvalid, {"token": "***"}, KEY),
        (PayloadInvalid, {"token": ["canary"]}, KEY),
        (SecretKeyMissing, {"token": CANARY}, ""),
        (SecretKeyMissing, {}, ""),
    ]
    for error, payload, keys in refused:
        with pytest.raises(error) as caught:
            enter(keys, found, payload, again=False)
        assert "canary" not in str(caught.value)
    with pytest.raises(SecretUnreadable):
        enter(OLD, found, entered.payload, again=True)
    # Marked no more: what was sealed stays so.
    before = parse("demo.X: {tasks: [A], schema: {properties: {token: {type: string}}}}").definitions["demo.X"]
    assert enter(KEY, before, entered.payload, again=True).payload == entered.payload


def test_files_hold_secrets_only_sealed() -> None:
    sealed = json.dumps(Vault(KEY).seal("canary"))
    found = definition(
        defaults=f"{{token: {sealed}, n: 1}}", periodic=f"{{interval: 60, payload: {{token: {sealed}}}}}"
    )
    assert enter(KEY, found, {}, again=False).payload == {"token": json.loads(sealed), "n": 1}
    for more in ("defaults: {token: canary}", "periodic: {interval: 60, payload: {token: canary}}"):
        catalog = parse(f"demo.X:\n  tasks: [A]\n  schema: {SCHEMA}\n  {more}\n")
        assert [each.code for each in catalog.problems if each.severity == "error"] == ["plain-secret"]
        assert "canary" not in repr((catalog.problems, catalog.refused))
    for more in ("defaults: {token: [canary]}", "periodic: {interval: 60, payload: {token: [canary]}}"):
        catalog = parse(f"demo.X:\n  tasks: [A]\n  schema: {SCHEMA}\n  {more}\n")
        assert [each.severity for each in catalog.problems] == ["error", "warning"]
        assert "canary" not in repr((catalog.problems, catalog.refused))
    catalog = parse(f"demo.X:\n  tasks: [A]\n  schema: {SCHEMA}\n  engine: canvas\n")
    assert [each.code for each in catalog.problems] == ["secret-in-canvas"]


@pytest.mark.parametrize("given", ["canary", "${payload.token}", json.dumps(Vault(KEY).seal("canary"))])
def test_payloads_of_sub_runs(given: str) -> None:
    text = f"demo.X:\n  tasks: [A]\n  schema: {SCHEMA}\ndemo.Y:\n  tasks:\n    s:\n      workflow: demo.X\n"
    quoted = given if given.startswith("{") else f'"{given}"'
    plans, catalog = build_all(parse(f"{text}      payload: {{token: {quoted}}}\n"))
    if given == "canary":
        assert [each.code for each in catalog.problems] == ["plain-secret"]
        assert "demo.Y" not in plans
    else:
        assert not catalog.problems
        assert "canary" not in repr(plans["demo.Y"])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:p@ss:w/d@h:1/0", "redis://:***@h:1/0"),
        ("the broker amqp://u:p@h// is away", "the broker amqp://u:***@h// is away"),
        ("postgresql+psycopg://u:p@h/db?sslpassword=x&a=b", "postgresql+psycopg://u:***@h/db?sslpassword=***&a=b"),
        ("redis://h:6379/1 and redis://:p@h", "redis://h:6379/1 and redis://:***@h"),
        ("sqlite:////data/umbel.db", "sqlite:////data/umbel.db"),
        ("http://127.0.0.1:8000/runs", "http://127.0.0.1:8000/runs"),
    ],
)
def test_addresses(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_tests_of_workflows_need_no_key() -> None:
    """In memory a payload is what the test gave, and so is what a sub-run gets, although that is sealed on its way."""
    app = Celery(set_as_current=False)

    @app.task(name="A", shared=False)
    def tell(payload: Any = None, **_: Any) -> Any:
        return {"all": payload}

    text = f"demo.X:\n  tasks: {{a: {{task: A, with: {{payload: '${{payload}}'}}}}}}\n  schema: {SCHEMA}\n"
    text += "demo.Y:\n  tasks:\n    s: {workflow: demo.X, payload: {token: '${payload.given}'}}\n"
    found = run(text, "demo.Y", {"given": CANARY}, app=app)
    assert found.error is None
    assert found.result == {"all": {"token": CANARY}}
