"""A canvas as text, as the API and `umbel explain` answer it."""

import pytest

from umbel.service.explain import explain_text
from umbel.service.models import DefinitionCheck

ONCE_EACH = "starts-once-per-member"
DEEP = "x = chord([fetch.s()], merge.s())\n" + "x = chord([x, fetch.s()], merge.s())\n" * 9
TASKS = ("shop.fetch", "shop.parse", "shop.merge")


def answer(text: str, heard: tuple[str, ...] = ()) -> DefinitionCheck:
    return explain_text(text, "canvas.py", TASKS, heard, "celery", "ascii")


def found(text: str) -> set[str]:
    canvas = answer(text).canvas
    assert canvas is not None
    return {each.code for each in canvas.hazards}


def test_a_canvas_is_one_definition_with_its_explanation() -> None:
    told = answer("chain(fetch.s(1), group(parse.s(), parse.s(x=1)), merge.s())")
    assert (told.ok, told.problems) == (True, [])
    (definition,) = told.definitions
    assert definition.name == "canvas.shop.fetch"
    assert [(task.key, task.needs) for task in definition.tasks][-1] == ("merge", ["parse", "parse#2"])
    assert told.canvas is not None
    assert told.canvas.sent.split("\n") == [
        "chain(",
        "    shop.fetch.s(1),",
        "    chord([shop.parse.s(), shop.parse.s(x=1)], shop.merge.s()),",
        ")",
    ]
    (message,) = told.canvas.messages
    assert (message.task, message.chain, message.carried) == ("shop.fetch", ["chord"], 3)
    assert told.canvas.yaml is not None
    assert told.canvas.yaml.startswith("canvas.shop.fetch:\n  tasks:\n")


def test_messages_that_are_alike_are_one() -> None:
    canvas = answer("chord([fetch.s(i) for i in range(40)], parse.s() | merge.s())").canvas
    assert canvas is not None
    (message,) = canvas.messages
    assert (message.count, message.chord, message.carried) == (40, "chain", 2)


def test_what_is_wrong_with_it_has_its_line() -> None:
    told = answer("chain(fetch.s(),\n      parze.s())")
    (problem,) = told.problems
    assert (told.ok, told.canvas, told.definitions) == (False, None, [])
    assert (problem.code, problem.line, problem.column, problem.end_column) == ("unknown-task", 2, 7, 14)
    assert problem.excerpt.endswith("      parze.s())\n      ^^^^^^^")


def test_a_queue_that_nobody_hears_is_warned_of() -> None:
    told = answer("fetch.s().set(queue='slw')", heard=("celery", "slow"))
    (problem,) = told.problems
    assert (problem.code, problem.severity, problem.hint) == ("unheard-queue", "warning", "Did you mean 'slow'?")
    assert told.canvas is not None


def test_a_large_one_is_not_given_to_celery() -> None:
    canvas = answer("group(fetch.s(i) for i in range(500)) | merge.s()").canvas
    assert canvas is not None
    assert canvas.messages == []
    assert "at most" in canvas.unsent


@pytest.mark.parametrize(
    ("text", "hazard"),
    [
        ("fetch.s() | parse.s()", "lost-with-its-worker"),
        ("chain(fetch.s(), parse.s())().get()", "waits-for-result"),
        ("chord([fetch.s()], merge.s())", "needs-backend"),
        ("chord([fetch.s()], merge.s())", "member-fails"),
        ("chord([fetch.s()], merge.s())", "count-is-lost"),
        ("chord([fetch.s(i) for i in range(60)], parse.s() | merge.s())", "wide-header"),
        ("chain([fetch.s(i) for i in range(12)])", "messages-grow"),
        ("fetch.s().set(countdown=60)", "delayed-in-a-worker"),
        ("group(fetch.s(), parse.s()).set(queue='slow') | merge.s()", "options-lost"),
        ("chain(fetch.s(), parse.s()).set(queue='slow')", "options-of-chain"),
        ("chain(fetch.s(), parse.s()).on_error(merge.s())", "errback-of-chain"),
        ("group(fetch.s(), parse.s()).on_error(merge.s())", "errback-per-member"),
        ("group(fetch.s()) | merge.s()", "group-of-one"),
        ("chain(fetch.s(), group(parse.s()), merge.s())", "group-of-one"),
        ("group(group(fetch.s(), parse.s()), fetch.s()) | merge.s()", "opened-group"),
        ("group(fetch.s(), fetch.s()) | group(parse.s(), parse.s()) | group(merge.s(), merge.s())", ONCE_EACH),
        ("chain([group(fetch.s(i), fetch.s(i)) for i in range(3)])", ONCE_EACH),
        ("chain(fetch.s(), parse.chunks([1, 2], 1), merge.s())", "chunks-inside"),
        (DEEP, "deep-chords"),
    ],
)
def test_hazards(text: str, hazard: str) -> None:
    assert hazard in found(text)


def test_a_plain_task_has_none() -> None:
    assert found("fetch.s(1)") == set()
    assert "messages-grow" not in found("chain(fetch.s(), parse.s())")
    assert "opened-group" not in found("group(fetch.s(), parse.s()) | merge.s()")


@pytest.mark.parametrize("step", ["x = chord([x, fetch.s()], merge.s())", "x = group(chain(x, fetch.s()), parse.s())"])
def test_what_is_nested_deep_is_written_in_time(step: str) -> None:
    """Each part once: written twice at each level, this would take years."""
    canvas = answer("\n".join(["x = fetch.s()", *[step] * 45])).canvas
    assert canvas is not None
    assert canvas.sent.count("fetch") == 46
