"""deploy/kubernetes renders, and every object is one of Kubernetes' API, strictly: unknown fields fail.

Needs kubectl, which brings kustomize; without it all but the list of overlays is skipped.
"""

import json
import shutil
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from scripts import render_reference
from tests.static.repository import ROOT
from tests.static.test_containers import tagged, unknown

PLACE = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.parent.relative_to(PLACE).as_posix() for path in PLACE.rglob("kustomization.yaml"))
VERSIONS = sorted(path.stem for path in (PLACE.parents[1] / "tests/static/kubernetes").glob("*.json"))
BY_HAND = {"umbel-stores", "umbel-history"}
"""Secrets that an overlay or a person makes."""


@cache
def rendered(overlay: str) -> list[dict[str, Any]]:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("no kubectl")
    version = subprocess.run([program, "version", "--client", "--output", "json"], capture_output=True, text=True)
    if "kustomizeVersion" not in version.stdout:
        pytest.skip("kubectl is older than 1.24")
    done = subprocess.run([program, "kustomize", str(PLACE / overlay)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # where it warns of what is deprecated
    return list(yaml.safe_load_all(done.stdout))


@cache
def schema(version: str) -> dict[str, Any]:
    text = (ROOT / "tests" / "static" / "kubernetes" / f"{version}.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["$defs"])


def validator(thing: dict[str, Any], version: str) -> Draft202012Validator:
    """Of the thing's kind. Raises KeyError for a kind that is not in the file: scripts/kubernetes_schema.py."""
    group, _, number = thing["apiVersion"].rpartition("/")
    name = f"io.k8s.api.{group.partition('.')[0] or 'core'}.{number}.{thing['kind']}"
    assert name in schema(version), f"{name} is not in the file: scripts/kubernetes_schema.py"
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema(version)})


def pods(overlay: str) -> list[dict[str, Any]]:
    return [thing["spec"]["template"]["spec"] for thing in rendered(overlay) if "template" in thing.get("spec", {})]


def every_container(overlay: str) -> list[dict[str, Any]]:
    return [each for pod in pods(overlay) for each in (*pod.get("initContainers", []), *pod["containers"])]


def test_there_are_a_base_and_overlays() -> None:
    assert OVERLAYS == ["base", "overlays/autoscaling", "overlays/demo", "overlays/production"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_one_of_the_api(overlay: str, version: str) -> None:
    found = [
        f"{thing['kind']} {thing['metadata']['name']}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
        for thing in rendered(overlay)
        for error in validator(thing, version).iter_errors(thing)
    ]
    assert found == []
    names = [(thing["kind"], thing["metadata"]["name"]) for thing in rendered(overlay)]
    assert len(names) == len(set(names))


def test_unknown_fields_are_refused() -> None:
    thing = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"port": []}}
    assert [error.message for error in validator(thing, VERSIONS[0]).iter_errors(thing)]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_may_do_little(overlay: str) -> None:
    for pod in pods(overlay):
        # Of a Service named umbel-x, UMBEL_X_PORT and the like would appear among the settings.
        assert (pod["enableServiceLinks"], pod["automountServiceAccountToken"]) == (False, False)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in every_container(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"]
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_containers_name_commands_that_exist_and_images_with_versions(overlay: str) -> None:
    for container in every_container(overlay):
        if overlay != "base":  # the base leaves the tag to the overlays
            assert tagged(container["image"]), container["image"]
        asked = [container.get(f"{kind}Probe", {}).get("exec", {}).get("command") for kind in ("startup", "readiness")]
        asked += [container.get("livenessProbe", {}).get("exec", {}).get("command")]
        commands = [words for words in asked if words and words[0] == "umbel"]
        if container["name"] in ("server", "worker", "migrate"):
            commands.append(["umbel", *container["args"]])
        assert [unknown(words) for words in commands] == [[] for _ in commands]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_environment_comes_from_what_is_there_and_names_settings(overlay: str) -> None:
    made = {thing["metadata"]["name"] for thing in rendered(overlay) if thing["kind"] in ("ConfigMap", "Secret")}
    used = {
        source.get("name")
        for container in every_container(overlay)
        for each in container.get("envFrom", [])
        for source in each.values()
    }
    assert used - made == (set() if overlay == "overlays/demo" else BY_HAND)
    names = {
        name
        for thing in rendered(overlay)
        if thing["kind"] in ("ConfigMap", "Secret")
        for name in (*thing.get("data", {}), *thing.get("stringData", {}))
        if name.startswith("UMBEL_")
    }
    assert names - set(render_reference.setting_names()) == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everybody_must_say_who_they_are_and_workers_have_no_database(overlay: str) -> None:
    (settings,) = [thing["data"] for thing in rendered(overlay) if thing["kind"] == "ConfigMap"]
    assert settings["UMBEL_AUTH"] == "basic"
    for container in every_container(overlay):
        if container["name"] == "worker":
            assert "umbel-history" not in json.dumps(container["envFrom"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_meet_pods(overlay: str) -> None:
    labels = [
        thing["spec"]["template"]["metadata"]["labels"]
        for thing in rendered(overlay)
        if "template" in thing.get("spec", {})
    ]
    for thing in rendered(overlay):
        if thing["kind"] == "Service":
            wanted = thing["spec"]["selector"]
        elif thing["kind"] == "PodDisruptionBudget":
            wanted = thing["spec"]["selector"]["matchLabels"]
        else:
            continue
        assert any(wanted.items() <= each.items() for each in labels), thing["metadata"]["name"]
