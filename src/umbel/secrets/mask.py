"""Texts without the secrets in them: whole ones, and such as come in pieces."""

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

LEAST: Final = 4
"""Characters of a value that is masked. Shorter ones stand in every other line by chance."""
LEAST_LINE: Final = 8
"""Characters of one line of a value with several (a private key) that is masked by itself."""
SHOWN: Final = "***"

_HEX: Final = re.compile(r"%[0-9A-F]{2}")


class Mask:
    """Puts `***` for secrets: as they are, and as JSON, Python's `repr`, URLs and base64 write them.

    What is shorter than four characters, true, false and null are not masked. Not thread safe while values are added.
    """

    def __init__(self, *values: Any) -> None:
        self._forms: set[str] = set()
        self._scalars: set[Any] = set()
        self._found: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def __bool__(self) -> bool:
        return bool(self._scalars)

    @property
    def forms(self) -> frozenset[str]:
        """Every text that is masked."""
        return frozenset(self._forms)

    def add(self, value: Any) -> None:
        """Mask this JSON value from now on; of a list or an object, each value in it."""
        for each in _leaves(value):
            self._scalars.add((type(each), each))
            text = each if isinstance(each, str) else json.dumps(each)
            if len(text) >= LEAST:
                self._forms.update(form for form in _forms(text) if len(form) >= LEAST)
                self._found = None

    def text(self, text: str) -> str:
        """`text` with `***` for each secret in it."""
        found = self.pattern()
        return found.sub(SHOWN, text) if found is not None else text

    def hits(self, value: Any) -> bool:
        """Whether a text holds a secret, or a number is one; or the value is a secret too short to be masked."""
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            return False
        if (type(value), value) in self._scalars:
            return True
        found = self.pattern()
        text = value if isinstance(value, str) else json.dumps(value)
        return found is not None and found.search(text) is not None

    def value(self, value: Any) -> Any:
        """A JSON value, for people only: all texts and keys in it masked."""
        match value:
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case int() | float():
                return SHOWN if self.hits(value) else value
            case Mapping():
                return {self.text(str(name)): self.value(each) for name, each in value.items()}
            case list() | tuple():
                return [self.value(each) for each in value]
        return value

    def pattern(self) -> re.Pattern[str] | None:
        """What finds the secrets in a text, the longest first; None if there are none."""
        if self._found is None and self._forms:
            longest = sorted(self._forms, key=lambda form: (-len(form), form))
            self._found = re.compile("|".join(map(re.escape, longest)))
        return self._found


class Sieve:
    """Masks a text that comes in pieces: what may be the beginning of a secret is held back until that is clear."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be said of the text so far."""
        pattern = self._mask.pattern()
        if pattern is None:
            return text
        text, self._held = self._held + text, ""
        done = 0
        for match in pattern.finditer(text):
            done = match.end()
        keep = _begun(text[done:], self._mask.forms)
        if keep:
            text, self._held = text[:-keep], text[-keep:]
        return pattern.sub(SHOWN, text)

    def rest(self) -> str:
        """What was held back, since nothing more comes."""
        text, self._held = self._held, ""
        return text


def _begun(text: str, forms: frozenset[str]) -> int:
    """How many characters at the end of a text are the beginning of a secret."""
    starts = {form[0] for form in forms}
    longest = max(map(len, forms)) - 1
    for place in range(max(0, len(text) - longest), len(text)):
        if text[place] in starts:
            end = text[place:]
            if any(form.startswith(end) and form != end for form in forms):
                return len(end)
    return 0


def _leaves(value: Any) -> Iterator[Any]:
    match value:
        case bool() | None | "":
            return
        case str() | int() | float():
            yield value
        case Mapping():
            for each in value.values():
                yield from _leaves(each)
        case list() | tuple():
            for each in value:
                yield from _leaves(each)


def _forms(text: str) -> Iterator[str]:
    once = set(_quoted(text))
    yield from once
    for form in once:
        yield from _quoted(form)  # JSON in JSON, a text with JSON in a `repr`
    yield json.dumps(text)[1:-1].replace("/", "\\/")
    yield html.escape(text)
    data = text.encode(errors="surrogatepass")
    yield repr(data)[2:-1]
    for form in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield form
        yield _HEX.sub(lambda found: found[0].lower(), form)
    lines = text.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= LEAST_LINE)
    if len(data) >= LEAST_LINE:
        yield from _in_base64(data)


def _quoted(text: str) -> Iterator[str]:
    """As JSON and Python write a text between quotes. Which quotes `repr` takes depends on what else stands there."""
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield repr(f"'\"{text}")[4:-1]
    yield ascii(text)[1:-1]


def _in_base64(data: bytes) -> Iterator[str]:
    """The letters that base64 has for the data wherever it begins: `name:password` is written so in HTTP headers.

    At an end that is not a whole group the last letter depends on what comes next, so it is left out.
    """
    for before in range(3):
        letters = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        start = (0, 2, 3)[before]
        end = (before + len(data)) * 8 // 6
        yield letters[start:end]
        yield letters[start:end].replace("+", "-").replace("/", "_")
