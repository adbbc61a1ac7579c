"""Lessons as files: what is wrong with them is said with its place, and claims and prose belong together."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from umbel.cli import progress
from umbel.errors import LessonInvalid, LessonNotFound
from umbel.learn.lessons import find, lessons
from umbel.learn.lessons.judge import Evidence, Judge, _asked, evidence
from umbel.learn.lessons.load import FOLDER, read_folder
from umbel.learn.lessons.model import Check, Lesson
from umbel.learn.lessons.prose import claims_in, filled, parse, values_in

CHAIN = "02-chain"


def test_there_are_fourteen_in_their_order() -> None:
    assert [each.number for each in lessons()] == list(range(1, 15))
    assert [len(each.machine.steps) >= 1 and len(each.machine.checks) >= 2 for each in lessons()] == [True] * 14


@pytest.mark.parametrize("lesson", lessons(), ids=lambda each: each.slug)
def test_every_marked_claim_has_its_expression_and_the_reverse(lesson: Lesson) -> None:
    for prose in lesson.prose.values():
        marked = claims_in(prose.happened)
        assert sorted(marked) == sorted(lesson.machine.claims)  # each once
        assert set(values_in(prose.happened)) == set(lesson.machine.values)
        assert not claims_in(prose.predict.text + prose.intro + prose.own)
    assert lesson.machine.right in lesson.prose["en"].predict.options


@pytest.mark.parametrize("lesson", lessons(), ids=lambda each: each.slug)
def test_all_languages_have_the_same_parts(lesson: Lesson) -> None:
    english = lesson.prose["en"]
    for prose in lesson.prose.values():
        assert list(prose.predict.options) == list(english.predict.options)
        assert list(prose.steps) == list(english.steps)
        assert {name: list(each.options) for name, each in prose.checks.items()} == {
            name: list(each.options) for name, each in english.checks.items()
        }
        assert set(claims_in(prose.happened)) == set(claims_in(english.happened))


def test_a_lesson_is_found_by_number_and_name() -> None:
    assert {find(each).slug for each in (CHAIN, "2", "02", "chain")} == {CHAIN}
    with pytest.raises(LessonNotFound, match="no lesson 'nothing'"):
        find("nothing")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One lesson to spoil."""
    (tmp_path / "en").mkdir()
    shutil.copy(FOLDER / f"{CHAIN}.yml", tmp_path)
    shutil.copy(FOLDER / "en" / f"{CHAIN}.md", tmp_path / "en")
    assert len(read_folder(tmp_path)) == 1
    return tmp_path


