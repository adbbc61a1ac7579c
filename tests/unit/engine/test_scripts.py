"""The scripts and what is said about them: headers, typed calls, words, the reference's signatures."""

import inspect
import re
from pathlib import Path

import pytest

from umbel.engine import calls, keys, scripts
from umbel.engine.engine import Engine
from umbel.engine.reference import Reference
from umbel.engine.scripts import SCRIPTS, Script
from umbel.machine import Code, EventType, Verb

LUA = Path(scripts.__file__).with_name("lua")
KINDS = {kind.name for kind in keys.KINDS}
every_script = pytest.mark.parametrize("script", SCRIPTS.values(), ids=lambda script: script.verb.value)


def own(script: Script) -> str:
    """The verb's own lines, without its header and what it includes."""
    return re.sub(r"(?m)^-- .*$", "", (LUA / f"{script.verb.value}.lua").read_text())


def test_one_script_per_verb_and_no_other() -> None:
    assert {path.stem for path in LUA.glob("*.lua")} == {verb.value for verb in Verb}


def test_the_typed_calls_are_those_of_the_headers() -> None:
    """If this fails: python -m umbel.engine.scripts."""
    assert Path(calls.__file__).read_text() == scripts.generate()


@every_script
def test_events(script: Script) -> None:
    assert set(script.events) <= {event.value for event in EventType}
    assert set(re.findall(r"emit\(run, '([^']+)'", own(script))) <= set(script.events)
    assert {event for event in script.events if f"'{event}'" not in script.text} == set()


@every_script
def test_codes(script: Script) -> None:
    declared = {code for code, _ in script.returns}
    assert declared <= {code.value for code in Code}
    assert set(re.findall(r"return \{'(\w+)'", own(script))) <= declared
    assert {code for code in declared if f"'{code}'" not in script.text} == set()


@every_script
def test_keys(script: Script) -> None:
    """Each kind that a verb touches itself is in its header; each in its header is a kind with an owner (U-12)."""
    assert set(script.keys) <= KINDS
    used = set(re.findall(r"key\('(\w+)'", own(script)))
    assert used <= set(script.keys) | {"clock"}
    assert {kind for kind in script.keys if f"key('{kind}'" not in script.text} == set()


@every_script
def test_arguments_are_unpacked_in_the_order_of_the_header(script: Script) -> None:
    match = re.search(r"(?m)^local ([\w, ]+) = (?:unpack\(ARGV\)|.*ARGV\[1\].*)$", own(script))
    assert match
    names = [name.strip().removesuffix("_id").removesuffix("_items") for name in match[1].split(",")]
    declared = [name.removesuffix("_id") for name, _ in script.args]
    assert names == declared


def test_every_code_is_some_scripts_answer() -> None:
    answered = {code for script in SCRIPTS.values() for code, _ in script.returns}
    assert {code.value for code in Code} - answered == set()


def test_every_event_is_told_by_some_script() -> None:
    assert {event.value for event in EventType} == {event for script in SCRIPTS.values() for event in script.events}


def test_the_portions_of_plans_are_those_of_the_scripts() -> None:
    found = re.search(r"local CHUNK = (\d+)", (LUA / "include/run.lua").read_text())
    assert found
    assert int(found[1]) == keys.CHUNK


def test_a_header_that_lacks_a_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "_read", lambda name: "-- claim: what\n-- args:\n")
    with pytest.raises(ValueError, match="header lacks events, holds, keys, returns"):
        scripts.load(Verb.CLAIM)


LOOKS = ("measure", "newest_event", "now", "released", "require_room", "set_trace", "trail", "waiting")
"""What looks at a store, or notes something for a look, and is no part of the state machine."""


def test_the_reference_has_the_engines_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: [str(parameter) for parameter in inspect.signature(member).parameters.values()]
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    engine, reference = methods(Engine), methods(Reference)
    for name in LOOKS:
        del engine[name]
    assert {name: reference.get(name) for name in engine} == engine
