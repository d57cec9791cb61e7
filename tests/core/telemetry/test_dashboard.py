"""The dashboard and the alerts query what the services have, and the dashboard shows all of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from phantom_core.core.telemetry.metrics import REGISTRY

DEPLOY = Path(__file__).parents[3] / "deploy"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
# Labels that Prometheus itself adds.
OWN_LABELS = {"le", "instance", "job"}
NAME = re.compile(r"phantom_[a-z_]+")


def known() -> dict[str, set[str]]:
    """Labels of every series of ours, by its name."""
    collectors: set[Any] = {
        collector for collector in REGISTRY._collector_to_names if hasattr(collector, "_labelnames")
    }
    return {
        f"{collector._name}{suffix}": set(collector._labelnames)
        for collector in collectors
        for suffix in SUFFIXES[collector._type]
    }


def dashboard() -> list[str]:
    panels = json.loads((DEPLOY / "grafana" / "phantom.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def alerts() -> list[str]:
    return re.findall(r"expr: (.+)", (DEPLOY / "prometheus" / "alerts.yml").read_text())


@pytest.mark.parametrize("query", [*dashboard(), *alerts()])
def test_every_query_asks_for_metrics_and_labels_that_exist(query: str) -> None:
    series = known()
    names = set(NAME.findall(query))
    assert names <= set(series), names - set(series)
    asked = {
        label.strip()
        for group in re.findall(r"by \(([^)]*)\)", query)
        for label in group.split(",")
    }
    asked |= {
        label
        for group in re.findall(r"\{([^}]*)\}", query)
        for label in re.findall(r"([a-z_]+)=", group)
    }
    assert asked <= OWN_LABELS.union(*(series[name] for name in names))


def plain(name: str) -> str:
    """A series without what a histogram adds to its name."""
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {plain(name) for query in dashboard() for name in NAME.findall(query)}
    assert {plain(name) for name in known()} - shown == set()


def test_panels_do_not_overlap_and_have_a_title() -> None:
    panels = json.loads((DEPLOY / "grafana" / "phantom.json").read_text())["panels"]
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"] and place["x"] + place["w"] <= 24
        assert not own & cells, panel["title"]
        cells |= own
    assert len({panel["id"] for panel in panels}) == len(panels)
