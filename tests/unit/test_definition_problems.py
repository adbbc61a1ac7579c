"""Each problem code: a text that has it, where it points, and that it leaves the neighbours alone."""

import json
from pathlib import Path

import pytest

from umbel.definition import Catalog, check_tasks, load_catalog, parse
from umbel.definition.problems import CODES, MAX_PROBLEMS
from umbel.plan import build_all

GOOD = "ok.FINE: {tasks: [A]}\n"

# code -> texts, each with the line and column it must point to. GOOD is put behind each that is marked with True.
CASES: dict[str, list[tuple[str, int, int, bool]]] = {
    "bad-character": [("a.B:\n  tasks: [A\0]\n", 2, 12, False), ("a.B: {tasks: ['\ud800']}\n", 1, 16, False)],
    "file-too-large": [
        ("# " + "x" * 1_000_000, 0, 0, False),
        (f"a.B: {{tasks: [{'A, ' * 20_000}A]}}\n", 0, 0, False),
    ],
    "yaml-syntax": [
        ("a.B: [\n", 2, 1, True),
        ("a.B:\n\ttasks: [A]\n", 2, 1, True),
        ("a.B: {tasks: [*nothing]}\n", 1, 15, True),
        ("a.B: {tasks: [A]}\n---\n", 2, 1, True),
    ],
    "too-deep": [("a.B: {tasks: " + "[" * 60 + "]" * 60 + "}\n", 1, 62, True)],
    "alias-bomb": [
        ("a.B: &me {tasks: [*me]}\n", 1, 19, True),
        (
            "a.B:\n  x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(f"  x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 7)),
            6,
            12,
            True,
        ),
    ],
    "not-a-mapping": [("- a\n", 1, 1, False), ("text", 1, 1, False)],
    "no-definitions": [("", 0, 0, False), ("# nothing yet\n", 0, 0, False), ("{}", 0, 0, False)],
    "duplicate-key": [
        ("a.B:\n  tasks: [A]\n  tasks: [B]\n", 3, 3, True),
        ("a.B:\n  tasks: [A]\n  x: {y: 1, y: 2}\n", 3, 13, True),
        ("a.B:\n  tasks:\n    a: {task: A}\n    a: {task: B}\n", 4, 5, True),
    ],
    "bad-key": [("a.B:\n  tasks: [A]\n  [x]: y\n", 3, 3, True)],
    "bad-value": [
        ("a.B:\n  tasks: [A]\n  x: !!binary aGk=\n", 3, 6, True),
        ("a.B:\n  tasks: [A]\n  x: !!python/object:os.system {}\n", 3, 6, True),
        ("a.B:\n  tasks: [A]\n  x: .inf\n", 3, 6, True),
        ("a.B:\n  tasks: [A]\n  x: !!int many\n", 3, 6, True),
        ("a.B:\n  tasks: [A]\n  x: 99999999999999999999\n", 3, 6, True),
        ("a.B:\n  tasks: [A]\n  x: " + "9" * 5000 + "\n", 3, 6, True),
        ("a.B:\n  tasks: [A]\n  <<: text\n", 3, 7, True),
        ('a.B:\n  tasks: [A]\n  x: "\\0"\n', 3, 6, True),
    ],
    "bad-name": [
        ("NODOT: {tasks: [A]}\n", 1, 1, True),
        ("a.: {tasks: [A]}\n", 1, 1, True),
        ("'a b.C': {tasks: [A]}\n", 1, 1, True),
        ("[a.B]: {tasks: [A]}\n", 1, 1, True),
        (f"a.{'B' * 300}: {{tasks: [A]}}\n", 1, 1, True),
    ],
    "bad-definition": [("a.B: [A]\n", 1, 6, True), ("a.B: {queue: q}\n", 1, 1, True), ("a.B:\n", 1, 5, True)],
    "no-tasks": [
        ("a.B: {tasks: []}\n", 1, 14, True),
        ("a.B: {tasks: {}}\n", 1, 14, True),
        ("a.B: {tasks: [{G: {type: group, tasks: []}}]}\n", 1, 14, True),
    ],
    "bad-tasks": [("a.B: {tasks: 3}\n", 1, 14, True), ("a.B: {tasks: [{G: {type: group, tasks: A}}]}\n", 1, 40, True)],
    "bad-description": [("a.B: {tasks: [A], description: [x]}\n", 1, 32, True)],
    "bad-defaults": [("a.B: {tasks: [A], defaults: 3}\n", 1, 29, True)],
    "bad-queue": [
        ("a.B: {tasks: [A], queue: [q1]}\n", 1, 26, True),
        ("a.B: {tasks: [A], queue: {default: 3}}\n", 1, 36, True),
        ("a.B: {tasks: [A], queue: {customs: q}}\n", 1, 36, True),
        ("a.B: {tasks: [A], queue: {customs: {A: ''}}}\n", 1, 40, True),
        ("a.B: {tasks: {a: {task: A, queue: [q]}}}\n", 1, 35, True),
    ],
    "bad-schema": [
        ("a.B: {tasks: [A], schema: 3}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: {type: nonsense}}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: {$schema: [1]}}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: ../secret}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: /etc/passwd}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: {properties: {x: {pattern: '(?=a)b'}}}}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: {patternProperties: {'(a)\\1': {}}}}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: {unevaluatedProperties: no, patternProperties: {'(a+)+$': {}}}}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: {$ref: 'http://example.org/x.json'}}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: {properties: {x: {$ref: '#/definitions/nope'}}}}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: ahead}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: broken}\n", 1, 27, True),
        ("a.B: {tasks: [A], schema: list}\n", 1, 27, True),
        (f"a.B: {{tasks: [A], schema: {'x' * 5000}}}\n", 1, 27, True),
    ],
    "bad-schedule": [
        ("a.B: {tasks: [A], periodic: 5}\n", 1, 29, True),
        ("a.B: {tasks: [A], periodic: {}}\n", 1, 29, True),
        ("a.B: {tasks: [A], periodic: {interval: 5, crontab: '* * * * *'}}\n", 1, 29, True),
        ("a.B: {tasks: [A], periodic: {interval: 5}, schedule: {interval: 5}}\n", 1, 44, True),
        ("a.B: {tasks: [A], periodic: {interval: soon}}\n", 1, 40, True),
        ("a.B: {tasks: [A], periodic: {interval: 0}}\n", 1, 40, True),
        ("a.B: {tasks: [A], periodic: {interval: yes}}\n", 1, 40, True),
        ("a.B: {tasks: [A], periodic: {crontab: '99 * * * *'}}\n", 1, 39, True),
        ("a.B: {tasks: [A], periodic: {crontab: '0 3 * *'}}\n", 1, 39, True),
        ("a.B: {tasks: [A], periodic: {crontab: '0 0 30 2 *'}}\n", 1, 39, True),
        ("a.B: {tasks: [A], periodic: {crontab: 3}}\n", 1, 39, True),
        ("a.B: {tasks: [A], schedule: {cron: '0 3 * * *', timezone: Mars/Base}}\n", 1, 59, True),
        ("a.B: {tasks: [A], schedule: {cron: '0 3 * * *', timezone: America}}\n", 1, 59, True),
        ("a.B: {tasks: [A], schedule: {cron: '0 3 * * *', timezone: ../../etc/passwd}}\n", 1, 59, True),
        ("a.B: {tasks: [A], schedule: {interval: 5, catchup: some}}\n", 1, 52, True),
        ("a.B: {tasks: [A], schedule: {interval: 5, overlap: queue}}\n", 1, 52, True),
        ("a.B: {tasks: [A], schedule: {interval: 5, payload: [x]}}\n", 1, 52, True),
    ],
    "bad-retention": [
        ("a.B: {tasks: [A], retention: long}\n", 1, 30, True),
        ("a.B: {tasks: [A], retention: {}}\n", 1, 30, True),
        ("a.B: {tasks: [A], retention: {offset: 30d}}\n", 1, 39, True),
        ("a.B: {tasks: [A], retention: {offset: -2}}\n", 1, 39, True),
    ],
    "schema-not-found": [("a.B: {tasks: [A], schema: nope}\n", 1, 27, True)],
    "bad-step": [
        ("a.B:\n  tasks: [A, [B]]\n", 2, 14, True),
        ("a.B:\n  tasks: [NO]\n", 2, 11, True),
        ("a.B:\n  tasks:\n  - A\n  -\n", 4, 4, True),
        ("a.B:\n  tasks:\n  - G1:\n    type: group\n    tasks: [A]\n", 3, 5, True),
        ("a.B:\n  tasks:\n  - G1: [A]\n", 3, 9, True),
        ("a.B:\n  tasks:\n  - G1: {type: group}\n", 3, 5, True),
    ],
    "bad-hooks": [
        ("a.B: {tasks: [A], hooks: [A]}\n", 1, 26, True),
        ("a.B: {tasks: [A], hooks: {success: [A]}}\n", 1, 36, True),
    ],
    "bad-webhook": [
        ("a.B: {tasks: [A], hooks: {webhook: 5}}\n", 1, 36, True),
        ("a.B: {tasks: [A], hooks: {webhook: {events: failure}}}\n", 1, 36, True),
        ("a.B:\n  tasks: [A]\n  hooks:\n    webhook: ftp://example.com/x\n", 4, 14, True),
        ("a.B:\n  tasks: [A]\n  hooks:\n    webhook: https://me:pw@example.com/x\n", 4, 14, True),
        ("a.B:\n  tasks: [A]\n  hooks:\n    webhook: {url: 'https://x.io', events: [end]}\n", 4, 45, True),
        ("a.B:\n  tasks: [A]\n  hooks:\n    webhook: {url: 'https://x.io', headers: {Host: y}}\n", 4, 46, True),
        ("a.B:\n  tasks: {a: {task: A}}\n  hooks: {webhook: 'https://'}\n", 3, 20, True),
    ],
    "bad-block-type": [
        ("a.B:\n  tasks:\n  - A\n  - G1:\n      tasks: [A]\n", 4, 5, True),
        ("a.B:\n  tasks:\n  - G1: {type: gruop, tasks: [A]}\n", 3, 16, True),
    ],
    "bad-task": [
        ("a.B:\n  tasks:\n    x: A\n", 3, 8, True),
        ("a.B:\n  tasks:\n    x: {needs: []}\n", 3, 5, True),
    ],
    "bad-task-name": [
        ("a.B: {tasks: ['']}\n", 1, 15, True),
        ("a.B: {tasks: [A, 'B\\u0007', \"C\\e\"]}\n", 1, 29, True),
        (f"a.B: {{tasks: [{'A' * 201}]}}\n", 1, 15, True),
        ("a.B: {tasks: {x: {task: 7}}}\n", 1, 25, True),
    ],
    "bad-task-key": [("a.B: {tasks: {'x#2': {task: A}}}\n", 1, 15, True)],
    "unknown-key": [("a.B: {tasks: {x: {task: A, nedes: y}}}\n", 1, 28, True)],
    "does-not-go-together": [
        ("a.B: {tasks: {x: {task: A, payload: {}}}}\n", 1, 28, True),
        ("a.B: {tasks: {x: {task: A, call: {}, with: {}}}}\n", 1, 28, True),
        ("a.B: {tasks: {x: {task: A, max_parallel: 2}}}\n", 1, 28, True),
        ("a.B: {tasks: {x: {task: A, workflow: ok.FINE}}}\n", 1, 19, True),
        ("a.B: {tasks: {x: {task: A, retry: {max_attempts: 2, max_retries: 1}}}}\n", 1, 53, True),
    ],
    "bad-call": [
        ("a.B: {tasks: {x: {task: A, call: [1]}}}\n", 1, 34, True),
        ("a.B: {tasks: {x: {task: A, call: {args: 1}}}}\n", 1, 41, True),
        ("a.B: {tasks: {x: {task: A, call: {kwargs: [1]}}}}\n", 1, 43, True),
        ("a.B: {tasks: {x: {task: A, call: {countdown: soon}}}}\n", 1, 46, True),
        ("a.B: {tasks: {x: {task: A, call: {immutable: 1}}}}\n", 1, 46, True),
    ],
    "bad-option": [
        ("a.B: {tasks: {x: {task: A, timeout: soon}}}\n", 1, 37, True),
        ("a.B: {tasks: {x: {task: A, priority: 10}}}\n", 1, 38, True),
        ("a.B: {tasks: {x: {task: A, run_if: al_ok}}}\n", 1, 36, True),
        ("a.B: {tasks: {x: {task: A, with: [1]}}}\n", 1, 34, True),
    ],
    "bad-expression": [
        ("a.B: {tasks: {x: {task: A, when: 'payload.a >'}}}\n", 1, 35, True),
        ("a.B: {tasks: {x: {task: A, with: {u: 'to ${1 +} of'}}}}\n", 1, 44, True),
    ],
    "missing-need": [("a.B: {tasks: {x: {task: A}, y: {task: A, when: tasks.x.result}}}\n", 1, 48, True)],
    "bad-concurrency": [("a.B: {tasks: [A], concurrency: {key: payload.user}}\n", 1, 19, True)],
    "bad-needs": [
        ("a.B: {tasks: {x: {task: A}, y: {task: A, needs: [x, x]}}}\n", 1, 53, True),
        ("a.B: {tasks: {x: {task: A}, y: {task: A, needs: {x: 1}}}}\n", 1, 49, True),
        ("a.B: {tasks: {x: {task: A}, y: {task: A, needs: }}}\n", 1, 49, True),
    ],
    "unknown-need": [("a.B: {tasks: {first: {task: A}, y: {task: A, needs: frist}}}\n", 1, 53, True)],
    "cycle": [
        ("a.B: {tasks: {x: {task: A, needs: x}}}\n", 1, 15, True),
        (
            "a.B:\n  tasks:\n    a: {task: A, needs: c}\n    b: {task: A, needs: a}\n    c: {task: A, needs: b}\n",
            3,
            5,
            True,
        ),
    ],
}
WARNINGS = {
    "insecure-webhook": ("a.B: {tasks: [A], hooks: {webhook: http://example.com/x}}\n", 1, 36),
    "duplicate-definition": ("a.B: {tasks: [A]}\na.B: {tasks: [B]}\n", 2, 1),
    "chain-runs-as-group": ("a.B:\n  tasks:\n  - G1: {type: chain, tasks: [A, B]}\n", 3, 16),
    "unknown-key": ("a.B: {tasks: [A], queue: {custom: {A: q}}}\n", 1, 27),
    "legacy-schedule": ("a.B: {tasks: [A], periodic: {schedule: 0 12 1 * *}}\n", 1, 40),
    "day-and-weekday": ("a.B: {tasks: [A], periodic: {crontab: 0 12 13 * 5}}\n", 1, 39),
    "scheduled-payload": ("a.B: {tasks: [A], schema: {required: [x]}, periodic: {interval: 5}}\n", 1, 44),
    "unfit-defaults": ("a.B: {tasks: [A], defaults: {x: 1}, schema: {properties: {x: {type: string}}}}\n", 1, 19),
    "cannot-finish": ("a.B: {tasks: {x: {task: A, timeout: 1h, retry: 4}}, deadline: 3h}\n", 1, 63),
}
ELSEWHERE = {
    "file-missing",
    "file-unreadable",
    "too-many-problems",
    "unknown-task",
    "unheard-queue",
    "unsigned-webhook",
    "plan-too-large",
    # test_explain_read.py
    *("canvas-syntax", "canvas-form", "canvas-literal", "canvas-too-large", "link-returns-callback", "no-canvas"),
} | {
    "unknown-workflow",  # tests/unit/test_definition_graph.py
    "workflow-cycle",
    "not-a-canvas",
    "plain-secret",  # tests/unit/test_secrets.py
    "secret-in-canvas",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "schemas" / "deep").mkdir(parents=True)
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "schemas" / "broken.json").write_text("{")
    (tmp_path / "schemas" / "ahead.json").write_text('{"items": {"pattern": "(?!a)b"}}')
    (tmp_path / "schemas" / "list.json").write_text("[" * 100_000)
    (tmp_path / "schemas" / "deep" / "order.json").write_text('{"type": "object", "required": ["user"]}')
    return tmp_path


