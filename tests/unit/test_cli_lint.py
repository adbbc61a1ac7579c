"""`umbel lint`, `umbel graph` and `umbel init` on a project's files, without a server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.fake_server import RUN_ID, Fake, fake_server
from umbel.cli.init import contents
from umbel.cli.main import app
from umbel.cli.output import console
from umbel.definition.editor import editor_schema
from umbel.settings import get_settings

GOOD = "a.ONE: {tasks: [A, {G: {type: group, tasks: [B, C]}}]}\n"
BAD = """a.ONE:
  tasks: [A]
  retenton: 30d
a.TWO:
  tasks:
    - "日本": {type: gruop, tasks: [A]}
\t
a.THREE: {tasks: {x: {task: A, needs: [y, z]}, yy: {task: A}}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    get_settings.cache_clear()
    console.cache_clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UMBEL_URL", raising=False)
    yield tmp_path
    get_settings.cache_clear()
    console.cache_clear()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    with fake_server() as fake:
        monkeypatch.setenv("UMBEL_URL", fake.url)
        yield fake


def umbel(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == status, done.output
    assert "Traceback" not in done.output
    return done.output


def test_all_that_is_wrong_is_shown_with_its_line(here: Path) -> None:
    (here / "workflows.yml").write_text(BAD.replace("\t\n", ""))
    assert umbel("lint", status=1) == (
        "workflows.yml:3:3: warning: 'retenton' of a definition has no effect\n"
        "      retenton: 30d\n"
        "      ^^^^^^^^\n"
        "  hint: Did you mean 'retention'?\n"
        "workflows.yml:6:20: error: the block '日本' has an unknown `type`: the text 'gruop'\n"
        '        - "日本": {type: gruop, tasks: [A]}\n'
        "                         ^^^^^\n"
        "  hint: Did you mean 'group'?\n"
        "workflows.yml:7:40: error: 'x' needs 'y', which is not there\n"
        "    a.THREE: {tasks: {x: {task: A, needs: [y, z]}, yy: {task: A}}}\n"
        "                                           ^\n"
        "  hint: Did you mean 'yy'?\n"
        "workflows.yml:7:43: error: 'x' needs 'z', which is not there\n"
        "    a.THREE: {tasks: {x: {task: A, needs: [y, z]}, yy: {task: A}}}\n"
        "                                              ^\n"
        "  hint: `needs` names keys of `tasks`.\n"
        "\n3 errors, 1 warning; 1 definition can be used\n"
    )


def test_json_is_what_the_api_answers(here: Path) -> None:
    (here / "other.yml").write_text(BAD)
    found = json.loads(umbel("lint", "other.yml", "--json", status=1))
    assert found["ok"] is False
    assert {each["file"] for each in found["problems"]} == {"other.yml"}
    assert "excerpt" in found["problems"][0]


def test_warnings_alone_and_nothing_at_all(here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "workflows.yaml").write_text(GOOD + "a.TWO: {tasks: [A], foo: 1}\n")
    assert "0 errors, 1 warning; 2 definitions can be used" in umbel("lint", "sub")
    (here / "sub" / "workflows.yaml").write_text(GOOD)
    assert umbel("lint", "sub") == "sub/workflows.yaml: 1 definition, nothing is wrong\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "there is no workflows.yml"),
        (b"", "nothing is defined here"),
        (b"a.B: [\xff]", "1:7: error: not UTF-8"),
        (b"a.B:\n  tasks: [A\0]\n", "2:12: error: the character '\\x00'"),
        (b"a.B: " + b"x" * 5000 + b": y: z\n", "error: "),
        (b"\xef\xbb\xbfa.B: {taks: [A]}\n", "1:1: error: a.B has no `tasks`\n    a.B: {taks: [A]}\n    ^^^\n"),
    ],
)
def test_whatever_the_file_is(here: Path, data: bytes | None, said: str) -> None:
    if data is not None:
        (here / "workflows.yml").write_bytes(data)
    told = umbel("lint", status=1)
    assert said in told
    assert max(len(line) for line in told.splitlines()) < 300


