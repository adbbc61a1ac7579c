"""Handles on runs, over real HTTP: what is asked, what comes back, what is raised."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import chain, signature

import umbel
from tests.fake_server import RUN_ID, Fake, fake_server, run, task
from umbel import defined
from umbel.errors import BadRequest, RunFailed, ServerUnavailable
from umbel.settings import get_settings

RUN = f"GET /api/v1/runs/{RUN_ID}"
CANVAS = chain(signature("a", (1,)), signature("b"))
JSON = {
    "task": "celery.chain",
    "args": [],
    "kwargs": {
        "tasks": [
            {"task": "a", "args": [1], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False},
            {"task": "b", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False},
        ]
    },
    "options": {},
    "subtask_type": "chain",
    "immutable": False,
}
FAILED = run(
    state="error",
    status="error",
    failed_task="TASK_B",
    error="no",
    tasks=[
        task("TASK_A", 0, []),
        task("TASK_B", 1, [], state="error", error={"type": "ValueError", "message": "no", "traceback": "Traceback"}),
    ],
)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    with fake_server() as fake:
        monkeypatch.setenv("UMBEL_URL", fake.url)
        monkeypatch.setenv("UMBEL_TOKEN", "secret")
        get_settings.cache_clear()
        yield fake
    get_settings.cache_clear()


def test_submit_sends_names_and_arguments_and_returns_a_handle(fake: Fake) -> None:
    fake.on("POST /api/v1/runs", run(), status=201)
    handle = umbel.submit(CANVAS, name="my.RUN", comment="why", idempotency_key="k")
    assert handle.id == RUN_ID
    asked = fake.asked[0]
    assert asked.body == {"canvas": JSON, "name": "my.RUN", "comment": "why"}
    assert (asked.headers["Authorization"], asked.headers["Idempotency-Key"]) == ("Bearer secret", "k")
    fake.on(RUN, run(state="running", status="progress"), run(state="success", status="success", result=[1]))
    assert (handle.state, handle.status, handle.result) == ("running", "success", [1])
    assert [each.key for each in handle.tasks][:2] == ["TASK_A", "TASK_B"]
    fake.on(f"POST /api/v1/runs/{RUN_ID}/cancel", run())
    handle.cancel()


def test_get_waits_for_the_result(fake: Fake) -> None:
    fake.on("POST /api/v1/runs", run(), status=201)
    fake.on(f"{RUN}/wait?timeout=50.0", run(), run(state="success", status="success", result={"x": 1}))
    assert umbel.submit(CANVAS).get() == {"x": 1}


def test_get_raises_with_the_tasks_own_error(fake: Fake) -> None:
    fake.on("POST /api/v1/runs", run(), status=201)
    fake.on(f"{RUN}/wait?timeout=50.0", FAILED)
    with pytest.raises(RunFailed, match="failed: TASK_B: no") as caught:
        umbel.submit(CANVAS).get()
    error = caught.value
    assert (error.run_id, error.state, error.task) == (RUN_ID, "error", "TASK_B")
    assert (error.type, error.message, error.traceback) == ("ValueError", "no", "Traceback")


def test_get_raises_for_a_canceled_run(fake: Fake) -> None:
    fake.on("POST /api/v1/runs", run(), status=201)
    fake.on(f"{RUN}/wait?timeout=50.0", run(state="canceled", status="canceled"))
    with pytest.raises(RunFailed, match="was canceled") as caught:
        umbel.submit(CANVAS).get()
    assert (caught.value.state, caught.value.task, caught.value.type) == ("canceled", None, None)


def test_get_raises_when_the_time_is_over(fake: Fake) -> None:
    fake.on("POST /api/v1/runs", run(), status=201)
    fake.on(f"{RUN}/wait?timeout=0.0", run())
    with pytest.raises(TimeoutError, match="has not ended within 0 seconds; it is pending"):
        umbel.submit(CANVAS).get(timeout=0)


def test_the_same_on_asyncio(fake: Fake) -> None:
    fake.on("POST /api/v1/runs", run(), status=201)
    fake.on(f"{RUN}/wait?timeout=50.0", run(), run(state="success", status="success", result=2), FAILED)
    fake.on(RUN, run(state="success", status="success", result=2))
    fake.on(f"POST /api/v1/runs/{RUN_ID}/cancel", run())

    async def program() -> None:
        handle = await umbel.asubmit(CANVAS, name="my.RUN")
        assert await handle.get() == 2
        assert (await handle.state(), await handle.status(), await handle.result()) == ("success", "success", 2)
        assert len(await handle.tasks()) == 4
        with pytest.raises(RunFailed, match="TASK_B"):
            await handle.get()
        await handle.cancel()

    asyncio.run(program())
    assert fake.asked[0].body == {"canvas": JSON, "name": "my.RUN"}
    assert fake.asked[0].headers["Authorization"] == "Bearer secret"


def test_no_server_is_said_on_asyncio_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program() -> None:
        async with umbel.AsyncClient("http://127.0.0.1:1", "") as client:
            await client.get_run(RUN_ID)

    with pytest.raises(ServerUnavailable, match="No answer"):
        asyncio.run(program())


def test_define_asks_the_server_except_in_a_projects_tasks(fake: Fake) -> None:
    fake.on("PUT /api/v1/definitions/my.CANVAS", {"name": "my.CANVAS"})
    umbel.define("my.CANVAS", CANVAS)
    assert fake.asked[0].body == {"canvas": JSON}
    with defined.collecting():
        umbel.define("my.OWN", CANVAS)
    assert defined.DEFINED.pop("my.OWN") == JSON
    assert len(fake.asked) == 1
    with pytest.raises(BadRequest, match="str is no Celery canvas"):
        umbel.define("my.OWN", "a")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_has_no_form_for_is_told_before_the_server_is_asked(fake: Fake, number: float) -> None:
    for canvas in ({**CANVAS, "args": [number]}, {**CANVAS, "options": {"countdown": number}}):
        with pytest.raises(BadRequest, match=f"The canvas holds {number}, which JSON has no form for"):
            umbel.submit(canvas)
    assert fake.asked == []


def test_a_projects_tasks_define(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "own.py").write_text(
        "import umbel\nfrom celery import chain\n\n\n@umbel.task(name='a')\ndef a(x): ...\n\n\n"
        "umbel.define('own.CHAIN', chain(a.s(1), a.s()))\n"
    )
    program = (
        "import sys; from pathlib import Path; from umbel.celery.app import make_app\n"
        "from umbel.celery.project import task_names; from umbel.service.catalog import Definitions\n"
        "from umbel.settings import load_settings; home = Path(sys.argv[1])\n"
        "found = Definitions(home, task_names(home, make_app(load_settings(home=home))))\n"
        "print([node.key for node in found.get('own.CHAIN')[1].nodes])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("['a', 'a#2']", 0), done.stderr


def test_it_needs_neither_celery_nor_kombu() -> None:
    program = (
        "import sys\nsys.modules['celery'] = sys.modules['kombu'] = None\n"
        "import umbel\nfrom umbel.client.canvas import plain\n"
        "assert plain({'task': 'a', 'args': (b'x',)})['args'][0]['__type__'] == 'base64'\n"
        "umbel.submit, umbel.asubmit, umbel.define, umbel.AsyncClient"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