def spoiled(old: str, new: str) -> Callable[[str], str]:
    def spoil(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return spoil


@pytest.mark.parametrize(
    ("file", "spoil", "says"),
    [
        (f"en/{CHAIN}.md", spoiled("(#claim:inside)", "(#claim:outside)"), "claims and those of the .yml differ"),
        (f"en/{CHAIN}.md", spoiled("[carried no arguments and no rest](#claim:relay-carries-nothing)", ""), "claims"),
        (f"en/{CHAIN}.md", spoiled("${sizes}", "${size}"), "values and those of the .yml differ: size, sizes"),
        (f"en/{CHAIN}.md", spoiled("- `inside`:", "- `within`:"), "no option `inside`"),
        (f"en/{CHAIN}.md", spoiled("### relay:", "### belay:"), "steps and those"),
        (f"en/{CHAIN}.md", spoiled("## Check", "## Test"), "the heading is `## Test`, expected is: Check"),
        (f"en/{CHAIN}.md", spoiled("## In your own app\n", ""), "it needs `# Title` and then"),
        (f"en/{CHAIN}.md", spoiled("> Click", "Click"), "check rest: it does not say what to try"),
        (f"{CHAIN}.yml", spoiled("minutes: 2", "minutes: many"), "02-chain.yml: minutes: Input should be"),
        (f"{CHAIN}.yml", spoiled("engine: relay", "engine: belay"), "steps.relay.engine"),
        (f"{CHAIN}.yml", spoiled("step: canvas", "step: nowhere"), "there is no step nowhere"),
        (f"{CHAIN}.yml", spoiled("run.result == 3", "run.result == = 3"), "claims.relay-asks: Syntax error"),
        (f"{CHAIN}.yml", spoiled("run.result == 3", "nobody == 3"), "claims.relay-asks: undeclared reference"),
        (f"{CHAIN}.yml", spoiled("kind: edit", "kind: number"), "each step with `edit` needs one check"),
        (f"{CHAIN}.yml", spoiled("steps:", "steps: ["), "is no YAML"),
    ],
)
def test_a_mistake_is_said_with_its_place(folder: Path, file: str, spoil: Callable[[str], str], says: str) -> None:
    path = folder / file
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(LessonInvalid) as caught:
        read_folder(folder)
    assert says in str(caught.value)
    assert path.name in str(caught.value)


def test_a_translation_with_a_missing_part_is_a_mistake(folder: Path) -> None:
    (folder / "zh").mkdir()
    english = (folder / "en" / f"{CHAIN}.md").read_text(encoding="utf-8")
    (folder / "zh" / f"{CHAIN}.md").write_text(english, encoding="utf-8")
    assert set(read_folder(folder)[0].prose) == {"en", "zh"}
    (folder / "zh" / f"{CHAIN}.md").write_text(english.replace("(#claim:parents)", "()"), encoding="utf-8")
    with pytest.raises(LessonInvalid, match=r"zh/02-chain.md: .*parents"):
        read_folder(folder)


def test_prose_keeps_code_and_quotations_apart() -> None:
    code = "```yaml\n# no title\n## no heading\n```"
    head = "# T\n\n## Predict\n\nQ\n\n- `a`: one\n  line\n- `b`: two\n\n## Run it\n\nbefore\n\n### s: Step\n\n"
    tail = "\n\n## What happened\n\nW\n\n## Check\n\n### c: C\n\nask\n\n> try\n> this\n\n## In your own app\n\nown"
    prose = parse(head + code + tail, "x.md")
    assert prose.predict.options == {"a": "one line", "b": "two"}
    assert (prose.intro, prose.steps["s"].text) == ("before", code)
    assert (prose.checks["c"].text, prose.checks["c"].advice) == ("ask", "try\nthis")


def judge(answers: dict[str, object], steps: dict[str, Evidence] | None = None) -> Judge:
    records = [{"n": 1, "kind": "command", "command": {"name": "HSET", "args": ["unacked"]}, "says": "keeps"}]
    found = evidence({"state": "success"}, {"records": records})
    return Judge(find("1"), {"one": found} if steps is None else steps, answers)


def test_answers_are_held_against_the_trace() -> None:
    check = find("1").machine.checks["where"]
    assert judge({"where": "unacked"}).verdict("where", check) == (True, "")
    assert judge({"where": " `unacked` "}).verdict("where", check) == (True, "")
    assert judge({"where": "celery"}).verdict("where", check) == (False, "wrong")
    assert judge({}).verdict("where", check) == (False, "answer")
    assert judge({"where": "unacked"}, {}).verdict("where", check) == (False, "run")
    nothing = evidence({"state": "success"}, None)
    assert judge({"where": "unacked"}, {"one": nothing}).verdict("where", check) == (False, "trace")
    number = Check(kind="number", step="one", cel="answer == 1200.0")
    assert judge({"n": "1,200"}).verdict("n", number) == (True, "")
    assert judge({"n": "many"}).verdict("n", number) == (False, "wrong")


def test_only_traces_that_are_asked_for_are_fetched() -> None:
    assert find("1").machine.traced() == {"one"}
    assert find("7").machine.traced() == set()
    assert find("11").machine.traced() == set(find("11").machine.steps)


def test_what_was_not_recorded_is_not_known() -> None:
    assert judge({}).claims()["aside"] is False
    assert judge({}).claims()["four-more"] is None  # its step was not run
    assert set(judge({}, {}).claims().values()) == {None}
    values = judge({}, {}).values()
    assert values["held"] == "4"  # the lesson's example
    assert filled("${held} of ${x}", values) == "4 of ${x}"


def test_a_claim_leads_to_the_record_that_it_speaks_of() -> None:
    places = judge({}).places()
    assert places["aside"] == 1  # of the two that it asks for, the one that is there
    assert (places["pushed"], places["four-more"]) == (None, None)
    negated, quoted = "!trace.commands.exists(c, c.n > 1)", 'x && trace.calls.all(c, f(c.a) == ")" || "(" == c.b) && y'
    assert list(_asked(f"{negated} && {quoted}")) == [("calls", "c", 'f(c.a) == ")" || "(" == c.b')]


def test_progress_is_a_small_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert progress.passed() == set()
    progress.keep("02-chain")
    progress.keep("01-broker")
    assert progress.passed() == {"01-broker", "02-chain"}
    progress.path().write_text("[]")
    assert progress.passed() == set()
