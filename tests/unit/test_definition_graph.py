"""The mapping form: what each key becomes, what does not go together, and what is wrong across definitions."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.definition import STEP_TASK, Catalog, Concurrency, RetryPolicy, TaskStep, check_tasks, parse
from umbel.plan import Plan, build_all


def read(text: str) -> Catalog:
    _, catalog = build_all(parse(text))
    return catalog


def steps(tasks: str, more: str = "") -> dict[str, TaskStep]:
    catalog = parse(f"a.B:\n  tasks: {tasks}\n{more}")
    assert catalog.problems == ()
    return {step.key: step for step in catalog.definitions["a.B"].body.tasks()}


def option(text: str) -> TaskStep:
    return steps(f"{{x: {{task: T, {text}}}}}")["x"]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("with: {u: '${payload.url}', n: [1]}", "with_", {"u": "${payload.url}", "n": [1]}),
        ("with: ", "with_", {}),
        ("when: payload.n > 1", "when", "payload.n > 1"),
        ("when: '${payload.ok}'", "when", "payload.ok"),
        ("when: true", "when", "true"),
        ("run_if: any_failed", "run_if", "any_failed"),
        ("map: '${payload.l}', max_parallel: 3, with: {i: '${item.x}'}", "map", "${payload.l}"),
        ("map: 'payload.l.map(i, i.x)'", "map", "${payload.l.map(i, i.x)}"),
        ("map: [1, '${payload.x}']", "map", [1, "${payload.x}"]),
        ("timeout: 1m30s", "timeout", 90.0),
        ("priority: 0", "priority", 0),
        ("queue: q", "queue", "q"),
        ("retry: 3", "retry", RetryPolicy(3)),
        ("retry: {max_retries: 3}", "retry", RetryPolicy(4)),
        (
            "retry: {max_attempts: 5, backoff: linear, initial: 2s, max_delay: PT1M, jitter: full, max_elapsed: 1h, "
            "on: [TimeoutError, requests.HTTPError], not_on: KeyError}",
            "retry",
            RetryPolicy(
                *(5, "linear", 2.0, 2.0, 60.0, "full", 3600.0),
                on=("TimeoutError", "requests.HTTPError"),
                not_on=("KeyError",),
            ),
        ),
        ("retry: {max_attempts: 2, factor: 3, jitter: none}", "retry", RetryPolicy(2, factor=3.0)),
        ("retry: {max_attempts: 2, jitter: true}", "retry", RetryPolicy(2, jitter="full")),
    ],
)
def test_options(text: str, name: str, expected: Any) -> None:
    assert getattr(option(text), name) == expected


def test_workflow_and_approval() -> None:
    found = steps(
        "{w: {workflow: a.OTHER, payload: {n: '${payload.n}'}, when: payload.n > 1},"
        " ok: {type: approval, needs: w, timeout: 24h, run_if: all_done}}",
        "a.OTHER: {tasks: [T]}\n",
    )
    assert (found["w"].workflow, found["w"].payload, found["w"].task) == ("a.OTHER", {"n": "${payload.n}"}, STEP_TASK)
    assert (found["ok"].approval, found["ok"].timeout, found["ok"].task) == (True, 86_400.0, STEP_TASK)
    catalog = parse("a.B: {tasks: {ok: {type: approval}}}")
    assert check_tasks(catalog, set()) is catalog


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (
            "{p: {type: chain, tasks: [A, B]}, z: {task: Z, needs: p}}",
            {"A": (), "B": ("A",), "z": ("B",)},
        ),
        (
            "{s: {task: S}, g: {type: group, tasks: [A, {C: {type: chain, tasks: [B, A]}}], needs: s},"
            " z: {task: Z, needs: [g, s]}}",
            {"s": (), "A": ("s",), "B": ("s",), "A#2": ("B",), "z": ("A", "A#2", "s")},
        ),
        (
            "{z: {task: Z, needs: q}, q: {type: chain, tasks: [{G: {type: group, tasks: [A, B]}}, z], needs: p},"
            " p: {type: group, tasks: [P, Q]}}",
            {"z": ("z#2",), "A": ("P", "Q"), "B": ("P", "Q"), "z#2": ("A", "B"), "P": (), "Q": ()},
        ),
    ],
)
def test_blocks(tasks: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert {key: step.needs for key, step in steps(tasks).items()} == expected


BAD = [
    (
        "x: {workflow: ok.FINE, retry: 3}",
        "does-not-go-together",
        "`retry` does not go with `workflow`",
        "that definition",
    ),
    ("x: {workflow: ok.FINE, map: '${payload.l}'}", "does-not-go-together", "`map`", ""),
    ("x: {workflow: ok.FINE, timeout: 3}", "does-not-go-together", "`timeout`", "deadline"),
    ("x: {type: approval, with: {}}", "does-not-go-together", "`with` does not go with `type: approval`", ""),
    ("x: {type: approval, map: [1]}", "does-not-go-together", "`map`", ""),
    ("x: {type: approval, retry: 1}", "does-not-go-together", "`retry`", ""),
    ("x: {type: approval, task: T}", "does-not-go-together", "`task`", ""),
    ("x: {type: group, tasks: [T], when: 'true'}", "does-not-go-together", "`when`", "needs"),
    ("x: {task: T, tasks: [T]}", "does-not-go-together", "`tasks`", "type: group"),
    ("x: {task: T, retry: {max_attempts: 2, backoff: linear, factor: 2}}", "does-not-go-together", "`factor`", ""),
    ("x: {type: aproval}", "bad-block-type", "unknown `type`", "Did you mean 'approval'?"),
    ("x: {type: group, tasks: []}", "no-tasks", "no task", ""),
    ("x: {type: group}", "bad-step", "no `tasks`", ""),
    ("x: {type: chain, tasks: {a: {task: T}}}", "bad-tasks", "are a list", "only at the top"),
    ("x: {task: T, retry: {}}", "bad-option", "how often", "max_attempts"),
    ("x: {task: T, retry: {max_atempts: 3, max_attempts: 2}}", "unknown-key", "'max_atempts'", "max_attempts"),
    ("x: {task: T, retry: 0}", "bad-option", "from 1 to 1,000", ""),
    ("x: {task: T, retry: {max_attempts: 2, backoff: expo}}", "bad-option", "one of constant", ""),
    ("x: {task: T, retry: {max_attempts: 2, initial: -1}}", "bad-option", "`initial` is a duration", "PT1M30S"),
    ("x: {task: T, retry: {max_attempts: 2, factor: 0.5}}", "bad-option", "`factor`", ""),
    ("x: {task: T, retry: {max_attempts: 2, jitter: some}}", "bad-option", "`jitter`", ""),
    ("x: {task: T, retry: {max_attempts: 2, on: [3]}}", "bad-option", "`on` is the name of an exception", ""),
    ("x: {task: T, timeout: 0}", "bad-option", "above 0", ""),
    ("x: {task: T, map: [1], max_parallel: 501}", "bad-option", "from 1 to 500", ""),
    ("x: {task: T, priority: true}", "bad-option", "`priority`", ""),
    ("x: {task: T, map: 3}", "bad-expression", "gives a list", ""),
    ("x: {task: T, when: [1]}", "bad-expression", "is an expression", ""),
    ("x: {task: T, when: nofn(1)}", "bad-expression", "undeclared reference to 'nofn'", "payload, tasks.KEY.result"),
    ("x: {task: T, with: {a: '${item}'}}", "bad-expression", "`item`", "has `map`"),
    ("x: {task: T, with: {a: '${'}}", "bad-expression", "not closed", "$${"),
    ("x: {task: T, when: 'size(tasks) > 1'}", "bad-expression", "without the key", ""),
    ("x: {task: T, when: tasks.x.result}", "missing-need", "this task itself", ""),
    ("x: {task: T, when: tasks.yy.result}", "missing-need", "not there", "There is no such task"),
    ("first: {task: T}, x: {task: T, when: tasks.frist.result}", "missing-need", "tasks.frist", "'first'"),
    (
        "y: {task: T}, x: {task: T, with: {a: ['z ${tasks.y.result}']}}",
        "missing-need",
        "`with` uses tasks.y",
        "Add y to `needs`.",
    ),
    ("a-b: {task: T}, x: {task: T, map: '${tasks[\"a-b\"].result}'}", "missing-need", 'tasks["a-b"]', "Add a-b"),
    (
        "y: {type: chain, tasks: [A, B]}, x: {task: T, needs: y, when: tasks.y.result}",
        "missing-need",
        "a block",
        "are B.",
    ),
    ("x: {workflow: [3]}", "unknown-workflow", "name of a definition", ""),
    ("x: {workflow: ok.FIN}", "unknown-workflow", "no such definition", "Did you mean 'ok.FINE'?"),
    ("x: {workflow: ok.BAD}", "unknown-workflow", "cannot be used itself", "Mend"),
]


@pytest.mark.parametrize(("tasks", "code", "message", "hint"), BAD)
def test_what_is_refused(tasks: str, code: str, message: str, hint: str) -> None:
    catalog = read(f"a.B:\n  tasks: {{{tasks}}}\nok.FINE: {{tasks: [T]}}\nok.BAD: {{tasks: 3}}\n")
    problems = catalog.problems_of("a.B")
    assert [problem.code for problem in problems] == [code], problems
    assert message in problems[0].message
    assert hint in problems[0].hint
    assert problems[0].line == 2
    assert problems[0].column > 10
    assert list(catalog.definitions) == ["ok.FINE"]


def test_definitions_that_start_each_other_are_shown_as_a_path() -> None:
    text = "".join(f"a.{one}:\n  tasks: {{x: {{workflow: a.{other}}}}}\n" for one, other in ("AB", "BC", "CA", "DA"))
    catalog = read(text + "ok.FINE: {tasks: [T]}\n")
    assert (catalog.problems[0].code, catalog.problems[0].definition) == ("workflow-cycle", "a.A")
    assert "a.A -> a.B -> a.C -> a.A" in catalog.problems[0].message
    assert (catalog.problems[0].line, catalog.problems[0].column) == (2, 11)
    assert {each.code for each in catalog.problems[1:]} == {"unknown-workflow"}
    assert list(catalog.definitions) == ["ok.FINE"]


def test_a_definition_may_not_start_itself() -> None:
    (problem,) = read("a.A: {tasks: {x: {workflow: a.A}}}").problems
    assert (problem.code, "a.A -> a.A" in problem.message) == ("workflow-cycle", True)


def test_sub_workflows_are_built_first_and_travel_along() -> None:
    text = (
        "a.TOP: {tasks: {x: {workflow: a.MID, payload: {n: 1}}, y: {workflow: a.LOW}}}\n"
        "a.MID: {tasks: {x: {workflow: a.LOW}}, defaults: {k: 1}, schema: {type: object}}\n"
        "a.LOW: {tasks: [T]}\n"
    )
    plans, catalog = build_all(parse(text))
    assert catalog.problems == ()
    assert list(plans) == ["a.TOP", "a.MID", "a.LOW"]
    sub = plans["a.TOP"].nodes[0].workflow
    assert sub is not None
    assert (sub.plan, sub.payload, sub.defaults, sub.schema) == (
        plans["a.MID"].hash,
        {"n": 1},
        {"k": 1},
        {"type": "object"},
    )
    assert {plan.definition for plan in plans["a.TOP"].subplans} == {"a.MID", "a.LOW"}
    assert plans["a.TOP"].subs == tuple(sorted(plans[name].hash for name in ("a.MID", "a.LOW")))
    other = build_all(parse(text.replace("[T]", "[U]")))[0]
    assert other["a.TOP"].hash != plans["a.TOP"].hash


def test_too_many_definitions_below_one_are_refused() -> None:
    text = (
        "".join(f"a.D{n}: {{tasks: {{x: {{workflow: a.D{n + 1}}}}}}}\n" for n in range(150)) + "a.D150: {tasks: [T]}\n"
    )
    catalog = read(text)
    assert "plan-too-large" in {problem.code for problem in catalog.problems}
    assert "a.D50" in catalog.definitions


def test_about_a_definition_as_a_whole() -> None:
    text = (
        "a.B: {tasks: [T], concurrency: {limit: 2, key: payload.user, on_limit: skip}, deadline: 2h, engine: canvas}\n"
    )
    plans, catalog = build_all(parse(text + "a.C: {tasks: [T], concurrency: 1}\n"))
    assert catalog.problems == ()
    definition = catalog.definitions["a.B"]
    assert definition.concurrency == Concurrency(2, "payload.user", "skip")
    assert catalog.definitions["a.C"].concurrency == Concurrency(1)
    assert (definition.deadline, plans["a.B"].deadline, plans["a.B"].engine) == (7200.0, 7200.0, "canvas")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("concurrency: 0", "bad-option"),
        ("concurrency: {limit: 1, on_limit: fail}", "bad-option"),
        ("concurrency: {limit: 1, key: tasks.a.result}", "bad-concurrency"),
        ("concurrency: {limit: 1, kee: payload.x}", "unknown-key"),
        ("concurrency: {limit: 1, key: 'payload.'}", "bad-expression"),
        ("deadline: never", "bad-option"),
        ("engine: canvass", "bad-option"),
    ],
)
def test_what_is_wrong_about_a_whole_definition(text: str, code: str) -> None:
    assert [problem.code for problem in read(f"a.B: {{tasks: [T], {text}}}").problems] == [code]


def test_a_canvas_that_celery_cannot_say_is_refused() -> None:
    text = "{a: {task: T}, b: {task: T}, c: {task: T, needs: a}, d: {task: T, needs: [a, b]}}"
    (problem,) = read(f"a.B: {{tasks: {text}, engine: canvas}}").problems
    assert problem.code == "not-a-canvas"
    assert read(f"a.B: {{tasks: {text}}}").problems == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "tasks: {a: {task: T, timeout: 40m}, b: {task: T, needs: a, timeout: 30m}}, deadline: 1h",
            "1h10m.*a 40m -> b 30m",
        ),
        ("tasks: {a: {task: T, retry: {max_attempts: 4, backoff: constant, initial: 30m}}}, deadline: 1h", "1h30m"),
        ("tasks: {a: {type: approval, timeout: 2h}}, deadline: 1h", "a 2h"),
        ("tasks: {a: {task: T, retry: {max_attempts: 5, initial: 10s, max_elapsed: 40s}}}", "room for 3 of 5"),
    ],
)
def test_what_cannot_finish_is_a_warning(text: str, told: str) -> None:
    (problem,) = read(f"a.B: {{{text}}}").problems
    assert (problem.code, problem.severity) == ("cannot-finish", "warning")
    assert re.search(told, problem.message), problem.message


@pytest.mark.parametrize(
    "text",
    [
        "tasks: {a: {task: T, timeout: 40m}, b: {task: T, timeout: 30m}}, deadline: 1h",
        "tasks: {a: {task: T, retry: {max_attempts: 5, initial: 1s, max_elapsed: 1h}}}, deadline: 1h",
    ],
)
def test_what_can_finish_is_fine(text: str) -> None:
    assert read(f"a.B: {{{text}}}").problems == ()


WORDS = [
    *("task", "needs", "with", "when", "run_if", "map", "max_parallel", "timeout", "retry", "queue", "priority"),
    *("workflow", "payload", "type", "tasks", "max_attempts", "backoff", "limit", "key"),
]
VALUES = st.recursive(
    st.sampled_from(
        ["T", "x", "y", "3s", "${payload.a}", "${tasks.x.result}", "${", "approval", "group", "chain", "a.B"]
    )
    | st.integers(-1, 10)
    | st.none()
    | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)
TASKS = st.dictionaries(
    st.sampled_from(["x", "y", "z"]), st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=5) | VALUES, max_size=3
)
TOP = st.dictionaries(st.sampled_from(["concurrency", "deadline", "engine"]), VALUES, max_size=2)


@given(TASKS, TOP)
def test_any_mapping_is_accepted_or_refused(tasks: Any, top: Any) -> None:
    """Never a traceback; and what is accepted has a plan that survives JSON."""
    plans, catalog = build_all(parse(json.dumps({"a.B": {"tasks": tasks, **top}, "ok.FINE": {"tasks": ["T"]}})))
    assert "ok.FINE" in plans
    assert ("a.B" in plans) != any(problem.severity == "error" for problem in catalog.problems)
    for plan in plans.values():
        assert Plan.from_json(plan.to_json()) == plan


def test_the_examples_of_the_guide_are_right() -> None:
    guide = Path(__file__).parents[2] / "docs" / "howto" / "any-dag.md"
    blocks = re.findall(r"^```yaml\n(.*?)^```$", guide.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        assert read(block).problems == ()


def test_a_text_with_many_expressions_is_read_soon() -> None:
    """Lint takes text from anyone; compiling is what takes its time."""
    tasks = {f"t{n}": {"task": "T", "when": f"payload.a{n} > {n} && '{'x' * 60}' != ''"} for n in range(1500)}
    began = time.process_time()
    problems = read(json.dumps({"a.B": {"tasks": tasks}})).problems
    assert [problem.code for problem in problems if problem.code != "too-many-problems"] == ["file-too-large"]
    assert time.process_time() - began < 3
    paths = {f"t{n}": {"task": "T", "with": {"x": f"${{payload.a{n}['b'].c[0]}}"}} for n in range(1500)}
    assert read(json.dumps({"a.B": {"tasks": paths}})).problems == ()
