"""CEL: what it may name, what it gives, and that no text hurts whoever reads it."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.definition import expressions
from umbel.definition.expressions import ExpressionError, check, condition, evaluate, references, render, variables

TASKS = {
    "a": {"result": {"rows": [1, 2.5, 3], "name": "x"}, "state": "success"},
    "a-b": {"result": 7, "state": "success"},
    "none": {"result": None, "state": "success"},
    "off": {"result": None, "state": "skipped"},
    "bad": {"result": None, "state": "error"},
}
PAYLOAD = {"n": 3, "f": 0.95, "s": "hé😀", "nil": None, "l": [1, 0.95, 3], "d": {"x-y": {"z": 1}}, "huge": 2**70}
VALUES = variables(PAYLOAD, TASKS, run_id="r1", definition="demo.D")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("payload.l.exists(s, s > 0.9)", True),  # integers and floats compare
        ("payload.n == 3.0 && 3.0 in payload.l", True),
        ("payload.l.all(s, s > 0)", True),
        ("payload.l.filter(s, s >= 1).map(s, s)", [1, 3]),
        ("payload.l.map(s, {'v': s, 'w': [null, true]})[0]", {"v": 1, "w": [None, True]}),
        ("has(payload.zz)", False),
        ("payload.?zz.orValue('else')", "else"),
        ("payload.nil == null", True),
        ("payload.nil == 1", False),
        ("size(payload.s) == 3 && payload.s.startsWith('h')", True),
        ("payload.d['x-y'].z", 1),
        ("payload.n > 2 ? 'many' : 'few'", "many"),
        ("double(payload.n) * 2.0", 6.0),
        ("payload.missing || true", True),
        ("payload.huge > 1", True),
        ("payload.huge", 2**70),
        ("run.id + ' ' + run.definition", "r1 demo.D"),
        ("tasks.a.result.rows", [1, 2.5, 3]),
        ('tasks["a-b"].result + needs["a-b"].result', 14),
        ("tasks.a.state == 'success'", True),
        ("'tasks.zz.result' + \"${x}\"", "tasks.zz.result${x}"),
        ("${ payload.n + 1 }", 4),
        ("timestamp('2026-01-02T03:04:05Z')", "2026-01-02T03:04:05Z"),
        ("duration('90s')", 90.0),
        # what a task without a result did not put out is null
        ("tasks.off.result.rows[0]['x']", None),
        ("tasks.bad.result == null && tasks.off.state == 'skipped'", True),
        ("has(tasks.off.result.rows)", False),
        ("tasks.off.result != null && tasks.off.result.exists(r, r > 1)", False),
        ("[tasks.off.result.x, tasks.a.result.name]", [None, "x"]),
    ],
)
def test_values(text: str, expected: Any) -> None:
    assert evaluate(text, VALUES) == expected
    assert check(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("payload.zz", 'Key not found in map : "zz"'),
        ("tasks.none.result.rows", "non-message"),
        ("tasks.zz.result", 'Key not found in map : "zz"'),
        ("payload.n / 0", "divide by zero"),
        ("payload.n + 1.5", "overload"),
        ("payload.l[9]", "Index"),
        ("9223372036854775807 + 1", "overflow"),
        ("0.0 / 0.0", "JSON"),
        ("{1: 2}", "keys are not text"),
        ("b'x'", "JSON"),
        ("payload.?zz", "orValue|JSON"),
        ("item", "item"),
        ("foo.bar", "undeclared reference to 'foo.bar'.*column"),
        ("(1 +", "Syntax error.*column 5"),
    ],
)
def test_what_has_no_value_says_why(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason) as caught:
        evaluate(text, VALUES)
    assert text in str(caught.value)


def test_a_condition_is_true_or_false() -> None:
    assert condition("${payload.n == 3}", VALUES)
    with pytest.raises(ExpressionError, match="gives a number, not true or false"):
        condition("payload.n", VALUES)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("payload.a ++ 1", "column 12"),
        ("", "column 1"),
        ("nofn(1)", "undeclared reference to 'nofn'"),
        ("foo", "undeclared reference to 'foo'"),
        ("tasks[payload.k].result", "without the key"),
        ("size(needs)", "without the key"),
        ("a" * 5000, "longer than 4,000"),
        ("\ud800", ""),
    ],
)
def test_check_finds_it_without_a_run(text: str, wrong: str) -> None:
    assert wrong in (check(text) or pytest.fail("nothing was found"))


def test_item_is_known_inside_a_map_only() -> None:
    assert check("item.x") is None
    assert "item" in (check("item.x", item=False) or "")
    assert check("payload.l.map(item, item)", item=False) is None
    assert evaluate("item.x", variables({}, {}, run_id="", definition="", item={"x": 1})) == 1


def test_references() -> None:
    text = "tasks.a.result.x > 1 && needs['b-c'].y || payload.tasks.no || 'tasks.no2' == \"needs.no3\" || tasks . d . e"
    assert references(text) == {"a", "b-c", "d"}
    assert references({"x": ["it's ${tasks.a.result}, isn't it", {"y": "${needs.b}"}], "z": 1}) == {"a", "b"}
    assert expressions.template_references({"x": "tasks.a ${tasks.b.result}", "y": "${"}) == {"b"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("${payload.l}", [1, 0.95, 3]),
        (
            "n=${payload.n} f=${payload.f} l=${payload.l} s=${payload.s} no=${payload.nil}.",
            "n=3 f=0.95 l=[1, 0.95, 3] s=hé😀 no=.",
        ),
        ("$${payload.n} costs $5 ${payload.n}", "${payload.n} costs $5 3"),
        ("${ {'a': '}'}.a }${'${'}", "}${"),
        (
            {"a": ["${payload.n}", {"b": "${tasks.off.result.x}"}], "c": 1, "${k}": None},
            {"a": [3, {"b": None}], "c": 1, "${k}": None},
        ),
    ],
)
def test_templates(template: Any, expected: Any) -> None:
    assert render(template, VALUES) == expected
    assert expressions.template_problems(template) == []


def test_template_problems() -> None:
    found = expressions.template_problems({"a": ["${1 +}", "${", "${}"], "b": "${item} ${foo}"}, item=False)
    assert len(found) == 5
    assert "`1 +`" in found[0]
    with pytest.raises(ExpressionError, match="not closed"):
        render("x ${payload.n", VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("payload.r.map(x, x + 1)", list(range(1, 20_001))),
        ("payload.r.filter(x, x > payload.n).map(x, x)", list(range(11, 20_000))),
        ("payload.r.exists(x, x == 19999)", True),
        ("payload.r.exists(x, payload.l[x] > 0)", True),  # all but the first are errors
        ("payload.r.all(x, x >= 0)", True),
        ("payload.r.all(x, x < 19000)", False),
        ("payload.r.map(x, x > 19997, x)", [19_998, 19_999]),
    ],
)
def test_long_lists(text: str, expected: Any) -> None:
    values = variables({"r": list(range(20_000)), "n": 10, "l": [1]}, {}, run_id="", definition="")
    assert evaluate(text, values) == expected


BOMBS = {
    "iterations": "[1,2,3,4,5,6,7,8,9]" + "".join(f".map(a{n}, [1,2,3,4,5,6,7,8,9]" for n in range(8)) + ")" * 8,
    "values": "[1].map(a,[a,a,a,a,a,a,a,a,a,a])" + ".map(a,[a,a,a,a,a,a,a,a,a,a])" * 9,
    "square": "payload.r.all(a, payload.r.all(b, payload.r.all(c, c >= 0)))",
    "depth": "[" * 1000 + "]" * 1000,
    "parens": "(" * 1500 + "1" + ")" * 1500,
    "selects": "payload" + ".a" * 1900,
    "sum": "+".join(["1"] * 1900),
    "junk": "@#" * 1900,
    "long": "x" * 1_000_000,
    "braces": "${" * 500_000,
    "quotes": "${" + "'''\\" * 250_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_texts_end_soon_as_errors(name: str) -> None:
    values = variables({"r": list(range(1000))}, {}, run_id="", definition="")
    began = time.process_time()
    with pytest.raises(ExpressionError):
        evaluate(BOMBS[name], values)
    check(BOMBS[name])
    expressions.template_problems(BOMBS[name])
    assert time.process_time() - began < 10


def test_data_too_deep_for_the_library_is_refused() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = {"a": deep}
    values = variables({"d": deep, "n": 1}, {}, run_id="", definition="")
    with pytest.raises(ExpressionError, match="nested deeper"):
        evaluate("payload.d == payload.d", values)
    assert evaluate("payload.n", values) == 1


CEL = st.text(alphabet="tasks.payload[]{}()'\"${}\\?:!&|+-*/<>=,0123 é\n", max_size=60)


@given(CEL)
def test_no_text_gives_a_traceback(text: str) -> None:
    check(text)
    references(text)
    expressions.template_problems(text)
    for call in (evaluate, render):
        with contextlib.suppress(ExpressionError):
            json.dumps(call(text, VALUES))
