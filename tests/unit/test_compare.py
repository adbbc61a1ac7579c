"""Comparing two runs: values place by place, how payloads begin, and what the command prints."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.fake_server import RUN_ID, Fake, fake_server, run
from umbel.cli.main import app
from umbel.cli.output import console
from umbel.errors import BadRequest
from umbel.secrets import Vault, new_key
from umbel.service import secrets
from umbel.service.differences import MOST, differences
from umbel.service.models import (
    ComparedTask,
    ComparedWorker,
    Comparison,
    FieldChange,
    PlanChange,
    Run,
    TaskChange,
    TaskSide,
    ValueChange,
)
from umbel.service.values import BRIEF, brief
from umbel.settings import get_settings


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [("/a", "changed", "1", "true")]),
        ({"a": 1}, {}, [("/a", "removed", "1", None)]),
        ({}, {"a": None}, [("/a", "added", None, "null")]),
        (
            {"a": {"b": [1, 2]}},
            {"a": {"b": [1, 3, 4]}},
            [("/a/b/1", "changed", "2", "3"), ("/a/b/2", "added", None, "4")],
        ),
        ({"a": [1, 2]}, {"a": []}, [("/a/0", "removed", "1", None), ("/a/1", "removed", "2", None)]),
        ({"a": [1]}, {"a": {"0": 1}}, [("/a", "changed", "[1]", '{"0": 1}')]),
        ({"a/b~c": "é"}, {"a/b~c": "e"}, [("/a~1b~0c", "changed", '"é"', '"e"')]),
        ({"a": float("nan")}, {"a": float("nan")}, []),
        ({"": 1}, {"": 2}, [("/", "changed", "1", "2")]),
    ],
)
def test_values_are_compared_place_by_place(before: Any, after: Any, expected: Any) -> None:
    found, left_out = differences(before, after)
    assert ([(each.pointer, each.kind, each.before, each.after) for each in found], left_out) == (expected, 0)


def test_differences_are_bounded() -> None:
    found, left_out = differences({}, {str(number): "x" * 1000 for number in range(MOST + 7)})
    assert (len(found), left_out) == (MOST, 7)
    assert max(len(each.after or "") for each in found) == 200


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, "{}"),
        ({"a": "é😀"}, '{"a":"é😀"}'),
        ({"a": "x\ny\u202ez\0"}, '{"a":"x\\ny\\u202ez\\u0000"}'),
        ({"a": "\\u0041"}, '{"a":"\\\\u0041"}'),
        ({"a": "\ud83d"}, '{"a":"\\ud83d"}'),
    ],
)
def test_a_brief_is_one_line_that_can_be_read(payload: Any, expected: str) -> None:
    assert brief(json.dumps(payload, separators=(",", ":"))) == expected


def test_a_brief_holds_nothing_sealed_wherever_the_head_ends() -> None:
    payload = {"user": "me", "key": Vault(new_key()).seal("s" * 50), "n": 1}
    for text in (json.dumps(payload), json.dumps(payload, separators=(",", ":"))):
        cipher = payload["key"]["__umbel_sealed__"]  # type: ignore[index]
        for end in range(len(text) + 1):
            told = brief(text[:end])
            assert len(told) <= BRIEF
            assert cipher[:8] not in told or end < text.index(cipher)
        assert '"***"' in brief(text)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    with fake_server() as fake:
        monkeypatch.setenv("UMBEL_URL", fake.url)
        get_settings.cache_clear()
        console.cache_clear()
        yield fake
    get_settings.cache_clear()
    console.cache_clear()


def side(state: str, **more: Any) -> TaskSide:
    return TaskSide.model_validate({"state": state, "attempts": 1, "duration": 0.5, "queue_wait": 0.25, **more})


def test_the_command_says_what_is_different(fake: Fake) -> None:
    found = Comparison(
        run=Run.model_validate(run()),
        other=Run.model_validate(run()),
        verdict="B is the first.",
        first_difference="B",
        payload=[
            ValueChange(pointer="/n", kind="changed", before="1", after="2"),
            ValueChange(pointer="/x", kind="added", after="3"),
            ValueChange(pointer="/y", kind="removed", before="4"),
        ],
        payload_left_out=2,
        plan=PlanChange(
            same=False,
            hash="a",
            other_hash="b",
            added=["NEW"],
            removed=["OLD"],
            changed=[TaskChange(key="B", fields=[FieldChange(name="needs", before="[]", after='["A"]')])],
            settings=["deadline"],
        ),
        tasks=[
            ComparedTask(key="B", run=side("error", attempts=3), other=side("success"), differs=["state", "attempts"]),
            ComparedTask(key="NEW", run=side("success", duration=None)),
        ],
        workers=[ComparedWorker(name="w1@host", host="host", attempts=4, other_attempts=1, version="1.2")],
    )
    fake.on(f"GET /api/v1/runs/{RUN_ID}/compare/last_success", json.loads(found.model_dump_json()))
    done = CliRunner().invoke(app, ["compare", RUN_ID])
    assert done.exit_code == 0, done.output
    lines = [line.rstrip() for line in done.output.splitlines()]
    assert lines[0] == "B is the first."
    for line in (
        "  ~ /n: 1 -> 2",
        "  + /x: 3",
        "  - /y: 4",
        "  and 2 places more",
        "  + NEW",
        "  - OLD",
        '  B: needs: [] -> ["A"]',
        "  its settings: deadline",
        "B     error    success  0.50 s  0.50 s  0.25 s    0.25 s  3 / 1     state, attempts",
        "NEW   success  -                        0.25 s            1 / -",
        "w1@host: 4 attempts, of the other 1, umbel 1.2 now",
    ):
        assert line in lines, done.output
    fake.on(f"GET /api/v1/runs/{RUN_ID}/compare/other", json.loads(found.model_dump_json()))
    asked = CliRunner().invoke(app, ["compare", RUN_ID, "other", "--json"])
    assert json.loads(asked.output)["first_difference"] == "B"


def test_relaunch_sends_another_payload(fake: Fake) -> None:
    fake.on("POST /api/v1/runs/old/relaunch", run(), status=201)
    done = CliRunner().invoke(app, ["relaunch", "old", "--payload", '{"key": "***"}', "--comment", "again"])
    assert done.output == f"{RUN_ID}\n"
    assert [each.body for each in fake.asked] == [{"payload": {"key": "***"}, "comment": "again"}]


def test_an_edited_payload_keeps_secrets_only_if_nothing_changes() -> None:
    sealed, other = (Vault(key).seal("canary") for key in (new_key(), new_key()))
    before = {"key": sealed, "list": [{"key": other}], "host": "ours"}
    shown = {"key": "***", "list": [{"key": "***"}], "host": "ours"}
    assert secrets.edited(shown, before) == before
    for changed in ({"host": "mine"}, {"list": []}, {"more": 1}, {"key": "new"}):
        with pytest.raises(BadRequest, match="keeps a secret"):
            secrets.edited({**shown, **changed}, before)
    typed = {"key": "new", "list": [{"key": "new"}], "host": "mine"}
    assert secrets.edited(typed, before) == typed
    with pytest.raises(BadRequest, match="sealed value"):
        secrets.edited({"other": sealed}, before)
