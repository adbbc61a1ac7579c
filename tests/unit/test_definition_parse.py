"""What is read from right definitions, and that no text can do harm."""

import json
import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.definition import Block, Definition, TaskStep, parse
from umbel.definition.schema import payload_errors
from umbel.definition.steps import find_cycle


def one(text: str) -> Definition:
    catalog = parse(text)
    assert not [problem for problem in catalog.problems if problem.severity == "error"], catalog.problems
    (definition,) = catalog.definitions.values()
    return definition


def outline(step: Block | TaskStep) -> object:
    """A chain as a list, a group as a set-like tuple, a task as its name."""
    if isinstance(step, TaskStep):
        return step.task
    parts = [outline(each) for each in step.steps]
    return parts if step.kind == "chain" else tuple(parts)


def test_the_list_form() -> None:
    text = """
demo.PIPELINE:
  tasks:
    - TASK_A
    - PARALLEL_BC:
        type: group
        tasks: [TASK_B, TASK_C]
    - TASK_D
"""
    found = one(text)
    assert (found.project, found.name, found.fullname, found.line) == ("demo", "PIPELINE", "demo.PIPELINE", 2)
    assert outline(found.body) == ["TASK_A", ("TASK_B", "TASK_C"), "TASK_D"]
    assert [(step.line, step.column) for step in found.body.tasks()] == [(4, 7), (7, 17), (7, 25), (8, 7)]


def test_groups_and_chains_nest() -> None:
    found = one("""
a.B:
  tasks:
    - G1:
        type: group
        tasks:
          - A
          - C1: {type: chain, tasks: [B, {G2: {type: group, tasks: [C, C]}}, D]}
""")
    assert outline(found.body) == [("A", ["B", ("C", "C"), "D"])]


def test_a_chain_in_the_top_list_is_a_group_as_in_director() -> None:
    assert outline(one("a.B: {tasks: [A, {G1: {type: chain, tasks: [B, C]}}]}").body) == ["A", ("B", "C")]


def test_the_mapping_form() -> None:
    found = one("""
a.B:
  tasks:
    last: {task: pkg.last, needs: [first, 2]}
    first: {task: pkg.first, queue: gpu}
    2: {task: pkg.second, needs: first}
""")
    assert found.body.kind == "group"
    assert [(step.key, step.task, step.needs, step.queue) for step in found.body.tasks()] == [
        ("last", "pkg.last", ("first", "2"), None),
        ("first", "pkg.first", (), "gpu"),
        ("2", "pkg.second", ("first",), None),
    ]


def test_everything_else_of_a_definition() -> None:
    found = one("""
a.B:
  tasks: A
  description: What it is for
  defaults: {scenario: happy, since: 2026-01-02, on: yes}
  queue: {default: q1, customs: {A: q2}}
  schema: {type: object, required: [user]}
  hooks: {success: NOTIFY}
  periodic: {crontab: "0 3 * * *"}
  retention: {offset: 2}
  owner: {team: x}
""")
    assert found.description == "What it is for"
    assert found.defaults == {"scenario": "happy", "since": "2026-01-02", "on": True}
    assert (found.default_queue, found.custom_queues) == ("q1", {"A": "q2"})
    assert found.schema == {"type": "object", "required": ["user"]}
    assert found.source["tasks"] == "A"
    assert found.source["owner"] == {"team": "x"}
    assert found.source["hooks"] == {"success": "NOTIFY"}
    assert found.source["retention"] == {"offset": 2}


def test_anchors_and_merge_keys_work_as_in_director() -> None:
    catalog = parse("""
a.ONE: &base
  tasks: &steps [A, B]
  queue: {default: q1}
a.TWO:
  <<: *base
  queue: q2
a.THREE:
  tasks: [{G: {type: group, tasks: *steps}}]
""")
    assert not catalog.problems
    assert outline(catalog.definitions["a.TWO"].body) == ["A", "B"]
    assert catalog.definitions["a.TWO"].default_queue == "q2"
    assert outline(catalog.definitions["a.THREE"].body) == [("A", "B")]


