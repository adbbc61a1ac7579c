"""What is told in two languages stays in step: the README, and the lessons.

A translation may say things in its own way. It has the same sections and blocks in the same order, and what is not
language is the same: code, names, links, claims, figures.
"""

import re
import string
from dataclasses import asdict, dataclass

import pytest

from tests.static.repository import ROOT, below
from umbel.cli.lesson_words import WORDS
from umbel.learn.lessons import LANGUAGES
from umbel.service.lessons import WHY

LESSONS = "src/umbel/learn/lessons"
TRANSLATED = {
    "README.zh.md": "README.md",
    **{
        f"{LESSONS}/{language}/{path.name}": f"{LESSONS}/en/{path.name}"
        for language in LANGUAGES
        if language != "en"
        for path in below(f"{LESSONS}/en", ".md")
    },
}

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (?:([a-z0-9-]+): )?(.+)$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
VALUE = re.compile(r"\$\{\w+\}")
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
BLOCK = re.compile(r"\n\s*\n|\n(?=- |\|)")
COMMENT = re.compile(r"\s+#.*")
KIND = re.compile(r"```|\||- |> ")
REMARK = re.compile(r"<!--.*?-->")


@dataclass(frozen=True)
class Section:
    """What of a section has to be the same in all languages.

    `fenced` is code without its comments, and of a drawing only that it is there: both have words in them. A
    translation may have more `figures`, such as a month.
    """

    level: int
    name: str
    blocks: list[str]
    fenced: list[tuple[str, str]]
    code: list[str]
    links: list[str]
    values: list[str]
    figures: set[str]


def sections(text: str) -> list[Section]:
    """The sections of a page, in their order."""
    fenced = FENCE.findall(text)
    place = iter(range(len(fenced)))
    text = FENCE.sub(lambda _: f"```{next(place)}", text)
    heads = list(HEADING.finditer(text))
    assert text[: heads[0].start()].strip() == ""
    ends = [*(each.start() for each in heads[1:]), len(text)]
    return [section(head, text[head.end() : end], fenced) for head, end in zip(heads, ends, strict=True)]


def section(head: re.Match[str], body: str, fenced: list[tuple[str, str]]) -> Section:
    blocks = [each.strip() for each in BLOCK.split(body) if each.strip()]
    inside = [fenced[int(each[3:])] for each in blocks if each.startswith("```")]
    plain = "\n".join(each for each in blocks if not each.startswith("```"))
    links = LINK.findall(plain)
    words = LINK.sub("]", CODE.sub(" ", VALUE.sub(" ", plain)))
    return Section(
        level=len(head.group(1)),
        name=head.group(2) or "",
        blocks=[found.group() if (found := KIND.match(each)) else "text" for each in blocks],
        fenced=[(info, "" if info == "mermaid" else COMMENT.sub("", code)) for info, code in inside],
        code=sorted(" ".join(each.split()) for each in CODE.findall(plain)),
        links=sorted("#" if each.startswith("#") and not each.startswith("#claim:") else each for each in links),
        values=sorted(VALUE.findall(plain)),
        figures=set(FIGURE.findall(words)),
    )


def read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def differences(original: str, translation: str) -> list[str]:
    """Where a translation is out of step."""
    ours, theirs = sections(original), sections(translation)
    if len(ours) != len(theirs):
        return [f"{len(theirs)} sections, in English {len(ours)}"]
    found = []
    for number, (english, other) in enumerate(zip(ours, theirs, strict=True)):
        for part in ("level", "name", "blocks", "fenced", "code", "links", "values"):
            if (expected := getattr(english, part)) != (got := getattr(other, part)):
                found.append(f"section {number}: {part}: {got}, in English {expected}")
        if missing := english.figures - other.figures:
            found.append(f"section {number}: figures: not there: {sorted(missing)}")
    return found


def without_tongues(file: str) -> str:
    """A page without its link to the other languages."""
    return re.sub(r"^.*\(README(?:\.\w+)?\.md\).*\n", "", read(file), flags=re.MULTILINE)


@pytest.mark.parametrize("file", TRANSLATED)
def test_translation_is_in_step(file: str) -> None:
    assert differences(without_tongues(TRANSLATED[file]), without_tongues(file)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lesson_is_there_in_every_language(language: str) -> None:
    lessons = sorted(path.stem for path in below(LESSONS, ".yml"))
    assert sorted(path.stem for path in below(f"{LESSONS}/{language}", ".md")) == lessons


@pytest.mark.parametrize("file", TRANSLATED)
def test_chinese_is_not_wrapped(file: str) -> None:
    """A line's end is a space on the page, which Chinese does not have between its words."""
    text = REMARK.sub("", FENCE.sub("", read(file)))
    assert [each for each in BLOCK.split(text) if "\n" in each.strip()] == []


def test_readmes_lead_to_each_other() -> None:
    assert "(README.zh.md)" in read("README.md")[:400]
    assert "(README.md)" in read("README.zh.md")[:400]


@pytest.mark.parametrize("file", ["README.md", "README.zh.md"])
def test_links_within_the_readme_lead_somewhere(file: str) -> None:
    text = read(file)
    anchors = {
        re.sub(r"[^\w\- ]", "", head.group(3).lower()).replace(" ", "-")
        for head in HEADING.finditer(FENCE.sub("", text))
    }
    wanted = {each[1:] for each in LINK.findall(text) if each.startswith("#")}
    assert wanted
    assert wanted - anchors == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## Check", "# Check"),
        ("### canvas:", "### relay:"),
        ("`embed.chain`", "`embed.chord`"),
        ("(#claim:inside)", "(#claim:outside)"),
        ("${second_id}", "second"),
        ("\n\n> ", "\n\n"),
        ("- `queued`", "`queued`"),
    ],
)
def test_a_change_of_one_language_is_seen(old: str, new: str) -> None:
    original = read(f"{LESSONS}/en/02-chain.md")
    assert old in original
    assert differences(original, original) == []
    assert differences(original, original.replace(old, new, 1)) != []


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_around_the_lessons_are_there_in_every_language(language: str) -> None:
    def slots(words: object) -> dict[str, list[str]]:
        return {
            name: sorted(slot for each in (said if isinstance(said, tuple) else (said,)) for slot in fields(each))
            for name, said in asdict(words).items()  # type: ignore[call-overload]
        }

    def fields(text: str) -> list[str]:
        return [f"{slot}:{form}" for _, slot, form, _ in string.Formatter().parse(text) if slot]

    assert slots(WORDS[language]) == slots(WORDS["en"])
    assert WHY[language].keys() == WHY["en"].keys()
