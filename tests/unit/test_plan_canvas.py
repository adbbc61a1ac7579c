"""A Celery canvas as a plan: what stands in its nodes, and that no text does harm. Results: tests/conformance."""

import json
import time
from typing import Any

import pytest
from celery import chain, chord, group, signature
from hypothesis import given
from hypothesis import strategies as st

from umbel.client.canvas import plain
from umbel.errors import BadRequest, DefinitionError
from umbel.plan import canvas
from umbel.plan.calling import positional
from umbel.plan.model import Call, Node, Plan


def sig(name: str, *args: Any, **options: Any) -> Any:
    return signature(name, args, options=options)


def compiled(given: Any) -> Plan:
    plan = canvas.compile("test.CANVAS", plain(given))
    assert Plan.from_json(plan.to_json()) == plan
    return plan


def test_a_diamond_with_its_keys_calls_and_shape() -> None:
    plan = compiled(chain(sig("shop.a", 1), group(sig("shop.b"), sig("b", 2)), sig("c"), group(sig("d"), sig("e"))))
    assert [(node.key, node.task, node.needs) for node in plan.nodes] == [
        ("a", "shop.a", ()),
        ("b", "shop.b", (0,)),
        ("b#2", "b", (0,)),
        ("c", "c", (1, 2)),
        ("d", "d", (3,)),
        ("e", "e", (3,)),
    ]
    assert (plan.returns, plan.ends) == ([4, 5], (4, 5))
    assert plan.nodes[2].call == Call((2,))
    assert plan.nodes[3].call == Call(gathers=True)


def test_options_become_what_the_engine_and_the_worker_know() -> None:
    options = {"queue": "q", "priority": 3, "countdown": 2, "expires": 9, "time_limit": 8, "soft_time_limit": 7}
    (node,) = compiled(sig("a", task_id="mine", **options)).nodes
    assert (node.queue, node.priority, node.countdown, node.expires) == ("q", 3, 2, 9)
    assert (node.time_limit, node.soft_time_limit, node.id) == (8, 7, "mine")
    (node,) = compiled(sig("a", eta="2026-11-22T10:00:00+01:00", expires="2026-11-22T10:00:00", routing_key="r")).nodes
    assert (node.at, node.expires_at, node.expires) == (1795338000000, 1795341600000, None)
    assert node.queue == "r"


def test_callbacks_are_quiet_and_no_part_of_the_result() -> None:
    first = sig("a")
    first.link(chain(sig("ok"), sig("more")))
    first.link_error(sig("bad"))
    plan = compiled(first)
    assert (plan.returns, plan.ends) == (0, (0,))
    about = {node.key: (node.needs, node.quiet, node.errback, node.run_if) for node in plan.nodes}
    assert about == {
        "a": ((), False, False, "all_ok"),
        "ok": ((0,), True, False, "all_ok"),
        "more": ((1,), True, False, "all_ok"),
        "bad": ((0,), True, True, "any_failed"),
    }


def test_the_name_of_a_run_comes_from_its_first_task() -> None:
    for made in (chain(sig("shop.a"), sig("b")), chord([sig("shop.a")], sig("b")), group(sig("shop.a"), sig("b"))):
        assert canvas.first_task(plain(made)) == "shop.a"
    assert canvas.first_task(plain(group())) == ""


def test_a_key_is_fit_for_a_path() -> None:
    assert [node.key for node in compiled(group(sig("a/b c"), sig("x.ä"))).nodes] == ["a_b_c", "ä"]