def test_every_code_has_a_case() -> None:
    assert CASES.keys() | WARNINGS.keys() | ELSEWHERE == CODES.keys()


@pytest.mark.parametrize(
    ("code", "text", "line", "column", "neighbour"),
    [pytest.param(code, *case, id=f"{code}-{n}") for code, cases in CASES.items() for n, case in enumerate(cases)],
)
def test_a_mistake_is_named_and_refused(
    code: str, text: str, line: int, column: int, neighbour: bool, home: Path
) -> None:
    catalog = parse(text + GOOD if neighbour else text, home=home)
    errors = [problem for problem in catalog.problems if problem.severity == "error"]
    assert [(each.code, each.line, each.column) for each in errors] == [(code, line, column)], catalog.problems
    assert list(catalog.definitions) == (["ok.FINE"] if neighbour else [])
    assert all(problem.message for problem in catalog.problems)


@pytest.mark.parametrize("code", WARNINGS)
def test_a_warning_keeps_the_definition(code: str) -> None:
    text, line, column = WARNINGS[code]
    catalog = parse(text)
    problem = catalog.problems[0]
    assert (problem.code, problem.line, problem.column, problem.severity) == (code, line, column, "warning")
    assert list(catalog.definitions) == ["a.B"]
    assert "warning: " in str(problem)


