"""What pyproject.toml asks for is what the pinned requirements give, and the wheel carries what is not Python."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.static.repository import ROOT, SRC, below

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
EXTRAS = [Requirement(text) for texts in PROJECT["project"]["optional-dependencies"].values() for text in texts]
DEVELOPMENT = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]
DOCS = [Requirement(text) for text in PROJECT["dependency-groups"]["docs"]]


def pins(name: str) -> dict[str, Version]:
    """Package -> version of a requirements file.

    Raises:
        AssertionError: a pin has no hash.
    """
    found = {}
    for block in re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip()):
        package, version = re.match(r"([\w.-]+)==(\S+)", block).groups()  # type: ignore[union-attr]
        assert "--hash=sha256:" in block, f"{name}: {package} has no hash"
        found[package] = Version(version)
    return found


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("requirements.txt", [*RUNTIME, *EXTRAS]),
        ("requirements-dev.txt", [*RUNTIME, *EXTRAS, *DEVELOPMENT]),
        ("requirements-docs.txt", DOCS),
    ],
)
def test_pins_fit_the_project(name: str, wanted: list[Requirement]) -> None:
    pinned = pins(name)
    unmet = [
        str(need)
        for need in wanted
        if (version := pinned.get(need.name)) is None or not need.specifier.contains(version, prereleases=True)
    ]
    assert unmet == [], "run make lock"


def test_running_and_developing_use_the_same_versions() -> None:
    runtime, development = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {package: version for package, version in runtime.items() if development.get(package) != version} == {}


def test_setup_installs_the_same_uv_as_lock_uses() -> None:
    assert pins("scripts/requirements-uv.txt")["uv"] == pins("requirements-dev.txt")["uv"]


def test_wheel_carries_every_file_of_the_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    every = ["", ".py", ".lua", ".yml", ".yaml", ".json", ".mako", ".ini", ".html", ".css", ".js", ".typed"]
    wanted = {f"umbel/{path.relative_to(SRC).as_posix()}" for path in below("src/umbel", *every)}
    assert wanted - carried == set()
