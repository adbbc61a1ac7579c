"""From options to parts."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.test_webhooks import SECRET
from umbel.stack.options import StackOptions, demo_options, dev_options
from umbel.stack.parts import build
from umbel.stack.process import Part
from umbel.webhooks import Secrets


def built(options: StackOptions) -> dict[str, Part]:
    parts, _ = build(options, options.data.absolute(), 0)
    return {part.name: part for part in parts}


@pytest.fixture
def dev(tmp_path: Path) -> StackOptions:
    options = dev_options(tmp_path, port=0)
    options.data.mkdir()
    return options


def test_the_demo_has_all_parts_in_order(tmp_path: Path) -> None:
    options = demo_options(port=0, data=tmp_path, project=tmp_path)
    parts = built(options)
    assert list(parts) == ["model", "valkey", "server", "worker"]
    assert all(part.restart and part.vital for part in parts.values())


def test_the_parts_know_each_other(dev: StackOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UMBEL_PLAYGROUND", raising=False)
    monkeypatch.delenv("UMBEL_XRAY", raising=False)
    parts, urls = build(replace(dev, model=True, model_port=0, env={"EXTRA": "1"}), dev.data, 0)
    server = next(part for part in parts if part.name == "server")
    keys = {name: server.env[name] for name in ("UMBEL_SECRET_KEY", "UMBEL_WEBHOOK_SECRET")}
    assert server.env == {
        **keys,
        "PYTHONUNBUFFERED": "1",
        "UMBEL_HOME": str(dev.project),
        "UMBEL_URL": urls.server,
        "UMBEL_BROKER_URL": urls.broker,
        "UMBEL_STATE_URL": urls.state,
        "UMBEL_DATABASE_URL": f"sqlite:///{dev.data}/umbel.db",
        "UMBEL_MODEL_URL": urls.model,
        "UMBEL_PLAYGROUND": "true",
        "UMBEL_XRAY": "commands",
        "EXTRA": "1",
    }
    assert urls.broker.removesuffix("/0") == urls.state.removesuffix("/1")
    assert server.argv[-1] == urls.server.rpartition(":")[2]
    assert server.cwd == dev.project


def test_keys_are_made_once_for_their_owner_only(dev: StackOptions) -> None:
    first, second = built(dev)["server"].env, built(dev)["server"].env
    for name, file in (("UMBEL_SECRET_KEY", "secret.key"), ("UMBEL_WEBHOOK_SECRET", "webhook.secret")):
        assert first[name] == second[name] == (dev.data / file).read_text().strip()
        assert (dev.data / file).stat().st_mode & 0o777 == 0o600
    assert Secrets.parse(first["UMBEL_WEBHOOK_SECRET"])
    (dev.project / ".env").write_text(f"UMBEL_WEBHOOK_SECRET={SECRET}\n")
    assert built(dev)["server"].env["UMBEL_WEBHOOK_SECRET"] == SECRET


def test_dev_starts_only_what_is_not_given(dev: StackOptions) -> None:
    given = replace(dev, broker_url="redis://b", state_url="redis://s", database_url="postgresql://d")
    parts, urls = build(given, dev.data, 0)
    assert [part.name for part in parts] == ["server", "worker"]
    assert (urls.broker, urls.state, urls.database) == ("redis://b", "redis://s", "postgresql://d")
    assert list(built(replace(given, state_url=None))) == ["valkey", "server", "worker"]


def test_a_typo_does_not_end_dev(dev: StackOptions) -> None:
    assert {name: part.vital for name, part in built(dev).items()} == {
        "valkey": True, "server": False, "worker": False,
    }  # fmt: skip


def test_parts_that_stay_down(dev: StackOptions) -> None:
    assert not built(replace(dev, no_restart=frozenset({"worker"})))["worker"].restart


@pytest.mark.parametrize(
    ("port", "model_port", "expected"), [(8000, None, 9000), (0, None, 0), (0, 9100, 9100), (8000, 0, 0)]
)
def test_port_0_frees_the_model_port_too(port: int, model_port: int | None, expected: int) -> None:
    assert demo_options(port=port, model_port=model_port).model_port == expected