def test_all_problems_of_a_file_are_listed_at_once() -> None:
    text = "a.B: {tasks: [3], queue: [q], schema: 4}\nnodot: {}\n" + GOOD
    catalog = parse(text)
    assert [problem.code for problem in catalog.problems] == ["bad-step", "bad-queue", "bad-schema", "bad-name"]
    assert list(catalog.refused) == ["a.B"]
    assert len(catalog.problems_of("a.B")) == 3


def test_a_part_that_is_not_yaml_costs_only_its_definition() -> None:
    catalog = parse("a.ONE:\n  tasks: [A]\n\na.BAD:\n  tasks: [A\n\na.TWO:\n  tasks: [A, 3]\n" + GOOD)
    assert list(catalog.definitions) == ["a.ONE", "ok.FINE"]
    assert {(problem.code, problem.line) for problem in catalog.problems} == {("yaml-syntax", 7), ("bad-step", 8)}


def test_problems_beyond_the_limit_are_counted() -> None:
    steps = "".join("  - 3\n" for _ in range(MAX_PROBLEMS + 20))
    catalog = parse(f"a.B:\n  tasks:\n{steps}{GOOD}")
    assert len(catalog.problems) == MAX_PROBLEMS + 1
    assert catalog.problems[-1].code == "too-many-problems"
    assert "20 more" in catalog.problems[-1].message
    assert list(catalog.definitions) == ["ok.FINE"]


