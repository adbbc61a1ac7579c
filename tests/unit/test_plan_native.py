"""From plans back to chains and groups: exactly the same connections, or a refusal that names one."""

import json
import time
from functools import cache
from itertools import combinations, pairwise
from typing import Any

import pytest
from celery.canvas import Signature, _chain, chord, group
from hypothesis import given
from hypothesis import strategies as st

from umbel.definition import RetryPolicy
from umbel.errors import DefinitionError
from umbel.plan import Node, Plan, canvas
from umbel.plan.model import Call, SubRun, chain_of
from umbel.plan.native import MAX_TASKS, Chain, Group, Tree, check, decompose, source

Edges = frozenset[tuple[int, int]]


def plan_of(*needs: tuple[int, ...], **rest: Any) -> Plan:
    nodes = tuple(Node(i, chr(ord("a") + i), f"task.{i}", need) for i, need in enumerate(needs))
    return Plan("a.B", nodes, **rest)


def edges_of_plan(plan: Plan) -> Edges:
    return frozenset((need, node.index) for node in plan.nodes for need in node.needs)


def edges_of_tree(tree: Tree) -> tuple[Edges, list[int], list[int], list[int]]:
    """The connections, the first and the last tasks (in the order of groups), and all tasks."""
    if isinstance(tree, int):
        return frozenset(), [tree], [tree], [tree]
    parts = [edges_of_tree(part) for part in (tree.steps if isinstance(tree, Chain) else tree.members)]
    edges = frozenset[tuple[int, int]]().union(*(part[0] for part in parts))
    tasks = [task for part in parts for task in part[3]]
    if isinstance(tree, Group):
        return edges, [t for part in parts for t in part[1]], [t for part in parts for t in part[2]], tasks
    joins = {(a, b) for left, right in pairwise(parts) for a in left[2] for b in right[1]}
    return edges | joins, parts[0][1], parts[-1][2], tasks


def blocks(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(["chain", "group"]), st.lists(children, min_size=1, max_size=4))


SHAPES = st.recursive(st.none(), blocks, max_leaves=25)


def plan_of_shape(shape: Any) -> Plan:
    """As `build` numbers them: in the order of the definition."""
    nodes: list[Node] = []

    def add(step: Any, needs: tuple[int, ...]) -> tuple[int, ...]:
        if step is None:
            nodes.append(Node(len(nodes), f"k{len(nodes)}", "t", needs))
            return (len(nodes) - 1,)
        kind, parts = step
        ends: tuple[int, ...] = ()
        for part in parts:
            if kind == "chain":
                ends = needs = add(part, needs)
            else:
                ends += add(part, needs)
        return ends

    add(shape, ())
    return Plan("a.B", tuple(nodes))


@given(SHAPES)
def test_chains_and_groups_come_back(shape: Any) -> None:
    plan = plan_of_shape(shape)
    edges, _, _, tasks = edges_of_tree(decompose(plan))
    assert edges == edges_of_plan(plan)
    assert sorted(tasks) == list(range(plan.tasks))


@given(SHAPES)
def test_results_are_handed_on_in_the_order_of_the_plan(shape: Any) -> None:
    plan = plan_of_shape(shape)
    stack = [decompose(plan)]
    while stack:
        here = stack.pop()
        if isinstance(here, Chain):
            for left, right in pairwise(here.steps):
                for first in edges_of_tree(right)[1]:
                    assert tuple(edges_of_tree(left)[2]) == plan.nodes[first].needs
            stack += here.steps
        elif isinstance(here, Group):
            stack += here.members


@cache
def is_series_parallel(tasks: frozenset[int], edges: Edges) -> bool:
    """By the definition: one task, or two parts side by side, or one part before the other."""
    if len(tasks) == 1:
        return True
    for size in range(1, len(tasks)):
        for chosen in combinations(sorted(tasks), size):
            one, other = frozenset(chosen), tasks - frozenset(chosen)
            inner = [frozenset(e for e in edges if set(e) <= part) for part in (one, other)]
            between = edges - inner[0] - inner[1]
            last = {task for task in one if all(a != task for a, _ in inner[0])}
            first = {task for task in other if all(b != task for _, b in inner[1])}
            fits = not between or between == {(a, b) for a in last for b in first}
            if fits and is_series_parallel(one, inner[0]) and is_series_parallel(other, inner[1]):
                return True
    return False


