"""The JSON Schema for editors: in step with the parser, and as right as a schema can be."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.nasty import ACCEPTED, NASTY
from tests.unit.test_definition_problems import CASES, GOOD
from umbel.definition import graph, limits, parse, periodic, values
from umbel.definition.document import Refused, compose, plain
from umbel.definition.editor import DEFINITION, RETRY, SCHEDULE_KEYS, TAKES, TASK, editor_schema
from umbel.definition.parse import _KNOWN
from umbel.definition.problems import Report

ROOT = Path(__file__).parents[2]
SCHEMA = editor_schema()
VALIDATOR = Draft7Validator(SCHEMA)

BLIND = {
    *("bad-character", "file-too-large", "yaml-syntax", "too-deep", "alias-bomb", "no-definitions", "duplicate-key"),
    *("bad-key", "bad-value", "schema-not-found", "unknown-need", "cycle", "unknown-task", "missing-need"),
    *(
        "bad-expression",
        "unknown-workflow",
        "workflow-cycle",
        "cannot-finish",
        "not-a-canvas",
        "plan-too-large",
        "not-supported-yet",
    ),
}
"""What no schema can see: how the text is written, and what it means."""

UNSEEN = re.compile(
    r"schema: (\{type|\{\$schema|\{properties|\{patternP|\{unevaluated|\{\$ref|ahead"
    r"|\.\./|/etc|broken|list|xxx)|crontab: '|timezone: |BBBBB"
    r"|tasks: \[\{G: \{type: group, tasks: \[\]|G: \{type: chain, tasks: \[\]|\\u0007|'a b"
    r"|retention: \{offset: -2"
    r"|interval: (0|soon)|tasks: \[''|max_retries: 2, max_attempts|factor: |key: |headers: \{Host"
)
"""Cases of other codes that it cannot, or need not, tell: files, crontabs, time zones, control characters."""


def value_of(text: str) -> Any:
    """A file as its reader takes it: keys as they are written, dates as text."""
    root = compose(text)
    assert root is not None
    return plain(root, Report(""))


def mistakes(text: str) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(value_of(text))]


def test_its_keys_are_those_that_the_parser_reads() -> None:
    assert set(DEFINITION) == set(_KNOWN)
    assert set(SCHEDULE_KEYS) == set(periodic._KEYS)
    assert set(RETRY) == set(values._RETRY_KEYS)
    assert set(TASK) == set(graph._ALL)
    assert {kind: set(words) for kind, words in TAKES.items()} == {
        kind: set(words) for kind, words in graph._TAKES.items()
    }
    concurrency = DEFINITION["concurrency"]["anyOf"][1]["properties"]
    assert set(concurrency) == set(limits._KEYS)
    assert concurrency["on_limit"]["enum"] == list(limits._ON_LIMIT)


def everything(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(each)


def test_it_is_a_schema_that_describes_every_key() -> None:
    Draft7Validator.check_schema(SCHEMA)
    for each in everything(SCHEMA):
        if isinstance(ref := each.get("$ref"), str):
            assert ref.removeprefix("#/definitions/") in SCHEMA["definitions"]
    for keys in (DEFINITION, RETRY, TASK):
        assert [key for key, about in keys.items() if not about.get("description")] == []


def definition_files() -> dict[str, str]:
    """The repository's own definitions, and those in its documentation."""
    found = {str(path): path.read_text() for path in ROOT.glob("**/workflows.y*ml") if ".venv" not in path.parts}
    for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)):
            if "tasks:" in block:
                found[f"{path}#{number}"] = block
    return found


@pytest.mark.parametrize("name", [str(Path(name).relative_to(ROOT)) for name in definition_files()])
def test_what_is_written_in_this_repository_fits(name: str) -> None:
    text = definition_files()[str(ROOT / name)]
    wrong = {problem.code for problem in parse(text).problems} - {"schema-not-found", "not-supported-yet"}
    if not wrong:
        assert mistakes(text) == []


