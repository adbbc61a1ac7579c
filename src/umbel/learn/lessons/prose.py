"""The prose of a lesson: Markdown with fixed headings, so that pages, terminal and tests find its parts.

    # Title
    ## Predict          the question, then its options: - `name`: text
    ## Run it           a word before, then a heading for each step: ### name: title
    ## What happened    [a claim](#claim:name), and `${name}` for a value of the run
    ## Check            a heading for each check: ### name: title; options as above; > what to try
    ## In your own app

Headings are English in the file of every language; pages show their own words for them.
"""

import re
from typing import Final

from umbel.errors import LessonInvalid
from umbel.learn.lessons.model import Prose, Section

PARTS: Final = ("Predict", "Run it", "What happened", "Check", "In your own app")

_CLAIM: Final = re.compile(r"\]\(#claim:([a-z0-9-]+)\)")
_VALUE: Final = re.compile(r"\$\{([a-z0-9_]+)\}")
_OPTION: Final = re.compile(r"- `([a-z0-9-]+)`: (.+)", re.DOTALL)
_NAMED: Final = re.compile(r"([a-z0-9-]+): (.+)")


def claims_in(text: str) -> list[str]:
    """Names of the claims that a text marks."""
    return _CLAIM.findall(text)


def values_in(text: str) -> list[str]:
    """Names of the values that a text shows."""
    return _VALUE.findall(text)


def filled(text: str, values: dict[str, str]) -> str:
    """The text with its values put in; one that is not there stays as it is."""
    return _VALUE.sub(lambda match: values.get(match.group(1), match.group()), text)


def parse(text: str, file: str) -> Prose:
    """The prose of a lesson.

    Raises:
        LessonInvalid: a heading is missing, doubled or not known; the message names file and line.
    """
    title, parts = _parts(text, file)
    predict = _section("", parts["Predict"])
    if not predict.options:
        raise LessonInvalid(f"{file}: `## Predict` has no options.", hint="Write them as a list: - `name`: text")
    intro, steps = _named(parts["Run it"], file)
    before, checks = _named(parts["Check"], file)
    if before:
        raise LessonInvalid(f"{file}: `## Check` begins with text.", hint="Put it under a heading `### name: title`.")
    return Prose(title, predict, intro, steps, parts["What happened"], checks, parts["In your own app"])


def _parts(text: str, file: str) -> tuple[str, dict[str, str]]:
    title, found, part, fenced = "", dict[str, list[str]](), "", False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        heading = "" if fenced else line
        if heading.startswith("# ") and not title:
            title = line[2:].strip()
        elif heading.startswith("## "):
            part = line[3:].strip()
            expected = PARTS[len(found)] if len(found) < len(PARTS) else "no further one"
            if part != expected:
                raise LessonInvalid(f"{file}:{number}: the heading is `## {part}`, expected is: {expected}.")
            found[part] = []
        elif part:
            found[part].append(line)
        elif line.strip():
            raise LessonInvalid(f"{file}:{number}: text before the first `## ` heading.")
    if not title or len(found) < len(PARTS):
        raise LessonInvalid(f"{file}: it needs `# Title` and then {', '.join(f'`## {each}`' for each in PARTS)}.")
    return title, {name: "\n".join(lines).strip() for name, lines in found.items()}


def _named(text: str, file: str) -> tuple[str, dict[str, Section]]:
    """What stands before the first `### name: title`, and what stands below each."""
    before, *rest = re.split(r"^### ", text, flags=re.MULTILINE)
    found = {}
    for each in rest:
        heading, _, body = each.partition("\n")
        match = _NAMED.fullmatch(heading.strip())
        if match is None or match.group(1) in found:
            raise LessonInvalid(f"{file}: `### {heading}` has no name of its own.", hint="Write `### name: Title`.")
        found[match.group(1)] = _section(match.group(2), body.strip())
    return before.strip(), found


def _section(title: str, text: str) -> Section:
    """Paragraphs that are options or a quotation, and the rest."""
    plain, options, advice = [], dict[str, str](), []
    for block in re.split(r"\n(?=- `)|\n\n", text):
        block = block.strip("\n")
        if match := _OPTION.fullmatch(block):
            options[match.group(1)] = " ".join(match.group(2).split())
        elif block.startswith("> "):
            advice.append(re.sub(r"^> ?", "", block, flags=re.MULTILINE))
        elif block.strip():
            plain.append(block)
    return Section(title, "\n\n".join(plain), options, "\n\n".join(advice))
