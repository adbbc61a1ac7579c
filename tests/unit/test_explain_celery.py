"""What is said of a canvas as text is what Celery makes of the same text: built, prepared and sent side by side."""

import base64
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, _state, chain, chord, group, signature
from celery.canvas import Signature, _chain
from celery.exceptions import CPendingDeprecationWarning
from kombu.transport.memory import Channel

from tests.unit.canvas_texts import TASKS, a_text
from umbel.celery.sending import first_messages
from umbel.definition import parse
from umbel.definition.problems import Report
from umbel.errors import DefinitionError
from umbel.plan import build, canvas
from umbel.plan.calling import positional
from umbel.plan.explain.as_yaml import as_yaml
from umbel.plan.explain.made import Canvas
from umbel.plan.explain.read import read
from umbel.plan.explain.sent import sent, written
from umbel.service.reading import result_of

SEEDS = range(250)


@pytest.fixture(scope="module")
def names() -> Iterator[dict[str, Any]]:
    """What the texts name, as Celery has it."""
    app = Celery("texts", broker="memory://", backend="cache+memory://", set_as_current=False)

    def body(*args: Any, **kwargs: Any) -> None: ...

    found: dict[str, Any] = {"chain": chain, "group": group, "chord": chord}
    found["signature"] = lambda *args, **kwargs: signature(*args, app=app, **kwargs)
    found |= {name: app.task(name=name, shared=False)(body) for name in TASKS}
    yield found
    app.close()


def celerys(text: str, names: dict[str, Any]) -> Any:
    """The canvas that Celery makes of a text; None if it cannot."""
    *statements, last = text.split("\n")
    own = dict(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CPendingDeprecationWarning)
        try:
            exec("\n".join(statements), own)
            return eval(last, own)
        except IndexError:  # `link` to a group or chain without members
            return None


def ours(text: str) -> Canvas | None:
    return read(text, Report("canvas.py")).canvas


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_it_is_read_as_celery_builds_it(names: dict[str, Any]) -> None:
    compared = 0
    for seed in SEEDS:
        text = a_text(seed)
        made, found = celerys(text, names), ours(text)
        assert (made is None) == (found is None), text
        if found is not None:
            assert as_json(found.plain()) == as_json(made), text
            compared += 1
    assert compared > 0.9 * len(SEEDS)


def prepared(made: Any, top: bool = True) -> Any:
    """Celery's own preparation of a canvas, as kinds, names and parts. `clone=True` as where a chain is run."""
    if isinstance(made, _chain):
        steps = [prepared(step, False) for step in reversed(made.prepare_steps((), {}, made.tasks)[0])]
        return steps[0] if len(steps) == 1 else ["chain", *steps]
    if isinstance(made, group):
        if top:
            return [
                "group",
                *(prepared(each, False) for each, _, _ in made._prepared(made.tasks, [], "g", "r", made.app)),
            ]
        copy = made.clone()
        copy.freeze()
        return ["group", *(prepared(each, False) for each in copy.tasks)]
    if isinstance(made, chord):
        header = group(made.tasks.tasks if isinstance(made.tasks, group) else list(made.tasks), app=made.app)
        return ["chord", prepared(header, False)[1:], prepared(made.body, False)]
    return made.task


def formed(found: Canvas) -> Any:
    """Our form in the same way."""
    parts = [formed(part) for part in found.parts]
    if found.kind == "chord":
        assert found.body is not None
        return ["chord", parts, formed(found.body)]
    return [found.kind, *parts] if found.kind in ("chain", "group") else found.task


def test_it_is_prepared_as_celery_prepares_it(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state._tls, "current_app", names["a"].app)  # parts that come as JSON ask for it
    for seed in SEEDS:
        text = a_text(seed)
        made, found = celerys(text, names), ours(text)
        if found is None or not _sound(found):
            continue
        # As a program would that starts it: it has been sent as JSON, with nothing lazy left.
        made = Signature.from_dict(as_json(made), app=names["a"].app)
        assert formed(sent(found, lambda word, part: None)) == prepared(made), text


