"""Whatever is in a definition file, it ends as accepted or as problems: never a traceback, never a hang.

`make bench` holds each file of the corpus to 250 ms and 64 MB; here a busy machine is given more time.
UMBEL_TEST_DOCUMENTS=100000 for the long form of the generated documents.
"""

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.nasty import ACCEPTED, ANY, NASTY
from tests.unit.test_definition_parse import check
from umbel.definition import parse
from umbel.definition.editor import DEFINITION, RETRY, SCHEDULE_KEYS, TASK
from umbel.definition.problems import CODES
from umbel.service.catalog import Loaded
from umbel.service.check import check_queues, told

DOCUMENTS = int(os.environ.get("UMBEL_TEST_DOCUMENTS") or 200)
PATIENCE = 5.0


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_file_ends_as_accepted_or_as_problems(name: str) -> None:
    text, expected = NASTY[name]
    began = time.process_time()
    catalog = parse(text)
    codes = [problem.code for problem in catalog.problems if problem.severity == "error"]
    if expected == ACCEPTED:
        assert codes == []
        assert catalog.definitions
    elif expected != ANY:
        assert expected in codes
    found = told(Loaded.of(catalog, {"A"}), {"workflows.yml": text}, "celery")
    assert found.model_dump_json().isprintable()
    assert time.process_time() - began < PATIENCE


def test_the_corpus_names_codes_that_there_are() -> None:
    assert {code for _, code in NASTY.values()} - {ACCEPTED, ANY} <= CODES.keys()


KEYS = st.sampled_from(
    sorted({*DEFINITION, *TASK, *RETRY, *SCHEDULE_KEYS, "limit", "customs", "default", "success", "x"})
)
EXPRESSIONS = st.sampled_from(
    [
        "${payload.x}",
        "${",
        "}",
        "${}",
        "true",
        "tasks.a.result",
        "item",
        "1 +",
        "size(payload) > 0",
        "${'}'}",
        "a.B",
        "${a",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**70)
    | st.floats()
    | st.sampled_from(["a", "b", "c", "A", "30s", "PT1M", "-1", "0", "group", "approval", "all_done", "queue", "full"])
    | EXPRESSIONS
    | st.text(max_size=6)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.sampled_from("abc"), inner, max_size=4),
    max_leaves=8,
)
TASKS = st.fixed_dictionaries(
    {},
    optional={
        "task": st.just("A") | VALUES,
        "needs": st.sampled_from(["a", ["a"], ["a", "b"], [], ["c", "c"], "x"]) | VALUES,
        **{key: VALUES for key in TASK if key not in ("task", "needs", "retry")},
        "retry": st.dictionaries(st.sampled_from(sorted(RETRY)), SCALARS, max_size=3) | VALUES,
    },
)
DEFINITIONS = st.fixed_dictionaries(
    {"tasks": st.dictionaries(st.sampled_from("abcx"), TASKS | VALUES, max_size=4) | VALUES},
    optional={key: VALUES for key in DEFINITION if key != "tasks"},
)
FILES = st.dictionaries(st.sampled_from(["a.B", "a.C", "a", "x.y.z"]), DEFINITIONS | VALUES, max_size=3)


def as_yaml(value: object, indent: int = 0) -> str:
    """JSON is YAML, but block style is what people write; it is one line per key here."""
    import json

    if isinstance(value, dict) and value and indent < 6:
        pad = " " * indent
        return "\n" + "\n".join(f"{pad}{json.dumps(key)}: {as_yaml(each, indent + 2)}" for key, each in value.items())
    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=DOCUMENTS, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(FILES)
def test_no_generated_document_raises(tree: object) -> None:
    text = as_yaml(tree)
    check(text)
    loaded = check_queues(Loaded.of(parse(text), {"A"}), {"q1"}, "celery")
    found = told(loaded, {"workflows.yml": text}, "celery", "mermaid")
    assert found.ok == (found.errors == 0)
    assert all(each.graph for each in found.definitions)
    found.model_dump_json()