EVERYTHING = """
demo.DAG:
  description: all that there is
  defaults: {n: 1}
  schema: {type: object}
  queue: {default: cpu, customs: {T: gpu}}
  hooks: {success: NOTIFY, failure: ALERT, webhook: {url: "https://example.com/umbel?x=1", events: [failure, cancel],
          headers: {X-Key: "1"}}}
  periodic: {crontab: "0 3 * * *", timezone: Europe/Berlin, catchup: last, overlap: skip, payload: {n: 2}}
  retention: 30d
  concurrency: {limit: 2, key: payload.n, on_limit: cancel_oldest}
  deadline: 3h
  engine: relay
  tasks:
    extract: {task: app.extract, with: {url: "${payload.n}"}, timeout: 30s, priority: 5}
    clean: {task: app.clean, needs: extract, retry: {max_attempts: 5, backoff: exponential, initial: 2s, max_delay: 60,
            jitter: full, max_elapsed: PT5M, factor: 2.5, on: [OSError, requests.Timeout], not_on: ValueError}}
    score: {task: app.score, needs: [clean], map: "${tasks.clean.result}", with: {part: "${item}"}, max_parallel: 20}
    alert: {task: app.alert, needs: [score], when: "size(tasks.score.result) > 0", run_if: all_done, retry: 3}
    both: {type: group, needs: score, tasks: [A, {C: {type: chain, tasks: [B, B]}}]}
    approve: {type: approval, needs: [both], queue: mail, timeout: 1h, when: true}
    report: {workflow: demo.REPORT, needs: [approve, score], payload: {scores: "${tasks.score.result}"}}
demo.REPORT: {tasks: REPORT, concurrency: 1, retention: {offset: 5}, schedule: {interval: 1m30s}, queue: slow}
"""


@pytest.mark.parametrize("text", [GOOD, EVERYTHING])
def test_what_is_right_fits(text: str) -> None:
    assert [str(problem) for problem in parse(text).problems] == []
    assert mistakes(text) == []


@pytest.mark.parametrize("name", [name for name, (_, expected) in NASTY.items() if expected == ACCEPTED])
def test_odd_but_accepted_files_fit(name: str) -> None:
    text = NASTY[name][0]
    if len(text) < 20_000 and not parse(text).problems:
        assert mistakes(text) == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        pytest.param(code, case[0], id=f"{code}-{number}")
        for code, cases in CASES.items()
        if code not in BLIND
        for number, case in enumerate(cases)
        if not UNSEEN.search(case[0])
    ],
)
def test_a_mistake_does_not_fit_where_a_schema_can_tell(code: str, text: str) -> None:
    try:
        wrong = mistakes(text)
    except Refused:
        pytest.skip("not YAML")
    assert wrong


@pytest.mark.parametrize(
    ("entry", "right"),
    [
        ("{task: A, needs: [b]}", True),
        ("{workflow: a.C, payload: {}}", True),
        ("{workflow: a.C, with: {}}", False),
        ("{task: A, payload: {}}", False),
        ("{task: A, max_parallel: 3}", False),
        ("{task: A, type: approval}", False),
        ("{type: approval, timeout: 3h}", True),
        ("{type: approval, retry: 3}", False),
        ("{type: group, tasks: [A]}", True),
        ("{type: group}", False),
        ("{type: gruop, tasks: [A]}", False),
        ("{task: A, retry: {max_attempts: 0}}", False),
        ("{task: A, retry: {backoff: linear}}", False),
        ("{task: A, timeout: soon}", False),
        ("{}", False),
    ],
)
def test_each_kind_of_entry_takes_its_own_keys(entry: str, right: bool) -> None:
    text = f"a.B: {{tasks: {{a: {entry}, b: {{task: B}}}}}}\na.C: {{tasks: [C]}}\n"
    assert (mistakes(text) == []) is right
    assert (not [each for each in parse(text).problems if each.severity == "error"]) is right
