"""What must never stand in this repository. ruff knows some of it; this list is ours and has no `noqa`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.static.repository import GENERATED, ROOT, below, files, imports, name, tree

UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve"}
UNSAFE_CALLS = {
    "eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.full_load_all", "yaml.unsafe_load",
    "yaml.unsafe_load_all",
}  # fmt: skip
UNSAFE_WEB = re.compile(r"dangerouslySetInnerHTML|\beval\(|\bnew Function\(|\.innerHTML\s*=")

MACHINE_PATHS = re.compile(r"(?<![\w.:/}~-])/(?:work|root|home|Users|tmp)/\w+")
# docker.io without a path is the name of a Debian package.
REGISTRY_HOSTS = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|crates\.io|proxy\.golang\.org|rubygems\.org"
    r"|deb\.debian\.org|archive\.ubuntu\.com|docker\.io(?=/)|ghcr\.io|quay\.io)\b"
)


def dotted(node: ast.expr) -> str:
    """`a.b.c` as written, or nothing for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (left := dotted(node.value)):
        return f"{left}.{node.attr}"
    return ""


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Every call in a Python file with the full dotted name of what is called, imports resolved."""
    full = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            full |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and (called := dotted(node.func)):
            first, dot, rest = called.partition(".")
            yield node, full.get(first, first) + dot + rest


def test_source_runs_no_text_and_unpacks_no_objects() -> None:
    found = []
    for path in below("src", ".py"):
        found += [f"{name(path)}:{line}: import of {module}" for line, module in imports(path)
                  if module.partition(".")[0] in UNSAFE_MODULES]  # fmt: skip
        for call, called in calls(path):
            if called in UNSAFE_CALLS:
                found.append(f"{name(path)}:{call.lineno}: {called}()")
            if any(word.arg == "shell" and getattr(word.value, "value", True) is not False for word in call.keywords):
                found.append(f"{name(path)}:{call.lineno}: a shell")
    assert found == []


def test_web_pages_write_no_html_by_hand() -> None:
    pages = [
        *below("src", ".html", ".js", ".ts", ".tsx", ".jsx"),
        *below("ui", ".html", ".js", ".ts", ".tsx", ".jsx"),
    ]
    assert [name(path) for path in pages if UNSAFE_WEB.search(path.read_text(encoding="utf-8"))] == []


def test_no_text_names_a_machine_or_a_registry() -> None:
    found = []
    for path in files():
        if name(path) in GENERATED:
            assert not REGISTRY_HOSTS.search(path.read_text(encoding="utf-8")), name(path)
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for pattern in (MACHINE_PATHS, REGISTRY_HOSTS):
                if match := pattern.search(line):
                    found.append(f"{name(path)}:{number}: {match.group()}")
    assert found == []


def sleeps(path: Path) -> Iterator[str]:
    for call, called in calls(path):
        if called.rpartition(".")[2] != "sleep" or called.partition(".")[0] not in {
            "time",
            "asyncio",
            "anyio",
            "gevent",
        }:
            continue
        if call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0:
            continue  # gives way to others, waits for nothing
        yield f"{name(path)}:{call.lineno}: {called}()"


def may_sleep(path: Path) -> bool:
    """Chaos, the one helper that polls, and bodies of test tasks (files named tasks), where it is work."""
    place = path.relative_to(ROOT / "tests")
    return (
        place.parts[0] in {"chaos", "waiting.py"}
        or "tasks" in place.parts
        or path.stem.endswith("tasks")
    )  # fmt: skip


def test_tests_wait_for_conditions_not_for_time() -> None:
    found = [line for path in below("tests", ".py") if not may_sleep(path) for line in sleeps(path)]
    assert found == [], "use tests.waiting.wait_until"
