"""The embedded Valkey as `run_stack` starts it, and what refuses to start."""

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import redis

from umbel.engine.engine import Engine
from umbel.errors import StackError
from umbel.settings import load_settings
from umbel.stack import StackOptions, demo_options, run_stack
from umbel.stack.probes import worker_beats
from umbel.stack.process import Process


@pytest.fixture
def options(tmp_path: Path) -> StackOptions:
    return StackOptions(project=tmp_path, data=tmp_path / "data", port=0, start=frozenset())


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refused(options: StackOptions) -> StackError:
    with pytest.raises(StackError) as caught, run_stack(options, lambda line: None):
        raise AssertionError("it started")
    return caught.value


def test_valkey_keeps_its_data_and_listens_on_loopback_only(options: StackOptions) -> None:
    with run_stack(options) as stack, redis.Redis.from_url(stack.urls.state, decode_responses=True) as client:
        wanted = {
            "appendonly": "yes", "appendfsync": "everysec", "save": "", "databases": "16", "bind": "127.0.0.1",
            "maxmemory-policy": "noeviction", "protected-mode": "yes", "dir": str(options.data.resolve() / "valkey"),
        }  # fmt: skip
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        client.set("kept", "yes")
        assert list(stack.pids) == ["valkey"]
    with run_stack(options) as stack, redis.Redis.from_url(stack.urls.state, decode_responses=True) as client:
        assert client.get("kept") == "yes"


def test_the_same_data_twice_is_refused_also_within_a_process(options: StackOptions) -> None:
    with run_stack(options):
        assert "is in use by process" in str(refused(options))


def test_an_exception_in_the_block_ends_the_stack(options: StackOptions) -> None:
    urls = []

    def block() -> None:
        with run_stack(options) as stack:
            urls.append(stack.urls.state)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    with redis.Redis.from_url(urls[0]) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_a_folder_that_cannot_be_written(options: StackOptions, tmp_path: Path) -> None:
    # A path under a file: unlike a read-only folder, it stops root as well.
    (tmp_path / "file").touch()
    error = refused(replace(options, data=tmp_path / "file" / "sub"))
    assert str(error) == f"cannot write to the data folder {tmp_path}/file/sub: Not a directory"
    assert "--data" in error.hint


def test_a_project_that_is_not_there(options: StackOptions, tmp_path: Path) -> None:
    assert str(refused(replace(options, project=tmp_path / "no"))) == f"there is no folder {tmp_path}/no"


def test_a_taken_port_names_the_flag(options: StackOptions, taken: int) -> None:
    error = refused(replace(options, port=taken, start=frozenset({"server"})))
    assert str(error) == f"port {taken} is taken by another program"
    assert "--port" in error.hint
    error = refused(replace(options, model=True, model_port=taken))
    assert "--model-port" in error.hint


def test_a_corrupt_append_only_file_is_said_and_leaves_nothing(options: StackOptions) -> None:
    with run_stack(options) as stack, redis.Redis.from_url(stack.urls.state) as client:
        client.set("a", "b")
    manifest = options.data / "valkey" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("nonsense")
    assert str(refused(options)).startswith("valkey exited with status 1 before it was ready: ")
    manifest.unlink()


def test_no_valkey_is_started_when_both_urls_are_given(options: StackOptions) -> None:
    with run_stack(options) as embedded:
        given = replace(
            options,
            data=options.data.with_name("other"),
            broker_url=embedded.urls.broker,
            state_url=embedded.urls.state,
        )
        with run_stack(given) as stack:
            assert stack.pids == {}
            assert stack.urls.broker == embedded.urls.broker


def test_the_demo_parts_that_need_no_project(tmp_path: Path) -> None:
    said: list[str] = []
    options = replace(demo_options(port=0, data=tmp_path / "data"), start=frozenset())
    with run_stack(options, said.append) as stack:
        assert said == [f"model service: {stack.urls.model}"]
        with urllib.request.urlopen(f"{stack.urls.model}/health") as answer:
            assert answer.status == 200
        assert options.project.joinpath("workflows.yml").is_file()


def test_a_worker_is_ready_with_its_own_first_beat(options: StackOptions) -> None:
    process = cast("Process", SimpleNamespace(pid=4711))
    with run_stack(options) as stack, closing(Engine.open(load_settings(state_url=stack.urls.state))) as engine:
        ready = worker_beats(stack.urls.state)
        engine.beat(0, "celery@other", {"pid": 1})
        assert not ready(process)
        engine.beat(0, "celery@here", {"pid": process.pid})
        assert ready(process)
    assert not ready(process)
