"""From definitions to plans: Director's recorded shapes, and what holds for every shape."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.definition import Block, Definition, TaskStep, parse
from umbel.errors import DefinitionError
from umbel.plan import Node, Plan, build, task_id
from umbel.plan.picture import ascii, levels, mermaid


def plan_of(tasks: str, rest: str = "") -> Plan:
    catalog = parse(f"a.B:\n  tasks: {tasks}\n{rest}")
    assert not [problem for problem in catalog.problems if problem.severity == "error"], catalog.problems
    return build(catalog.definitions["a.B"])


def edges(plan: Plan) -> dict[str, list[str]]:
    return {node.key: [plan.nodes[need].key for need in node.needs] for node in plan.nodes}


def group(*tasks: str, kind: str = "group") -> str:
    return f"{{G: {{type: {kind}, tasks: [{', '.join(tasks)}]}}}}"


# The first seven as celery-director ran them (recordings yaml-*).
@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("[A, B, C]", {"A": [], "B": ["A"], "C": ["B"]}),
        (f"[A, {group('B', 'C')}, D]", {"A": [], "B": ["A"], "C": ["A"], "D": ["B", "C"]}),
        (f"[{group('B', 'C')}, D]", {"B": [], "C": [], "D": ["B", "C"]}),
        (f"[{group('B', 'C')}]", {"B": [], "C": []}),
        (f"[A, {group('B')}, D]", {"A": [], "B": ["A"], "D": ["B"]}),
        (f"[A, {group('B', 'C', kind='chain')}]", {"A": [], "B": ["A"], "C": ["A"]}),
        (
            f"[A, {group('B', 'B', 'B')}, D]",
            {"A": [], "B": ["A"], "B#2": ["A"], "B#3": ["A"], "D": ["B", "B#2", "B#3"]},
        ),
        ("[A, A, A]", {"A": [], "A#2": ["A"], "A#3": ["A#2"]}),
        ("[A, A, 'A#2', A]", {"A": [], "A#2": ["A"], "A#2#2": ["A#2"], "A#3": ["A#2#2"]}),
        (
            f"[A, {group('B', 'C')}, {group('B', 'C')}, D]",
            {"A": [], "B": ["A"], "C": ["A"], "B#2": ["B", "C"], "C#2": ["B", "C"], "D": ["B#2", "C#2"]},
        ),
        (
            f"[A, {group('B', group('C', 'C'))}, D]",
            {"A": [], "B": ["A"], "C": ["A"], "C#2": ["A"], "D": ["B", "C", "C#2"]},
        ),
        (
            f"[A, {group('B', group('C', 'E', kind='chain'))}, D]",
            {"A": [], "B": ["A"], "C": ["A"], "E": ["C"], "D": ["B", "E"]},
        ),
        (
            "{d: {task: T, needs: [c, b]}, b: {task: T, needs: a}, c: {task: T, needs: a}, a: {task: T}}",
            {"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": []},
        ),
    ],
)
def test_shapes(tasks: str, expected: dict[str, list[str]]) -> None:
    assert edges(plan_of(tasks)) == expected


def test_after_an_empty_group_a_task_waits_but_takes_the_empty_list() -> None:
    """Recording yaml-EMPTY_GROUP: D has no `previous` and is called with []."""
    plan = plan_of(f"[A, {group()}, D, E]")
    assert edges(plan) == {"A": [], "D": ["A"], "E": ["D"]}
    assert [node.inputs for node in plan.nodes] == [(), (), (1,)]
    assert [node.argument(["r"] * len(node.needs)) for node in plan.nodes] == [None, [], "r"]
    assert [node.takes_nothing for node in plan_of(f"[{group(group())}, {group('B', 'C')}, D]").nodes] == [
        True,
        True,
        False,
    ]
    assert not any(node.takes_nothing for node in plan_of(f"[A, {group('B', group())}, D, {group()}]").nodes)


def test_the_calling_convention() -> None:
    plan = plan_of(f"[A, {group('B', 'C')}, D]")
    assert plan.nodes[0].argument([]) is None
    assert plan.nodes[1].argument([{"a": 1}]) == {"a": 1}
    assert plan.nodes[3].argument(["b", "c"]) == ["b", "c"]


def test_labels_are_keys_without_the_number() -> None:
    assert [node.label for node in plan_of("[A, A, 'A#2', A]").nodes] == ["A", "A", "A#2", "A"]
    assert [node.label for node in plan_of("{x: {task: pkg.x}}").nodes] == ["x"]


def test_queues() -> None:
    text = f"[A, {group('B', 'C')}]"
    assert [node.queue for node in plan_of(text).nodes] == [None, None, None]
    assert [node.queue for node in plan_of(text, "  queue: q1\n").nodes] == ["q1", "q1", "q1"]
    customs = "  queue: {default: q1, customs: {B: q2}}\n"
    assert [node.queue for node in plan_of(text, customs).nodes] == ["q1", "q2", "q1"]
    assert [node.queue for node in plan_of("{x: {task: B, queue: q3}, y: {task: B}}", customs).nodes] == ["q3", "q2"]


def test_too_many_connections_are_refused_with_a_way_out() -> None:
    wide = Block("group", "G", tuple(TaskStep("T", "T") for _ in range(400)))
    join = TaskStep("J", "J")
    with pytest.raises(DefinitionError, match="connections") as caught:
        build(Definition("a", "B", Block("chain", "B", (wide, wide)), {}))
    assert "between" in caught.value.hint
    assert len(build(Definition("a", "B", Block("chain", "B", (wide, join, wide)), {})).nodes) == 801


@pytest.mark.parametrize("steps", [(), (Block("group", "G", ()),)])
def test_a_plan_has_a_task(steps: tuple[Any, ...]) -> None:
    with pytest.raises(DefinitionError, match="no task"):
        build(Definition("a", "B", Block("chain", "B", steps), {}))


def test_depth_is_bounded() -> None:
    block = Block("group", "G", (TaskStep("T", "T"),))
    for _ in range(5000):
        block = Block("group", "G", (block,))
    with pytest.raises(DefinitionError, match="deeper"):
        build(Definition("a", "B", block, {}))


@pytest.mark.parametrize(
    "nodes",
    [
        (Node(1, "a", "T"),),
        (Node(0, "a", "T"), Node(1, "a", "T")),
        (Node(0, "a", "T", (0,)),),
        (Node(0, "a", "T", (1,)),),
        (Node(0, "a", "T", (1,)), Node(1, "b", "T", (0,))),
        (Node(0, "a", "T"), Node(1, "b", "T", (0, 0))),
    ],
)
def test_a_plan_refuses_what_is_no_dag(nodes: tuple[Node, ...]) -> None:
    with pytest.raises(ValueError):
        Plan("a.B", nodes)


STEPS = st.recursive(
    st.sampled_from("ABC").map(lambda name: TaskStep(name, name)),
    lambda inner: st.builds(
        Block, st.sampled_from(["chain", "group"]), st.just("G"), st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=25,
)
DEFINITIONS = st.lists(STEPS, max_size=6).map(
    lambda steps: Definition("a", "B", Block("chain", "B", (TaskStep("FIRST", "FIRST"), *steps)), {})
)


def ordered_pairs(step: Block | TaskStep, count: list[int]) -> tuple[list[int], set[tuple[int, int]]]:
    """An independent model: all tasks of a block, and which must come before which."""
    if isinstance(step, TaskStep):
        count[0] += 1
        return [count[0] - 1], set()
    members: list[int] = []
    pairs: set[tuple[int, int]] = set()
    for each in step.steps:
        inside, inner_pairs = ordered_pairs(each, count)
        pairs |= inner_pairs
        if step.kind == "chain":
            pairs |= {(before, after) for before in members for after in inside}
        members += inside
    return members, pairs


@given(DEFINITIONS)
def test_a_plan_means_what_the_blocks_say(definition: Definition) -> None:
    plan = build(definition)
    members, pairs = ordered_pairs(definition.body, [0])
    assert [node.task for node in plan.nodes] == [step.task for step in definition.body.tasks()]
    assert members == list(range(len(plan.nodes)))
    assert {(index, after) for index in members for after in plan.descendants(index)} == pairs


@given(DEFINITIONS)
def test_every_plan_is_a_dag_in_order(definition: Definition) -> None:
    plan = build(definition)
    place = {index: n for n, index in enumerate(plan.order)}
    assert sorted(place) == list(range(len(plan.nodes)))
    for node in plan.nodes:
        assert list(node.needs) == sorted(node.needs)
        assert all(place[need] < place[node.index] for need in node.needs)
        assert all(node.index in plan.dependents[need] for need in node.needs)
    reached = set(plan.roots).union(*(plan.descendants(root) for root in plan.roots))
    assert len(reached) == len(plan.nodes)
    assert sorted(index for row in levels(plan) for index in row) == sorted(reached)


@given(DEFINITIONS)
def test_a_plan_survives_json_and_keeps_its_hash(definition: Definition) -> None:
    plan = build(definition)
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.hash == plan.hash == build(definition).hash
    assert ascii(plan)
    assert mermaid(plan).count("-->") == sum(len(node.needs) for node in plan.nodes)


def test_hash_and_task_ids_never_change() -> None:
    """They are stored: a new release must know the plans and tasks of an old one."""
    assert plan_of(f"[A, {group('B', 'C')}, D]", "  queue: q1\n").hash == "8ef8076a9459644db8411c18e37ef102"
    assert task_id("00000000-0000-4000-8000-000000000000", 3) == "29ddac96-7cde-471d-9279-c98cc1c724d1"


def test_pictures() -> None:
    plan = plan_of(f"[A, {group('B', 'C')}, D]")
    assert ascii(plan) == "A\n  ↓\nB | C\n  ↓\nD\n"
    assert mermaid(plan).splitlines()[:2] == ["flowchart LR", '  t0["A"]']
    assert "  t2 --> t3" in mermaid(plan)
    dag = plan_of("{a: {task: T}, b: {task: T}, c: {task: T, needs: a}}")
    assert ascii(dag) == "a | b\n  ↓\nc (needs a)\n"
    assert '["c: T"]' in mermaid(dag)
    wide = ascii(plan_of(f"[{group(*['A'] * 20)}]"))
    assert wide.endswith("… 12 more\n")
