"""A lesson as a page: its texts, with the values of its recording, and what was recorded as tables."""

import json
import re
from html import escape
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.docs_site.words import WORDS
from umbel.learn.lessons import Lesson
from umbel.learn.lessons.model import Check, Section, Step
from umbel.learn.lessons.prose import filled

Json = dict[str, Any]
RECORDINGS: Final = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "xrays"
_CLAIM: Final = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*?)\]\(#claim:([a-z0-9-]+)\)")


def recording(slug: str) -> Json:
    """What was recorded of a lesson.

    Raises:
        FileNotFoundError: nothing; `python -m scripts.record_lessons N` records it.
    """
    found: Json = json.loads((RECORDINGS / f"{slug}.json").read_text(encoding="utf-8"))
    return found


def lesson_page(lesson: Lesson, language: str) -> str:
    """The page of a lesson in a language that it is told in."""
    prose, machine, words = lesson.prose[language], lesson.machine, WORDS[language]
    recorded = recording(lesson.slug)
    parts = [
        f"# {lesson.number}. {prose.title}",
        words["minutes"].format(minutes=machine.minutes, number=lesson.number),
        f"## {words['Predict']}",
        _asked(prose.predict),
        folded(words["right"], prose.predict.options[machine.right]),
        f"## {words['Run it']}",
        prose.intro,
    ]
    for name, told in prose.steps.items():
        parts += [f"### {told.title}", told.text, *_step(name, machine.steps[name], recorded, words)]
    parts += [
        f"*{words['recorded'].format(**recorded)}*",
        f"## {words['What happened']}",
        _proved(filled(prose.happened, recorded["values"]), recorded),
        f"## {words['Check']}",
    ]
    for name, told in prose.checks.items():
        answer = _answer(machine.checks[name], told, recorded["values"], words)
        parts += [
            f"### {told.title}",
            _asked(told),
            folded(words["hint"], told.advice),
            folded(words["answer"], answer),
        ]
    parts += [f"## {words['In your own app']}", prose.own]
    return "\n\n".join(each for each in parts if each) + "\n"


def folded(title: str, text: str) -> str:
    """A part that is opened by a click."""
    return "\n".join([f'??? note "{title}"', "", *(f"    {line}".rstrip() for line in text.splitlines())])


def _asked(section: Section) -> str:
    return "\n\n".join([section.text, "\n".join(f"- {text}" for text in section.options.values())]).strip()


def _answer(check: Check, told: Section, values: dict[str, str], words: dict[str, str]) -> str:
    if check.kind == "choice":
        return told.options[check.expect]
    if check.kind == "edit":
        return f"```yaml\n{check.text}```"
    if check.kind == "act":
        return words["do"].format(expect=check.expect)
    return f"`{filled(check.expect, values)}`"


def _step(name: str, step: Step, recorded: Json, words: dict[str, str]) -> list[str]:
    found = recorded["steps"][name]
    parts = [f"*{words[step.engine]}*"]
    if step.definition:
        payload = f"\n\n{words['payload']}: `{json.dumps(step.payload)}`" if step.payload else ""
        parts.append(folded(words["definition"], f"```yaml\n{step.definition}```{payload}"))
    if step.faults:
        faults = [f"- {words['fault'].format(when=each.when, do=each.do)}" for each in step.faults]
        parts.append(f"{words['faults']}:\n\n" + "\n".join(faults))
    if found["seen"]:
        lines = [f"- {each['seconds']:.1f} s, {each['who']}: {each['says']}" for each in found["seen"]]
        parts.append(folded(words["seen"], "\n".join(lines)))
    if found["outcome"]:
        figures = yaml.safe_dump(found["outcome"], sort_keys=False, allow_unicode=True, width=100)
        parts.append(folded(words["figures"], f"```yaml\n{figures}```"))
    parts.append(xray(name, found, words) if found["records"] else words["nothing"])
    return parts


def xray(step: str, found: Json, words: dict[str, str]) -> str:
    """What was recorded of a step as a table in HTML, in phases; each record has an anchor."""
    shown, total = len(found["records"]), found["total"]
    title = words["xray_all" if shown == total else "xray"].format(shown=shown, total=total)
    rows, phase = [], None
    for each in found["records"]:
        if each["phase"] != phase:
            phase = each["phase"]
            rows.append(f'<tr class="phase"><th colspan="3" scope="rowgroup">{visible(phase)}</th></tr>')
        ways = " → ".join(f'<b class="{way}">{way}</b>' for way in dict.fromkeys([each["from"], each["to"]]))
        does = f"<code>{visible(each['does'])}</code>" if each["does"] else ""
        rows.append(
            f'<tr id="{step}-{each["n"]}"><td class="at">{each["us"] / 1000:.1f}</td><td class="way">{ways}</td>'
            f"<td>{visible(each['says'])}{does}</td></tr>"
        )
    head = "".join(f'<th scope="col">{words[each]}</th>' for each in ("ms", "way", "says"))
    left = re.sub(r"`(.+?)`", r"<code>\1</code>", escape(words["left"]))
    note = f"<p>{left}</p>" if shown < total else ""
    return (
        f'<details class="xray"><summary>{title}</summary>{note}'
        f'<table class="xray"><thead><tr>{head}</tr></thead><tbody>' + "".join(rows) + "</tbody></table></details>"
    )


def visible(text: str) -> str:
    """For HTML, on one line, with a dot for what has no letter."""
    return escape("".join(each if each.isprintable() else "·" for each in text))


def _proved(text: str, recorded: Json) -> str:
    """Claims lead to the record that they speak of, if one is on the page."""

    def link(match: re.Match[str]) -> str:
        words, claim = match.groups()
        at = recorded["claims"].get(claim, {})
        rows = {each["n"] for each in recorded["steps"].get(at.get("step"), {}).get("records", [])}
        return f"[{words}](#{at['step']}-{at['at']}){{ .claim }}" if at.get("at") in rows else words

    return _CLAIM.sub(link, text)