def _sound(found: Canvas) -> bool:
    """Whether Celery can freeze all of it: not an empty chain."""
    inner = [*found.parts, *([found.body] if found.body else [])]
    return not (found.kind == "chain" and not found.parts) and all(map(_sound, inner))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("chain(a.s(1), group(b.s(), c.s()), d.s())", "chain(a.s(1), chord([b.s(), c.s()], d.s()))"),
        ("a.s() | group(b.s()) | c.s()", "chain(a.s(), b.s(), c.s())"),
        ("group(a.s()) | b.s()", "chord([a.s()], b.s())"),
        ("chain(a.s(), chain(b.s(), c.s()))", "chain(a.s(), b.s(), c.s())"),
        ("group(a.s(), b.s()) | group(c.s(), d.s())", "chord([a.s(), b.s()], group(c.s(), d.s()))"),
        ("chord([group(a.s(), b.s()), c.s()], d.s())", "chord([b.s(), a.s(), c.s()], d.s())"),
        ("chain(chord([a.s()], b.s()), c.s())", "chain(chord([a.s()], b.s()), c.s())"),
        ("add.chunks([1, 2, 3], 2)", "group(add.starmap([1, 2]), add.starmap([3]))"),
        ("group(group(a.s(1), b.s()), c.s())", "group(a.s(1), b.s(), c.s())"),
        ('signature("my task", (1,)).on_error(f.si("x"))', "signature(\"my task\", args=(1,)).on_error(f.si('x'))"),
    ],
)
def test_the_form_that_is_sent(text: str, form: str) -> None:
    found = ours(text)
    assert found is not None
    assert written(sent(found, lambda word, part: None)) == form
    assert ours(form) is not None, "what is shown can be read again"


def test_the_first_messages_are_celerys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of what an app on a broker in memory publishes, against what is told of it."""
    put: list[Any] = []
    monkeypatch.setattr(Channel, "_put", lambda self, queue, message, **more: put.append(message))
    for text in (
        "chain(a.s(1), group(b.s(), c.s()), d.s())",
        "group(a.s(), b.s() | c.s(), d.s().set(queue='q', countdown=3)) | e.s() | f.s()",
        "chord([chord([a.s()], b.s()), c.s()], group(d.s(), e.s()))",
        "chain(a.s(i) for i in range(50))",
    ):
        found = ours(text)
        assert found is not None
        put.clear()
        app = Celery("real", broker="memory://", backend="cache+memory://", set_as_current=False)
        Signature.from_dict(as_json(found.plain()), app=app).apply_async()
        app.close()
        told = first_messages(found.plain())
        assert [each.task for each in told] == [message["headers"]["task"] for message in put]
        for each, message in zip(told, put, strict=True):
            embed = json.loads(base64.b64decode(message["body"]))[2]
            assert len(each.chain) == len(embed["chain"] or ())
            assert (each.chord is None) == (embed["chord"] is None)
            assert abs(each.bytes - len(json.dumps(message))) <= 0.1 * each.bytes
    assert told[0].carried == 49


def test_the_yaml_has_the_same_plan() -> None:
    """Each task called with the same, after the same; the run with the same result."""
    compared = 0
    for seed in SEEDS:
        found = ours(a_text(seed))
        if found is None:
            continue
        try:
            plan = canvas.compile("shop.X", found.plain())
        except DefinitionError:
            continue
        text, why = as_yaml(plan)
        assert (text is None) == bool(why)
        if text is None:
            continue
        catalog = parse(text)
        assert catalog.problems == ()
        other = build(catalog.definitions["shop.X"])
        results = {index: f"r{index}" for index in range(plan.tasks)}
        for one, two in zip(plan.nodes, other.nodes, strict=True):
            called = [positional(node, [results[need] for need in node.inputs]) for node in (one, two)]
            assert as_json(called[0]) == as_json(called[1]), text
            assert [(n.task, n.needs, n.queue, n.countdown) for n in (one,)] == [
                (n.task, n.needs, n.queue, n.countdown) for n in (two,)
            ]
        assert result_of(plan, results) == result_of(other, results), text
        compared += 1
    assert compared > 0.4 * len(SEEDS)


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        (
            "chain(a.s(1), group(b.s(x='no'), b.si()), c.s())",
            [
                "a: {task: a, call: {args: [1]}}",
                'b: {task: b, needs: [a], call: {kwargs: {x: "no"}}}',
                "b-2: {task: b, needs: [a], call: {immutable: true}}",
                "c: {task: c, needs: [b, b-2], call: {}}",
            ],
        ),
        (
            "group(a.s().set(queue='q', countdown=5)) | b.s()",
            [
                "a: {task: a, call: {countdown: 5}, queue: q}",
                "b: {task: b, needs: [a], call: {list: true}}",
            ],
        ),
    ],
)
def test_the_yaml_is_written_so(text: str, tasks: list[str]) -> None:
    assert yaml_of(text) == ("\n".join(["shop.X:", "  tasks:", *(f"    {task}" for task in tasks)]) + "\n", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a.s().on_error(b.s())", "link_error"),
        ("group(a.s())", "not what its last tasks return"),
        ("chord([chain(a.s(), group(b.s(), c.s())), d.s()], e.s())", "lists within its list"),
        ("a.s(2 + 18446744073709551615)", "cannot be written"),
        ("a.s().set(task_id='mine')", "task id"),
    ],
)
def test_why_there_is_no_yaml(text: str, why: str) -> None:
    found, said = yaml_of(text)
    assert found is None
    assert why in said


def yaml_of(text: str) -> tuple[str | None, str]:
    found = ours(text)
    assert found is not None
    return as_yaml(canvas.compile("shop.X", found.plain()))
