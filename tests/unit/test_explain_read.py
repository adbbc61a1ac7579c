"""A canvas as text: what is read, what is refused and where, and that nothing in it is ever evaluated."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.canvas_texts import a_text
from umbel.definition import Problem
from umbel.definition.problems import CODES
from umbel.plan.explain import explain

TASKS = ("shop.a", "shop.b", "other.b", "c")


def problem(text: str, tasks: tuple[str, ...] | None = None) -> Problem:
    found, problems = explain(text, tasks=tasks)
    assert len(problems) == 1, (found, problems)
    assert problems[0].code in CODES
    return problems[0]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("chain(a.s(),", "canvas-syntax", 1, 6),
        ("a.s() b.s()", "canvas-syntax", 1, 7),
        ("a.s(\0)", "canvas-syntax", 1, 1),
        ("\ud800", "canvas-syntax", 0, 0),
        ("", "no-canvas", 0, 0),
        ("x = 5", "no-canvas", 0, 0),
        ("a", "canvas-form", 1, 1),
        ("5", "canvas-form", 1, 1),
        ("chain(a.s(), b)", "canvas-form", 1, 14),
        ("chain(a.s(),\n      b.delay())", "canvas-form", 2, 7),
        ("chain(a.s(), open('x'))", "canvas-form", 1, 14),
        ("__import__('os').system('x')", "canvas-form", 1, 1),
        ("'ä'; 'ö' + b.s()", "canvas-form", 1, 6),
        ("chain(a.s('ä'), b.s(f'{x}'))", "canvas-form", 1, 21),
        ("lambda: a.s()", "canvas-form", 1, 1),
        ("def f(): return a.s()", "canvas-form", 1, 1),
        ("class X: pass", "canvas-form", 1, 1),
        ("for x in y: a.s()", "canvas-form", 1, 1),
        ("if x: a.s()", "canvas-form", 1, 1),
        ("del a", "canvas-form", 1, 1),
        ("a, b = c.s(), d.s()", "canvas-form", 1, 1),
        ("a[0].s()", "canvas-form", 1, 1),
        ("a.s().run()", "canvas-form", 1, 1),
        ("a.s().apply_async(queue='q')", "canvas-form", 1, 1),
        ("chain(a.s(), queue='q')", "canvas-form", 1, 20),
        ("a.s(**x)", "canvas-form", 1, 7),
        ("chord([a.s()])", "canvas-form", 0, 0),
        ("chord([a.s()], b.s(), c.s())", "canvas-form", 1, 1),
        ("group([]).link(a.s())", "canvas-form", 1, 1),
        ("group(a.s(i) for i in range(9) if i)", "canvas-form", 1, 6),
        ("group(a.s(i) for i in items)", "canvas-literal", 1, 23),
        ("group(a.s(i) for i in range(10 ** 9))", "canvas-form", 1, 29),
        ("x = a.s()\nchain(x, b.s())\nx.set(queue='q')", "canvas-form", 3, 1),
        ("a.s(b.s())", "canvas-literal", 1, 5),
        ("a.s(url)", "canvas-literal", 1, 5),
        ("a.s({1: 2})", "canvas-literal", 1, 6),
        ("a.s(1e999)", "canvas-literal", 1, 5),
        ("a.s(1j)", "canvas-form", 1, 5),
        ("a.s({1, 2})", "canvas-form", 1, 5),
        ("a.s(b'x')", "canvas-form", 1, 5),
        ("a.s(...)", "canvas-form", 1, 5),
        ("signature(a)", "canvas-form", 1, 1),
        ("chain()", "canvas-form", 0, 0),
        ("a.s().set(priority='high')", "canvas-form", 0, 0),
        ("group(a.s(i) for i in range(3000))", "canvas-too-large", 1, 23),
        ("x = a.s()\n" + "x = group(x, x)\n" * 100, "canvas-too-large", 11, 5),
        ("x = [1]\n" + "x = [x, x]\n" * 100, "canvas-too-large", 11, 5),
        ("x = chord([a.s()], b.s())\n" + "x = chain(a.s(), chord([x], b.s()))\n" * 60, "canvas-too-large", 26, 18),
        ("group([a.s('" + "k" * 60_000 + "') for i in range(2000)])", "canvas-too-large", 1, 1),
        ("-" * 5000 + "1", "canvas-too-large", 0, 0),
        ("a.s() | " * 3000 + "a.s()", "canvas-too-large", 0, 0),
        ("a" + ".a" * 20_000, "canvas-too-large", 0, 0),
        ("(" * 60 + "a.s()" + ",)" * 60, "canvas-too-large", 1, 51),
        ("#" * 65_000, "canvas-too-large", 0, 0),
    ],
)
def test_what_is_not_read_is_refused_with_its_place(text: str, code: str, line: int, column: int) -> None:
    begun = time.process_time()
    found = problem(text)
    assert (found.code, found.line, found.column) == (code, line, column), found
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("a.s() | c.s()", ["shop.a", "c"]),
        ("from shop import b, a as first\nfirst.s() | b.s()", ["shop.a", "shop.b"]),
        ("import other\nother.b.si()", ["other.b"]),
        ("tasks.shop.a.s()", ["shop.a"]),
        ('signature("other.b")', ["other.b"]),
        ("from celery import chain as then\nthen(a.s(), c.s())", ["shop.a", "c"]),
        ("x = a.s()\n\ny: object = c.s()\nx |= y", ["shop.a", "c"]),
        ("return chain(a.s(), c.s()).apply_async().get(timeout=5)", ["shop.a", "c"]),
        ("x = a.s()\nx.link(c.s())", ["shop.a", "c"]),
    ],
)
def test_tasks_are_those_of_the_project(text: str, tasks: list[str]) -> None:
    found, problems = explain(text, tasks=TASKS)
    assert problems == ()
    assert found is not None
    assert [node.task for node in found.plan.nodes] == tasks


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("chain(shop.a.s(), shop.aa.s())", "Did you mean 'shop.a'?"),
        ("chain(a.s(), b.s())", 'Write signature("other.b").'),
    ],
)
def test_an_unknown_task_is_named_with_what_may_be_meant(text: str, hint: str) -> None:
    found = problem(text, TASKS)
    assert (found.code, found.hint) == ("unknown-task", hint)
    assert found.column == text.rindex("shop." if "shop.aa" in text else "b.s") + 1


def test_what_link_returns_is_warned_of() -> None:
    found, (warning,) = explain("chain(a.s(), b.s().link(c.s()))")
    assert found is not None
    assert [node.task for node in found.plan.nodes] == ["a", "c"], "as Celery would"
    assert (warning.code, warning.severity, warning.column) == ("link-returns-callback", "warning", 14)


CODE = [
    "open({0!r}, 'w')",
    "a.s(open({0!r}, 'w'))",
    "chain(a.s(), __import__('pathlib').Path({0!r}).touch())",
    "group(a.s(i) for i in open({0!r}, 'w'))",
    "group(a.s(open({0!r}, 'w')) for i in range(3))",
    "a.s(f\"{{open({0!r}, 'w')}}\")",
    "(lambda x=open({0!r}, 'w'): x)()",
    "def f(x=open({0!r}, 'w')): pass",
    "class A(open({0!r}, 'w')): pass",
    "@open({0!r}, 'w')\nclass A: pass",
    "a.s(x := open({0!r}, 'w'))",
    "x: open({0!r}, 'w') = a.s()",
    "a.s()[open({0!r}, 'w')]",
    "a.s().set(queue=open({0!r}, 'w'))",
    "eval(\"open({0!r}, 'w')\")",
    "a.s(*open({0!r}, 'w'))",
    "a.s(**open({0!r}, 'w'))",
    "chain = open\nchain({0!r}, 'w')",
    "from builtins import open as chain\nchain({0!r}, 'w')",
    "with open({0!r}, 'w'): pass",
    "assert open({0!r}, 'w')",
    "from os import system as signature\nsignature('touch {0}')",
]


@pytest.mark.parametrize("code", CODE)
def test_nothing_is_evaluated(code: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    explain(code.format(str(canary)))
    assert not canary.exists()


WORDS = [
    *("a.s()", "b.si(1)", "chain(", "group(", "chord(", "[", "]", "(", ")", ",", "|", "x", "=", "\n", "i", "for i in "),
    *("range(3)", "range(", "1", "-", "'ä'", "{", "}", ":", ".s(", ".set(", "queue=", ".link(", ".map(", ".chunks("),
    *("lambda ", "import a", "\\", "#", ";", "*", "**", "None", ".apply_async()", ".get()", "signature(", "\t", "  "),
]
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map("".join))


@settings(max_examples=250, deadline=None)
@given(TEXTS, st.integers(0, 10**6))
def test_whatever_is_written_there_is_an_answer(text: str, seed: int) -> None:
    """Any text, and a sound one with a piece of it cut out or put in."""
    sound, chance = a_text(seed), random.Random(seed)
    cut = chance.randrange(len(sound))
    for each in (text, sound[:cut] + text + sound[cut:], sound[:cut] + sound[cut + chance.randrange(9) :]):
        found, problems = explain(each)
        assert (found is None) == any(problem.severity == "error" for problem in problems)
        for problem in problems:
            assert problem.code in CODES
            assert problem.line <= each.count("\n") + each.count("\r") + 1