def test_hints_name_the_nearest() -> None:
    (problem,) = parse(CASES["unknown-need"][0][0]).problems
    assert problem.hint == "Did you mean 'first'?"
    (problem,) = parse(CASES["unknown-key"][0][0]).problems
    assert problem.hint == "Did you mean 'needs'?"
    (problem,) = parse("a.B: {tasks: [A], retenton: 30d}\n").problems
    assert (problem.hint, problem.severity) == ("Did you mean 'retention'?", "warning")
    (problem,) = parse("a.B: {tasks: [A], periodic: {cron: 0 3 * * *, timezone: Europe/Berln}}\n").problems
    assert problem.hint == "Did you mean 'Europe/Berlin'?"
    (problem,) = parse("a.B: {tasks: [A], periodic: {schedule: 0 12 1 * *}}\n").problems
    assert problem.hint == 'Write crontab: "0 12 * * 1".'
    (problem,) = parse(CASES["bad-block-type"][1][0]).problems
    assert problem.hint == "Did you mean 'group'?"
    (problem,) = parse(CASES["yaml-syntax"][1][0]).problems
    assert "spaces" in problem.hint


def test_a_cycle_is_shown_as_a_path() -> None:
    (problem,) = parse(CASES["cycle"][1][0]).problems
    assert problem.message.endswith("a -> c -> b -> a")


