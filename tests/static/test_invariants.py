"""Each promise U-1 to U-12 that the source claims is proved by a test, and the reverse: by tags `[U-n]`.

A Lua verb names its promises in its `-- holds:` line; Python code that keeps one names it in a docstring.
A test names the promise it proves anywhere in its file.
"""

import re
from pathlib import Path

from tests.static.repository import below, name

TAG = re.compile(r"\[U-(\d+)\]")
PROMISES = range(1, 13)


def tags(paths: list[Path], *, only_holds: bool = False) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not only_holds or line.startswith("-- holds:"):
                for number in TAG.findall(line):
                    found.setdefault(int(number), set()).add(name(path))
    return found


def held() -> dict[int, set[str]]:
    by_lua = tags(below("src/umbel/engine/lua", ".lua"), only_holds=True)
    by_python = tags(below("src", ".py"))
    return {number: by_lua.get(number, set()) | by_python.get(number, set()) for number in {*by_lua, *by_python}}


def proved() -> dict[int, set[str]]:
    return tags([path for path in below("tests", ".py") if path != Path(__file__)])


def test_every_tag_is_a_promise() -> None:
    assert {number: where for number, where in {**held(), **proved()}.items() if number not in PROMISES} == {}


def test_what_the_source_holds_a_test_proves() -> None:
    assert {f"U-{number}": where for number, where in held().items() if number not in proved()} == {}


def test_what_a_test_proves_the_source_holds() -> None:
    assert {f"U-{number}": where for number, where in proved().items() if number not in held()} == {}