@given(st.data(), st.integers(2, 6))
def test_any_plan_is_decomposed_or_refused_with_one_of_its_connections(data: st.DataObject, size: int) -> None:
    needs = [tuple(sorted(data.draw(st.sets(st.integers(0, i - 1), max_size=3)))) if i else () for i in range(size)]
    plan = plan_of(*needs)
    edges = edges_of_plan(plan)
    try:
        found = edges_of_tree(decompose(plan))[0]
    except DefinitionError as error:
        assert not is_series_parallel(frozenset(range(size)), edges)
        named = str(error).partition("the connection ")[2].partition(" fits")[0].split(" -> ")
        one, other = (ord(key) - ord("a") for key in named)
        assert (one, other) in edges
    else:
        assert found == edges


@pytest.mark.parametrize(
    ("needs", "edge"),
    [
        ([(), (), (0, 1), (1,)], "b -> c"),  # the N: c needs both, d only one of them
        ([(), (0,), (0, 1)], "a -> c"),  # past b
        ([(), (0,), (0,), (1,), (1, 2), (3, 4)], "b -> e"),
        ([(), (), (0,), (0,), (1, 2)], "a -> c"),  # c is between two pairs
    ],
)
def test_the_connection_at_fault_is_named(needs: list[tuple[int, ...]], edge: str) -> None:
    with pytest.raises(DefinitionError, match=edge) as refused:
        decompose(plan_of(*needs))
    assert str(refused.value).startswith("a.B: ")
    assert "relay" in refused.value.hint


