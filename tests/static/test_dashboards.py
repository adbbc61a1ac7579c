"""Alerts and dashboard ask only for metrics, labels and values that there are."""

import json
import re

import pytest
import yaml

from tests.static.repository import ROOT
from umbel.observe.meters import METERS, Meter

HOME = ROOT / "deploy" / "observability"
SERIES: dict[str, Meter] = {
    name: meter
    for meter in METERS
    for name in (
        [f"{meter.name}_{part}" for part in ("bucket", "sum", "count")] if meter.kind == "histogram" else [meter.name]
    )
}
NAME = re.compile(r"\b(?:umbel|celery)_[a-z_]+")
GROUPED = re.compile(r"by \(([a-z_, ]+)\) \(.*?\b((?:umbel|celery)_[a-z_]+)", re.DOTALL)


def alerts() -> list[tuple[str, str]]:
    groups = yaml.safe_load((HOME / "prometheus-alerts.yml").read_text())["groups"]
    return [(rule["alert"], rule["expr"]) for group in groups for rule in group["rules"]]


def panels() -> list[tuple[str, str]]:
    board = json.loads((HOME / "grafana-dashboard.json").read_text())
    return [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]]


@pytest.mark.parametrize(("title", "expression"), [*alerts(), *panels()])
def test_every_metric_and_label_exists(title: str, expression: str) -> None:
    names = NAME.findall(expression)
    assert names, title
    assert set(names) <= SERIES.keys()
    for labels, name in GROUPED.findall(expression):
        wanted = {label.strip() for label in labels.split(",")} - {"le"}
        assert wanted <= set(SERIES[name].labels), title


def test_every_alert_is_explained() -> None:
    page = (ROOT / "docs" / "howto" / "observe.md").read_text()
    assert [name for name, _ in alerts() if f"`{name}`" not in page] == []