def test_with_a_server_queues_are_compared(here: Path, fake: Fake) -> None:
    (here / "workflows.yml").write_text("a.B:\n  tasks: [A]\n  queue: gpuu\n")
    worker = {"name": "w", "alive": True, "last_seen": "2026-11-22T16:58:34Z", "queues": ["gpu"]}
    fake.on("GET /api/v1/workers", {"items": [worker]}, {"items": [{**worker, "alive": False}]})
    told = umbel("lint")
    assert "workflows.yml:2:11: warning: no worker listens on the queue 'gpuu'\n" in told
    assert "hint: Did you mean 'gpu'?" in told
    assert "nothing is wrong" in umbel("lint")
    fake.problem("GET /api/v1/workers", 503, "UMB-030", "The state store does not answer.")
    told = umbel("lint")
    assert "not checked: The state store does not answer." in told
    assert "nothing is wrong" in told


def test_graphs_of_local_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBEL_URL", "http://127.0.0.1:9")  # nobody listens there
    (here / "workflows.yml").write_text(GOOD)
    rows = "A\n  ↓\nB | C\n"
    assert umbel("graph", "a.ONE") == umbel("graph", "a.ONE", "--home", ".") == rows
    assert umbel("graph", "a.ONE", "--home", "workflows.yml", "-f", "mermaid").startswith("flowchart LR\n")
    assert umbel("graph", "a.ONE", "--format", "svg").startswith("<svg ")
    assert "There is no definition a.NO" in umbel("graph", "a.NO", "--home", ".", status=1)
    assert "There are ascii, mermaid, svg, canvas." in umbel("graph", "a.ONE", "--format", "png", status=1)


def test_graphs_from_the_server(fake: Fake) -> None:
    fake.on("GET /api/v1/definitions/a.ONE/graph?format=svg", {"format": "svg", "text": "<svg/>\n"})
    assert umbel("graph", "a.ONE", "--format", "svg") == "<svg/>\n"
    fake.on(f"GET /api/v1/runs/{RUN_ID}/graph", {"format": "ascii", "text": "A: success\n"})
    assert umbel("graph", RUN_ID) == "A: success\n"


def test_the_schema_is_printed() -> None:
    assert json.loads(umbel("definitions", "--schema")) == json.loads(json.dumps(editor_schema()))


def test_init_writes_a_project_and_touches_nothing_that_is_there(here: Path) -> None:
    (here / "shop").mkdir()
    (here / "shop" / "notes.txt").write_text("mine")
    told = umbel("init", "shop")
    assert "wrote shop/workflows.yml" in told
    assert "`umbel dev shop`" in told
    for name in contents():
        assert (here / "shop" / name).is_file()
    assert {".env", ".gitignore", "README.md", "tasks/shop.py", "tests/test_workflow.py"} < contents().keys()
    assert (here / "shop" / "notes.txt").read_text() == "mine"
    (here / "shop" / "workflows.yml").write_text("mine")
    (here / "shop" / "README.md").unlink()
    again = umbel("init", "shop", status=1)
    assert "workflows.yml" in again
    assert "README.md" not in again
    assert not (here / "shop" / "README.md").exists()
    assert (here / "shop" / "workflows.yml").read_text() == "mine"


def test_init_where_a_file_is_in_the_way(here: Path) -> None:
    (here / "shop").mkdir()
    (here / "shop" / "tasks").write_text("a file")
    assert "tasks/shop.py" in umbel("init", "shop", status=1)
    assert [path.name for path in (here / "shop").iterdir()] == ["tasks"]


def test_init_where_nothing_can_be_written_says_so_in_one_sentence(here: Path) -> None:
    (here / "file").write_text("")
    for place in ("/proc/nope", "file/below", "x" * 300):
        told = umbel("init", place, status=1)
        assert ("cannot be " in told, told.count("umbel: "), "hint:" in told) == (True, 1, True)


def test_a_canvas_is_explained(here: Path) -> None:
    (here / "canvas.py").write_text("from celery import chain\nchain(a.s(1), b.s().set(queue='slow'))\n")
    told = umbel("explain", "canvas.py")
    for line in ("chain(a.s(1), b.s().set(queue='slow'))", "a, about", "a: {task: a, call: {args: [1]}}"):
        assert line in told
    answer = json.loads(umbel("explain", "canvas.py", "--json"))
    assert answer["canvas"]["messages"][0]["chain"] == ["b"]
    (here / "canvas.py").write_text("chain(a.s(), open('x'))")
    assert "canvas.py:1:14: error: `open(...)` would be called" in umbel("explain", "canvas.py", status=1)