def test_a_definition_written_twice_counts_as_the_later() -> None:
    assert outline(parse("a.B: {tasks: [A]}\na.B: {tasks: [C]}\n").definitions["a.B"].body) == ["C"]
    catalog = parse("a.B: {tasks: [A]}\na.B: {tasks: [3]}\n")
    assert (list(catalog.definitions), list(catalog.refused)) == ([], ["a.B"])
    catalog = parse("a.B: {tasks: [3]}\na.B: {tasks: [A]}\n")
    assert (list(catalog.definitions), list(catalog.refused)) == (["a.B"], [])


def test_payloads_against_a_schema() -> None:
    schema = {"type": "object", "properties": {"user": {"type": "integer"}}, "required": ["user", "product"]}
    assert payload_errors(schema, {"user": 1, "product": 2}) == []
    # Director's words (recording `post-schema-violation`)
    assert payload_errors(schema, {"user": "john", "product": 2}) == ["'john' is not of type 'integer'"]
    assert len(payload_errors(schema, {})) == 2


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), unique=True).map(tuple)))
def test_a_cycle_is_found_exactly_if_there_is_one(needs: dict[str, tuple[str, ...]]) -> None:
    cycle = find_cycle(needs)
    left = dict(needs)
    while free := [key for key, each in left.items() if not any(need in left for need in each)]:
        for key in free:
            del left[key]
    assert bool(cycle) == bool(left)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(after in needs[before] for before, after in pairwise(cycle))


NAMES = st.sampled_from(["a.B", "tasks", "type", "group", "chain", "A", "needs", "task", "queue", "schema", "<<", "*x"])
WORDS = st.sampled_from(
    [
        *(
            "a.B:",
            "tasks:",
            "- ",
            "  ",
            "\n",
            "\n  ",
            "\n    ",
            "[",
            "]",
            "{",
            "}",
            ",",
            ": ",
            "A",
            "group",
            "type: group",
        ),
        *("needs:", "task: A", "&x ", "*x", "<<: *x", "!!int ", "!!set ", "---", "'", '"', "|", "#", "\t", "? ", "~"),
        *("schema: ", "queue: ", "customs: ", "defaults: ", "\\0", "\u2028", "\r", "..", ".nan", "0x_", "1:1", "1e9"),
        *("=", "2026-99-99", "\0", "\ufeff"),
    ]
)
REAL = """a.ONE: &one
  description: "text"
  tasks: [A, {G: {type: group, tasks: [B, {C: {type: chain, tasks: [C, D]}}]}}, E]
  queue: {default: q1, customs: {B: q2}}
  schema: {type: object, properties: {n: {type: integer}}}
a.TWO:
  <<: *one
  tasks:
    x: {task: A}
    y: {task: B, needs: x, queue: q}
    z: {task: C, needs: [x, y]}
"""
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NAMES | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=30,
)


def check(text: str) -> None:
    began = time.perf_counter()
    catalog = parse(text)
    assert time.perf_counter() - began < 5
    assert all(str(problem) and problem.line >= 0 and problem.column >= 0 for problem in catalog.problems)
    assert not catalog.definitions.keys() & catalog.refused.keys()
    for definition in catalog.definitions.values():
        assert any(definition.body.tasks())
        json.dumps(definition.source, allow_nan=False).encode()
    if not catalog.definitions:
        assert catalog.problems


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=60).map("".join) | st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    check(text)


PLACE = st.integers(0, len(REAL))


@settings(max_examples=1000)
@given(st.lists(st.tuples(PLACE, st.integers(0, 12), WORDS | st.just("") | st.text(max_size=3)), max_size=4))
def test_no_damaged_file_raises(cuts: list[tuple[int, int, str]]) -> None:
    text = REAL
    for place, length, put in cuts:
        text = text[:place] + put + text[place + length :]
    check(text)


@settings(max_examples=700)
@given(st.dictionaries(st.just("a.B") | NAMES, TREES | st.fixed_dictionaries({"tasks": TREES}), max_size=3))
def test_no_document_raises(tree: object) -> None:
    check(json.dumps(tree, ensure_ascii=False))