def test_unknown_tasks_are_refused_with_the_nearest_name() -> None:
    text = "a.B:\n  tasks:\n  - FETCH\n  - G: {type: group, tasks: [CLAEN, CLAEN]}\n" + GOOD
    catalog = check_tasks(parse(text), {"FETCH", "CLEAN", "A"})
    (problem,) = catalog.problems
    assert (problem.code, problem.line, problem.column) == ("unknown-task", 4, 30)
    assert problem.hint == "Did you mean 'CLEAN'?"
    assert list(catalog.definitions) == ["ok.FINE"]
    assert list(catalog.refused) == ["a.B"]
    assert check_tasks(parse(GOOD), {"A"}).problems == ()


def test_unknown_tasks_of_a_definition_with_other_mistakes_are_told_too() -> None:
    text = (
        "a.B: {tasks: [CLAEN, {G: {type: gruop, tasks: [FETSH]}}]}\na.C: {tasks: {x: {needs: y}, y: {task: CLAEN}}}\n"
    )
    problems = check_tasks(parse(text), {"FETCH", "CLEAN"}).problems
    codes = [(each.line, each.column, each.code) for each in sorted(problems, key=lambda p: (p.line, p.column))]
    assert codes == [
        (1, 15, "unknown-task"),
        (1, 33, "bad-block-type"),
        (1, 48, "unknown-task"),
        (2, 15, "bad-task"),
        (2, 30, "unknown-task"),
    ]