@pytest.mark.parametrize(
    ("node", "results", "expected"),
    [
        (Node(0, "k", "t", call=Call((1,), {"x": 2})), [], ((1,), {"x": 2})),
        (Node(1, "k", "t", (0,), call=Call((1,))), ["r"], (("r", 1), {})),
        (Node(1, "k", "t", (0,), call=Call((1,), immutable=True)), ["r"], ((1,), {})),
        (Node(1, "k", "t", (0,), call=Call(gathers=True)), ["r"], ((["r"],), {})),
        (Node(2, "k", "t", (0, 1), call=Call()), ["r", "s"], ((["r", "s"],), {})),
        (Node(3, "k", "t", (0, 1, 2), call=Call(gathers=([0, 1], 2))), ["r", "s", "t"], (([["r", "s"], "t"],), {})),
        (Node(1, "k", "t", (0,), takes_nothing=True, call=Call((1,), gathers=True)), [], (([], 1), {})),
        (Node(0, "k", "t"), [], ((None,), {})),
    ],
)
def test_what_a_task_is_called_with(node: Node, results: list[Any], expected: Any) -> None:
    assert positional(node, results) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task": 5}, "no name of a task"),
        ({"task": "a\nb"}, "no name of a task"),
        ({"task": "a", "args": "x"}, "list of args"),
        ({"task": "a", "subtask_type": "own"}, "a kind that is not known"),
        ({"task": "a", "options": {"countdown": "soon"}}, "countdown of a is 'soon'"),
        ({"task": "a", "options": {"expires": "soon"}}, "expires of a is 'soon'"),
        ({"task": "a", "options": {"priority": 1.5}}, "priority"),
        ({"task": "a", "options": {"countdown": float("inf")}}, "countdown"),
        ({"task": "a", "args": [[float("nan")]]}, "a is called with NaN or an infinity"),
        ({"task": "a", "kwargs": {"x": {"y": float("-inf")}}}, "a is called with NaN or an infinity"),
        ({"task": "a", "options": {"link": [7]}}, "7 is no Celery signature"),
        ({"task": "celery.chain", "kwargs": {"tasks": []}}, "empty chain"),
        ({"task": "celery.group", "kwargs": {"tasks": 7}}, "a group needs a list"),
        ({"task": "celery.chord", "kwargs": {"header": [{"task": "a"}]}}, "no body"),
        ({"task": "celery.chunks", "kwargs": {"task": {}, "it": [1], "n": 0}}, "chunks needs"),
    ],
)
def test_mistakes_are_said_in_a_sentence(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        canvas.compile("test.CANVAS", given)


def nested(depth: int, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"task": "a"}
    for _ in range(depth):
        kwargs = {
            "group": {"tasks": [found, found]} if depth < 15 else {"tasks": [found, {"task": "b"}]},
            "chain": {"tasks": [{"task": "celery.group", "kwargs": {"tasks": [found, {"task": "b"}]}}]},
            "chord": {"header": [found], "body": {"task": "b"}},
            "header": {"header": {"task": "celery.group", "kwargs": {"tasks": found}}, "body": {"task": "b"}},
        }[kind]
        found = {"task": "celery.chord" if kind == "header" else f"celery.{kind}", "kwargs": kwargs}
    return found


@pytest.mark.parametrize(
    "bomb",
    [
        *(nested(5000, kind) for kind in ("group", "chain", "chord", "header")),
        {
            "task": "celery.chain",
            "kwargs": {"tasks": [{"task": "celery.group", "kwargs": {"tasks": [{"task": "a"}] * 400}}] * 9},
        },
        {"task": "celery.group", "kwargs": {"tasks": [{"task": "a"}] * 100_001}},
        {"task": "a", "options": {"link": [{"task": "b"}] * 5000}},
        {
            "task": "celery.chain",
            "kwargs": {"tasks": [{"task": "a"}] * 5000},
            "options": {"link_error": [{"task": "b", "args": [i]} for i in range(100)]},
        },
    ],
    ids=["groups", "chains", "chords", "headers", "edges", "tasks", "links", "errbacks"],
)
def test_a_bomb_is_refused_in_time(bomb: dict[str, Any]) -> None:
    began = time.process_time()
    with pytest.raises(DefinitionError):
        canvas.compile("test.CANVAS", bomb)
    assert time.process_time() - began < 10


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.sampled_from(["a", "celery.map", "chain", "2026"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tasks", "header", "body", "task", "it", "n", "kwargs", "link"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


def _signatures(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"task": st.sampled_from(["a", "celery.chain", "celery.group", "celery.chord", "celery.chunks"])},
        optional={
            "args": st.lists(JSON, max_size=2) | JSON,
            "kwargs": st.fixed_dictionaries(
                {},
                optional={
                    name: st.lists(inner, max_size=3) | inner | JSON for name in ("tasks", "header", "body", "it")
                },
            )
            | JSON,
            "options": st.dictionaries(
                st.sampled_from(["link", "link_error", "queue", "countdown", "eta", "expires", "task_id", "priority"]),
                st.lists(inner, max_size=2) | inner | JSON,
                max_size=3,
            ),
            "subtask_type": st.sampled_from([None, "chain", "group", "chord", "chunks", "xmap", 7]),
            "immutable": st.booleans() | JSON,
        },
    )


@given(st.recursive(st.fixed_dictionaries({"task": st.just("a")}) | JSON, _signatures, max_leaves=12))
def test_any_json_is_a_plan_or_a_mistake(value: Any) -> None:
    try:
        plan = canvas.compile("test.CANVAS", value)
        canvas.first_task(value)
    except DefinitionError:
        return
    assert Plan.from_json(plan.to_json()) == plan


def test_a_long_chain_of_groups_is_not_nested_as_deep_as_it_is_long() -> None:
    steps = [each for _ in range(30) for each in (sig("a"), group(sig("b"), sig("c")))]
    made = plain(chain(*steps, sig("d")))
    assert json.dumps(made).count('"subtask_type": "chord"') == 30
    plan = compiled(made)
    assert (len(plan.nodes), plan.returns) == (91, 90)


def test_what_has_no_json_form_is_named() -> None:
    with pytest.raises(BadRequest, match="holds a object"):
        plain(sig("a", object()))
    with pytest.raises(BadRequest, match="int is no Celery canvas"):
        plain(7)
