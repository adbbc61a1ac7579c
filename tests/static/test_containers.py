"""Dockerfile and compose.yaml, as far as they can be read: what they name exists. scripts/compose-smoke runs them."""

import re
from typing import Any

import pytest
import yaml

from scripts import render_reference
from tests.static.repository import ROOT
from umbel import __version__

COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
LASTING = [name for name in SERVICES if name != "migrate"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
CHOICES = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE))


def commands_of(service: dict[str, Any]) -> list[list[str]]:
    """The `umbel` commands of a service."""
    found = [["umbel", *service["command"]]] if "entrypoint" not in service and "build" in service else []
    asked = service.get("healthcheck", {}).get("test", [])
    return found + ([asked[1:]] if asked[1:2] == ["umbel"] else [])


def unknown(words: list[str]) -> list[str]:
    """What this version's `umbel` does not know of a command; behind `umbel worker` everything is Celery's."""
    name, command = max(
        ((name, each) for name, each in render_reference.commands() if f"{' '.join(words)} ".startswith(f"{name} ")),
        key=lambda found: len(found[0]),
    )
    if hasattr(command, "commands"):
        return [f"there is no {' '.join(words)}"]
    options = {option for param in command.params for option in param.opts}
    return [] if name == "umbel worker" else [each for each in words if each.startswith("-") and each not in options]


def tagged(image: str) -> bool:
    """Whether an image names a version."""
    return ":" in image and not image.endswith(":latest")


@pytest.mark.parametrize("name", SERVICES)
def test_services_name_settings_and_commands_that_exist(name: str) -> None:
    service = SERVICES[name]
    environment = [each for each in service.get("environment", {}) if each.startswith("UMBEL_")]
    assert set(environment) - set(render_reference.setting_names()) == set()
    assert [unknown(words) for words in commands_of(service)] == [[] for _ in commands_of(service)]


def test_nothing_but_the_server_is_published_and_that_on_this_machine() -> None:
    published = {name: port for name, service in SERVICES.items() for port in service.get("ports", [])}
    assert published == {"server": "127.0.0.1:${PORT:-8000}:8000"}


@pytest.mark.parametrize("name", LASTING)
def test_services_come_back_and_say_whether_they_are_well(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    # The standing default, ten seconds, is what Docker gives who says nothing.
    assert service["stop_grace_period"]
    assert service["deploy"]["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", OURS)
def test_our_services_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["init"] is True
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's, which is not root


def test_a_worker_has_no_way_into_the_history() -> None:
    assert not {"PGPASSWORD", "UMBEL_DATABASE_URL"} & set(SERVICES["worker"]["environment"])


def test_the_state_store_keeps_what_it_has() -> None:
    command = " ".join(SERVICES["valkey"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert SERVICES["valkey"]["volumes"]


def test_every_choice_is_in_the_example_with_its_default() -> None:
    told = dict(re.findall(r"^#? ?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    known = {name: default for name, default in CHOICES.items() if name != "BUILD_NETWORK"}  # the smoke test's
    assert set(told) - {"COMPOSE_PROFILES"} == set(known)
    active = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert active == {name: known[name] for name in active}
    assert [name for name in known if name.startswith("UMBEL_")] == []


def test_images_name_their_versions_and_have_stand_ins() -> None:
    foreign = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    assert [image for image in foreign if not tagged(image)] == []
    smoke = (ROOT / "scripts" / "compose-smoke").read_text(encoding="utf-8")
    assert [image for image in foreign if f"={image}" not in smoke] == []
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)
    assert f"BASE={base}\n" in smoke


def test_dockerfile_pulls_nothing_but_the_base_image() -> None:
    assert not re.search(r"^#\s*syntax\s*=", DOCKERFILE, re.MULTILINE)
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", DOCKERFILE, re.MULTILINE))
    used = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) + re.findall(r"--from=(\S+)", DOCKERFILE)
    assert set(used) - stages == {"${PYTHON_IMAGE}"}


def test_dockerfile_copies_what_the_context_has() -> None:
    context = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    }
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert [each for each in copied if not (ROOT / each).exists()] == []
    assert [each for each in copied if not any(f"{each}/".startswith(f"{kept}/") for kept in context)] == []


def test_label_of_the_image_is_this_version() -> None:
    assert f"\nARG VERSION={__version__}\n" in DOCKERFILE
