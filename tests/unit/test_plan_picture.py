"""Pictures of plans: everything is in them, nothing lies on anything else, and no name becomes markup."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.errors import BadRequest
from umbel.machine import TaskState
from umbel.plan.model import Node, Plan, SubRun, chain_of
from umbel.plan.picture import ascii, draw, mermaid, svg
from umbel.plan.picture.layout import ROOM, place

SVG = "{http://www.w3.org/2000/svg}"
EVERY_KIND = Plan(
    "demo.DAG",
    (
        Node(0, "extract", "app.extract"),
        Node(1, "score", "app.score", (0,), map="${tasks.extract.result}"),
        Node(2, "alert", "app.alert", (1,), when="size(tasks.score.result) > 0"),
        Node(3, "report", "umbel.step", (0, 2), workflow=SubRun("demo.REPORT", "0" * 32)),
        Node(4, "approve", "umbel.step", (3,), approval=True),
        Node(5, "clean up", "app.clean", (4,), run_if="all_done"),
        Node(6, "ALERT", "ALERT", hook="failure"),
    ),
)
DAGS = st.lists(st.sets(st.integers(0, 11), max_size=3), min_size=1, max_size=12).map(
    lambda needs: Plan(
        "a.B",
        tuple(Node(i, f"k{i}", "T", tuple(sorted(n for n in each if n < i))) for i, each in enumerate(needs)),
    )
)


def test_every_kind_has_a_mark_in_text() -> None:
    assert ascii(EVERY_KIND) == (
        "extract\n  ↓\nscore [map]\n  ↓\nalert [when]\n  ↓\nreport [workflow demo.REPORT] (needs extract, alert)\n"
        "  ↓\napprove [approval]\n  ↓\nclean up [if all_done]\n\nALERT [on failure]\n"
    )
    states = {0: TaskState.SUCCESS, 2: TaskState.UPSTREAM_FAILED}
    assert ascii(EVERY_KIND, states).splitlines()[:5:2] == [
        "extract: success",
        "score [map]",
        "alert [when]: upstream failed",
    ]


def test_every_kind_has_a_shape_in_mermaid() -> None:
    lines = mermaid(EVERY_KIND, {0: TaskState.SUCCESS}).splitlines()
    assert lines[1:8] == [
        '  t0["extract: app.extract<br/>success"]:::success',
        '  t1[/"score: app.score<br/>map"/]',
        '  t2["alert: app.alert<br/>when"]',
        '  t3[["report<br/>workflow demo.REPORT"]]',
        '  t4{{"approve<br/>approval"}}',
        '  t5["clean up: app.clean<br/>if all_done"]',
        '  t6(["ALERT<br/>on failure"])',
    ]
    assert [line for line in lines if "-.->" in line] == ["  t1 -.-> t2", "  t4 -.-> t5"]
    assert lines[-1].startswith("  classDef success stroke:")


def test_every_kind_has_a_shape_in_svg() -> None:
    root = ElementTree.fromstring(svg(EVERY_KIND, {0: TaskState.SUCCESS, 1: TaskState.EXPANDED}))
    groups = {group.findtext(f"{SVG}text"): group for group in root.iter(f"{SVG}g")}
    assert list(groups) == ["extract", "score", "alert", "report", "approve", "clean up", "ALERT"]
    frames = {key: len(group.findall(f"{SVG}rect")) for key, group in groups.items()}
    assert frames == {"extract": 1, "score": 2, "alert": 1, "report": 2, "approve": 0, "clean up": 1, "ALERT": 1}
    assert groups["approve"].find(f"{SVG}polygon") is not None
    classes = {key: group.get("class") for key, group in groups.items()}
    assert classes["extract"] == "task success"
    assert classes["score"] == "map expanded"
    assert classes["alert"] == "task maybe"
    assert [text.text for text in groups["score"].findall(f"{SVG}text")] == ["score", "app.score", "map", "expanded"]
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "demo.DAG"
    assert description is not None
    assert "report after extract, alert." in (description.text or "")
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


EVIL = """</text><script>alert(1)</script>&lt;"'onload=x]]>\x1b\ud800`#quot;"""


def test_no_name_becomes_markup() -> None:
    plan = Plan(EVIL, (Node(0, EVIL, "T"), Node(1, "b", EVIL, (0,), workflow=SubRun(EVIL, "x"), when=EVIL)))
    drawn = svg(plan)
    root = ElementTree.fromstring(drawn)
    assert drawn.isprintable() or "\x1b" not in drawn
    drawn.encode()
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        *("svg", "title", "desc", "style", "defs", "marker", "path", "g", "rect", "text")
    }
    assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]
    lines = mermaid(plan).splitlines()
    assert len(lines) == 4
    assert all(re.fullmatch(r'  t\d\[+"[^"<>`\x1b]*"\]+', line.replace("<br/>", "")) for line in lines[1:3])


@settings(max_examples=60)
@given(DAGS)
def test_nothing_lies_on_anything_else(plan: Plan) -> None:
    layout = place(plan)
    at: dict[int, list[tuple[float, float]]] = {}  # layer -> middle and half height of each thing in it
    for layer, height in zip(layout.layer, layout.height, strict=True):
        at.setdefault(layer, []).append((height, 0.5))
    for way in layout.ways.values():
        for layer, height in way:
            at.setdefault(layer, []).append((height, ROOM / 2))
    for things in at.values():
        for (one, half), (other, other_half) in combinations(things, 2):
            assert abs(one - other) >= half + other_half - 1e-6
    for node in plan.nodes:
        assert all(layout.layer[need] < layout.layer[node.index] for need in node.needs)
        assert min(layout.height) >= 0
    root = ElementTree.fromstring(svg(plan))
    assert len(root.findall(f"{SVG}path")) == sum(len(node.needs) for node in plan.nodes)
    assert len(root.findall(f"{SVG}g")) == len(plan.nodes)


def test_a_plan_without_crossings_is_drawn_without() -> None:
    """Two chains beside each other, their tasks in turn: the first order crosses, the last does not."""
    plan = Plan("a.B", tuple(Node(i, f"k{i}", "T", (i - 2,) if i > 1 else ()) for i in (0, 1, 2, 3, 4, 5)))
    layout = place(plan)
    assert [layout.height[i] for i in (0, 2, 4)] == [layout.height[0]] * 3
    assert [layout.height[i] for i in (1, 3, 5)] == [layout.height[1]] * 3


def test_what_is_too_large_for_a_picture_is_refused() -> None:
    with pytest.raises(BadRequest, match="3,000 tasks") as caught:
        draw(chain_of("a.B", ["T"] * 3000), "svg")
    assert "ascii" in caught.value.hint
    assert draw(chain_of("a.B", ["T"] * 3000), "ascii").count("↓") == 2999
    assert draw(chain_of("a.B", ["T"] * 200), "svg").count("<g ") == 200
