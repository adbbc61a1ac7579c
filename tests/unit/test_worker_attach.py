"""`umbel worker -A`: which app is meant, and what must be right about it."""

import logging
from pathlib import Path

import pytest

from umbel.celery.attach import find, take_app
from umbel.errors import SettingsError
from umbel.settings import load_settings

APPS = """
from celery import Celery
no_app = 7
own = Celery("own", broker="redis://user:secret@localhost:6379/5")
own.conf.task_default_queue = "mine"
fits = Celery("fits", broker="redis://localhost:6379/0")
open_ = Celery("open", broker="redis://localhost:6379/0")
open_.conf.accept_content = ["json", "pickle"]
deaf = Celery()
deaf.conf.accept_content = ["pickle"]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "attached.py").write_text(APPS)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["-c", "2"], (None, ["-c", "2"])),
        (["-A", "a:b", "-c", "2"], ("a:b", ["-c", "2"])),
        (["-c", "2", "--app", "a:b"], ("a:b", ["-c", "2"])),
        (["--app=a:b"], ("a:b", [])),
        (["-Aa:b", "-P", "solo"], ("a:b", ["-P", "solo"])),
    ],
)
def test_the_app_is_taken_out_of_celerys_options(argv: list[str], found: tuple[str | None, list[str]]) -> None:
    assert take_app(argv) == found


def test_an_app_without_a_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="--app needs the name of an app"):
        take_app(["--app"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing_here:app", "The app nothing_here:app cannot be imported: ModuleNotFoundError"),
        ("attached:missing", "The app attached:missing cannot be imported: "),
        ("attached:no_app", "attached:no_app is no Celery app, but a int"),
        ("attached:deaf", "The app attached:deaf does not accept JSON"),
    ],
)
def test_what_cannot_be_attached(name: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        find(name, load_settings())


def test_an_app_keeps_its_broker_and_says_where_it_is_another(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "umbel"):
        app = find("attached:own", load_settings())
    assert app.conf.broker_url == "redis://user:secret@localhost:6379/5"
    assert "UMBEL_BROKER_URL must be that" in caplog.text
    assert "UMBEL_DEFAULT_QUEUE must be that" in caplog.text
    assert "secret" not in caplog.text
    caplog.clear()
    find("attached:fits", load_settings())
    assert not caplog.text
    find("attached:open_", load_settings())
    assert "accepts pickle" in caplog.text