def test_a_plan_that_grows_too_large_is_refused() -> None:
    group = "{type: group, tasks: [" + ", ".join(["A"] * 400) + "]}"
    plans, catalog = build_all(parse(f"a.B: {{tasks: [{{G: {group}}}, {{H: {group}}}]}}\n{GOOD}"))
    (problem,) = catalog.problems
    assert (problem.code, problem.line, problem.definition) == ("plan-too-large", 1, "a.B")
    assert "between" in problem.hint
    assert list(plans) == list(catalog.definitions) == ["ok.FINE"]


class TestLoading:
    def codes(self, catalog: Catalog) -> list[tuple[str, int, int]]:
        return [(problem.code, problem.line, problem.column) for problem in catalog.problems]

    def test_missing(self, tmp_path: Path) -> None:
        assert self.codes(load_catalog(tmp_path)) == [("file-missing", 0, 0)]
        assert self.codes(load_catalog(tmp_path / "nowhere")) == [("file-missing", 0, 0)]

    def test_not_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "workflows.yml").mkdir()
        assert self.codes(load_catalog(tmp_path)) == [("file-unreadable", 0, 0)]

    def test_not_readable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "workflows.yml").write_text(GOOD)

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        (problem,) = load_catalog(tmp_path).problems
        assert problem.code == "file-unreadable"
        assert "Permission denied" in problem.message

    def test_not_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "workflows.yml").write_bytes(b"a.B:\n  tasks: [\xff]\n")
        assert self.codes(load_catalog(tmp_path)) == [("bad-character", 2, 11)]

    def test_too_large(self, tmp_path: Path) -> None:
        (tmp_path / "workflows.yml").write_text("#" + "é" * 600_000)
        assert self.codes(load_catalog(tmp_path)) == [("file-too-large", 0, 0)]

    def test_byte_order_mark_and_the_other_ending(self, tmp_path: Path) -> None:
        (tmp_path / "workflows.yaml").write_text("\ufeff" + GOOD)
        catalog = load_catalog(tmp_path)
        assert list(catalog.definitions) == ["ok.FINE"]
        assert catalog.definitions["ok.FINE"].file == "workflows.yaml"
        assert not catalog.problems

    def test_a_schema_may_not_be_reached_through_a_link(self, home: Path) -> None:
        (home / "schemas" / "link.json").symlink_to(home / "secret.json")
        (home / "workflows.yml").write_text("a.B: {tasks: [A], schema: link}")
        assert self.codes(load_catalog(home)) == [("bad-schema", 1, 27)]

    def test_a_schema_in_a_folder(self, home: Path) -> None:
        (home / "workflows.yml").write_text("a.B: {tasks: [A], schema: deep/order}")
        catalog = load_catalog(home)
        expected = json.loads((home / "schemas" / "deep" / "order.json").read_text())
        assert not catalog.problems
        assert catalog.definitions["a.B"].schema == expected
        assert catalog.definitions["a.B"].source["schema"] == expected


@pytest.mark.parametrize("deadline", ["99999999999999999999", "9999999999999h", "5000d"])
def test_a_duration_that_is_too_long_is_told_how_long_it_may_be(deadline: str) -> None:
    problems = parse(f"a.ONE: {{tasks: [A], deadline: {deadline}}}\n").problems
    assert "up to ten years" in problems[-1].message
    assert problems[0] is problems[-1] or "-2^63" in problems[0].hint


def test_an_expression_that_names_its_own_task_is_told_where_it_stands() -> None:
    text = (
        "a.ONE:\n  tasks:\n    x:\n      task: A\n      with:\n        one: 1\n        me: [2, '${tasks.x.result}']\n"
    )
    (problem,) = parse(text).problems
    assert (problem.code, problem.line, problem.column) == ("missing-need", 7, 17)
    assert "this task itself" in problem.message
