"""Settings by celery-director's names, and `from director import task, config`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from umbel.errors import SettingsError
from umbel.settings import load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def test_director_names_stand_for_their_counterparts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "HOME": str(tmp_path),
        "BROKER_URI": "amqp://broker",
        "RESULT_BACKEND_URI": "redis://backend/4",
        "DATABASE_URI": "sqlite:////data/director.db",
        "AUTH_ENABLED": "True",
        "API_URL": "http://host:8123/api",
        "WORKFLOWS_PER_PAGE": "15",
        "DEFAULT_RETENTION_OFFSET": "7",
        "FLOWER_URL": "http://nobody",
    }.items():
        monkeypatch.setenv(f"DIRECTOR_{name}", value)
    found = load_settings()
    assert found.home == tmp_path
    assert found.broker_url == "amqp://broker"
    assert found.state_url == "redis://backend/4"
    assert found.database_url == "sqlite:////data/umbel.db"
    assert found.auth == "basic"
    assert found.url == "http://host:8123"
    assert found.workflows_per_page == 15
    assert found.retention_runs == 7


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("sqlite:///director.db", "sqlite:///umbel.db"),
        ("sqlite:///data/director.db?timeout=3", "sqlite:///data/umbel.db"),
        ("postgresql://me:pw@host/one", "postgresql://me:pw@host/one"),
        ("mysql+pymysql://host/one", "sqlite:///umbel.db"),
        ("", "sqlite:///umbel.db"),
    ],
)
def test_directors_own_tables_are_left_alone(monkeypatch: pytest.MonkeyPatch, uri: str, url: str) -> None:
    monkeypatch.setenv("DIRECTOR_DATABASE_URI", uri)
    assert load_settings().database_url == url


def test_results_in_a_database_say_nothing_of_the_state_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIRECTOR_RESULT_BACKEND_URI", "db+postgresql://host/results")
    assert load_settings().state_url == "redis://127.0.0.1:6379/1"


def test_own_names_win_and_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        'DIRECTOR_BROKER_URI="redis://file/0"\nDIRECTOR_AUTH_ENABLED = true\nUMBEL_LEASE=7\n'
        "DIRECTOR_RESULT_BACKEND_URI=redis://file/1\n"
    )
    monkeypatch.setenv("DIRECTOR_HOME", str(tmp_path))
    monkeypatch.setenv("DIRECTOR_RESULT_BACKEND_URI", "redis://environment/1")
    found = load_settings()
    assert (found.broker_url, found.state_url, found.lease) == ("redis://file/0", "redis://environment/1", 7)
    assert found.auth == "basic"
    monkeypatch.setenv("UMBEL_AUTH", "none")
    monkeypatch.setenv("UMBEL_BROKER_URL", "redis://own/0")
    assert load_settings(home=tmp_path).broker_url == "redis://own/0"
    assert load_settings().auth == "none"
    assert load_settings(broker_url="redis://flag/0").broker_url == "redis://flag/0"


def test_another_file_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "production.env").write_text("DIRECTOR_BROKER_URI=redis://production/0\n")
    monkeypatch.setenv("DIRECTOR_CONFIG", str(tmp_path / "production.env"))
    assert load_settings().broker_url == "redis://production/0"


def test_a_bad_value_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIRECTOR_AUTH_ENABLED", "perhaps")
    with pytest.raises(SettingsError, match=r"DIRECTOR_AUTH_ENABLED.*perhaps"):
        load_settings()


TASKS = """
import json, os
from director import config, task

@task(name="A", bind=True, max_retries=7, soft_time_limit=3)
def a(self, *args, **kwargs):
    return [self.name, self.max_retries, self.soft_time_limit, list(args)]

@task
def plain(*args): ...

class Told:
    try:
        config.NOT_THERE
    except AttributeError as error:
        text = str(error)

print(json.dumps([a(None), plain.name, config.MY_SETTING, config["MY_SETTING"], config.get("NOT_THERE"),
                  sorted(config), Told.text, os.environ["DIRECTOR_STATIC_FOLDER"]]))
"""
LOAD = (
    "import sys; from pathlib import Path; from umbel.celery.project import load_tasks; load_tasks(Path(sys.argv[1]))"
)


def load(home: Path) -> str:
    """What a project's tasks print while they are loaded, in a process of their own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIRECTOR_")}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(home)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "lab.py").write_text(TASKS)
    (tmp_path / ".env").write_text(
        "DIRECTOR_MY_SETTING=hello-from-env\nDIRECTOR_BROKER_URI=redis://nowhere/0\n"
        "DIRECTOR_STATIC_FOLDER=${DIRECTOR_HOME}/static\n"
    )
    return tmp_path


def test_tasks_import_what_director_offers(project: Path) -> None:
    (project / "director").mkdir()  # a folder without code is no package
    assert load(project) == (
        '[["A", 7, 3, [null]], "tasks.lab.plain", "hello-from-env", "hello-from-env", null,'
        ' ["HOME", "MY_SETTING", "STATIC_FOLDER"], "Config \'NOT_THERE\' not defined",'
        f' "{project}/static"]'
    )


def test_the_real_package_comes_first(project: Path) -> None:
    (project / "director.py").write_text("task = config = None\n")
    (project / "tasks" / "lab.py").write_text("from director import task\nprint(task)\n")
    assert load(project) == "None"