def test_ten_thousand_tasks_take_linear_time() -> None:
    """A deep plan and a wide one; a recursion or a square would not survive this."""
    small, large = 0.0, 0.0
    for size in (1_000, 10_000):
        chain = chain_of("a.B", ["t"] * size)
        diamonds = plan_of_shape(("chain", [None, ("group", [None] * 3)] * (size // 4)))
        nested: list[tuple[int, ...]] = [()]  # each pair: one beside all the rest
        for i in range(1, size, 2):
            nested += [(0,) if i == 1 else (i - 1,), (0,) if i == 1 else (i - 1,)]
        began = time.process_time()
        for plan in (chain, diamonds, Plan("a.B", tuple(Node(i, f"{i}", "t", n) for i, n in enumerate(nested)))):
            decompose(plan)
        small, large = large, time.process_time() - began
    assert large < 30 * small + 0.5


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("when", {"when": "true"}),
        ("map", {"map": [1]}),
        ("approval", {"approval": True}),
        ("workflow", {"workflow": SubRun("a.C", "hash")}),
        ("run_if", {"run_if": "all_done"}),
        ("retry", {"retry": RetryPolicy(3)}),
        ("timeout", {"timeout": 3.0}),
        ("with", {"call": Call(kwargs={"x": "${input}"}, template=True)}),
    ],
)
def test_what_a_canvas_cannot_do_is_refused_by_name(word: str, field: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match=f"k has `{word}`"):
        check(Plan("a.B", (Node(0, "k", "t", **field),)))


def test_a_group_that_ends_a_member_of_a_group_is_refused_if_something_follows() -> None:
    member = ("chain", [None, ("group", [None, None])])
    check(plan_of_shape(("group", [member, None])))
    with pytest.raises(DefinitionError, match="the connection k1 -> k4"):
        check(plan_of_shape(("chain", [("group", [member, None]), None])))


def test_what_celery_could_not_send_is_refused() -> None:
    with pytest.raises(DefinitionError, match="501 tasks"):
        check(chain_of("a.B", ["t"] * (MAX_TASKS + 1)))
    with pytest.raises(DefinitionError, match="50 groups"):
        check(plan_of_shape(("chain", [None, ("group", [None, None])] * 51 + [None])))
    shape: Any = None
    for _ in range(9):
        shape = ("group", [("chain", [shape, None]), None])
    with pytest.raises(DefinitionError, match="within each other"):
        check(plan_of_shape(shape))


def evaluated(plan: Plan) -> Signature:
    names: dict[str, Any] = {}
    exec(compile(source(plan), "canvas.py", "exec"), names)
    signature = names["canvas"]({"raw": 1}, "the-run")
    assert isinstance(signature, Signature)
    return signature


def names_of(signature: Any) -> Any:
    """The canvas by its tasks' names: a list is a chain, a set of parts in a tuple a group."""
    if isinstance(signature, chord):
        return [*listed(names_of(signature.tasks)), *listed(names_of(signature.body))]
    if isinstance(signature, _chain):
        return [part for each in signature.tasks for part in listed(names_of(each))]
    if isinstance(signature, group | list | tuple):
        members = signature.tasks if isinstance(signature, group) else signature
        return tuple(names_of(each) for each in members)
    return signature.task


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def names_of_tree(plan: Plan, tree: Tree) -> Any:
    if isinstance(tree, int):
        return plan.nodes[tree].task
    if isinstance(tree, Chain):
        return [names_of_tree(plan, step) for step in tree.steps]
    return tuple(names_of_tree(plan, member) for member in tree.members)


def test_the_source_is_the_canvas_that_one_would_write() -> None:
    nodes = plan_of((), (0,), (0,), (1, 2)).nodes
    hook = Node(4, "hook", "on.failure", hook="failure")
    queued = Node(2, "c", "task.2", (0,), queue="gpu", priority=3)
    plan = Plan("a.B", (*nodes[:2], queued, nodes[3], hook))
    assert source(plan) == (
        '"""The Celery canvas of a.B."""\n'
        "\n"
        "from celery import chain, group, signature\n"
        "\n"
        "\n"
        "def canvas(payload, workflow_id):\n"
        '    """Send it with `canvas(payload, workflow_id).apply_async()`; a chord needs a result backend."""\n'
        '    given = {"payload": payload, "workflow_id": workflow_id}\n'
        "    # No part of the canvas: 'on.failure', called on failure.\n"
        "    return chain(\n"
        '        signature("task.0", args=(None,), kwargs=given),\n'
        "        group(\n"
        '            signature("task.1", kwargs=given),\n'
        '            signature("task.2", kwargs=given, queue="gpu", priority=3),\n'
        "        ),\n"
        '        signature("task.3", kwargs=given),\n'
        "    )\n"
    )
    made = evaluated(plan)
    assert names_of(made) == ["task.0", ("task.1", "task.2"), "task.3"]
    first = made.tasks[0]
    assert (first.args, first.kwargs) == ((None,), {"payload": {"raw": 1}, "workflow_id": "the-run"})
    assert made.tasks[1].tasks[1].options == {"queue": "gpu", "priority": 3}


def test_a_task_after_an_empty_group_takes_the_empty_list() -> None:
    plan = Plan("a.B", (Node(0, "a", "t"), Node(1, "b", "u", (0,), takes_nothing=True)))
    assert 'signature("u", args=([],), kwargs=given, immutable=True)' in source(plan)
    assert evaluated(plan).tasks[1].immutable


@given(SHAPES)
def test_the_source_is_the_same_tree_and_compiles_back_to_the_same_plan(shape: Any) -> None:
    plan = plan_of_shape(shape)
    plan = Plan("a.B", tuple(Node(n.index, n.key, f"task.{n.index}", n.needs) for n in plan.nodes))
    try:
        tree = check(plan)
    except DefinitionError:
        return
    written = evaluated(plan)
    assert names_of(written) == names_of_tree(plan, tree)
    back = canvas.compile("a.B", json.loads(json.dumps(written)))
    assert {node.task: [back.nodes[need].task for need in node.needs] for node in back.nodes} == {
        node.task: [plan.nodes[need].task for need in node.needs] for node in plan.nodes
    }
