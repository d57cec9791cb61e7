"""Experiments: planned with a click, started by who may, watched with charts, stopped by hand or by
the guard.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.settings import Settings
from phantom_core.experiments.experiment_size import Baseline
from phantom_core.messages.decision_log import DecisionLog, segments_folder
from phantom_core.use_cases.approvals.experiments import start_experiment
from phantom_core.use_cases.approvals.plan_experiment import (
    parse_arms,
    plan_experiment,
    size_experiment,
)
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.operations.drain_decisions import drain_decisions
from phantom_core.valkey.server import stop_embedded
from tests.conftest import NOW_MS
from tests.pages.conftest import Open, enter, texts
from tests.services.decisions import decision

pytestmark = pytest.mark.slow

HOUR_MS = 3_600_000


@pytest.fixture
def shop(own: Path) -> Iterator[Settings]:
    """A workspace of one's own, with a server that is stopped afterwards."""
    settings = Settings(workspace=own, redis_url="")
    yield settings
    stop_embedded(settings)


def planned(settings: Settings, tolerated_drop: float = 0.5) -> None:
    """A draft by the demo analyst."""
    engine = control_engine(settings)
    for who in ("demo-analyst", "demo-manager"):
        sign_in_demo(engine, who, now_ms=1, hours=1)
    arms = parse_arms(["control=0.5:live", "none=0.5:base"])
    sized = size_experiment(
        settings, arms, "conversion", 0.2, now_ms=1, baseline=Baseline(0.4, 0.5, 500.0)
    )
    plan_experiment(
        settings,
        "demo-analyst",
        "e1",
        "Is it worth it?",
        arms,
        sized,
        metric="conversion",
        effect=0.2,
        now_ms=NOW_MS,
        tolerated_drop=tolerated_drop,
    )


def running(settings: Settings, n: int, *, harm: float, tolerated_drop: float = 0.5) -> None:
    """An experiment that runs, and sessions that met its arms; fewer buy in the new one."""
    planned(settings, tolerated_drop)
    start_experiment(settings, "demo-manager", "e1", now_ms=NOW_MS)
    rng, log, lines = np.random.default_rng(1), DecisionLog(segments_folder(settings.workspace)), []
    for k in range(n):
        variant = ("control", "none")[k % 2]
        met_ms = NOW_MS - 10 * HOUR_MS + k * 1_000
        log.append(
            decision(
                session_id=f"x{k}",
                variant=variant,
                price_experiment="e1",
                decided_ms=met_ms,
                agent_probability=0.1,
            )
        )
        if rng.random() < 0.4 * (1 - harm * (variant == "none")):
            lines.append(
                {
                    "sessionId": f"x{k}",
                    "storeMode": "hotel",
                    "ts": met_ms + 60_000,
                    "eventName": "purchase",
                    "productId": "room",
                }
            )
    log.close()
    drain_decisions(settings)
    path = settings.workspace / "bought.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    ingest_files(settings, [path], now_ms=NOW_MS)


def test_a_plan_says_how_long_it_takes_and_becomes_a_draft(shop: Settings, open_page: Open) -> None:
    page = open_page(shop.workspace, "experiments", experiments_tab="Plan")
    assert {
        "Sample size (sequential)",
        "Duration, days",
        "Baseline revenue per session",
        "Minimum detectable effect",
    } <= {one.label for one in page.metric}
    assert len(page.get("plotly_chart")) == 1
    assert page.button(key="experiment_keep").disabled
    enter(page, "demo-analyst")
    page.button(key="experiment_keep").click().run()
    assert "The experiment has no name." in page.error[0].value
    page.text_input(key="experiment_name").set_value("plus5").run()
    page.button(key="experiment_keep").click().run()
    assert not page.exception and not page.error
    page = open_page(shop.workspace, "experiments")
    assert "plus5" in texts(page)
    assert page.button(key="experiment_start").disabled


def test_who_may_starts_it_and_stops_it_for_a_reason(shop: Settings, open_page: Open) -> None:
    planned(shop)
    page = open_page(shop.workspace, "experiments")
    enter(page, "demo-manager")
    page.button(key="experiment_start").click().run()
    assert not page.exception and not page.error
    assert ":green-badge[running]" in texts(page)
    assert "No sessions counted yet" in texts(page)
    page.button(key="experiment_stop").click().run()
    assert "The reason for the stop is missing." in page.error[0].value
    page.text_input(key="experiment_why").set_value("seen enough").run()
    page.button(key="experiment_stop").click().run()
    assert "seen enough" in texts(page)
    assert ":orange-badge[stopped]" in texts(page)


def test_what_sets_the_arms_apart_is_drawn_and_can_be_taken_away(
    shop: Settings, open_page: Open
) -> None:
    running(shop, 1_500, harm=0.3)
    page = open_page(shop.workspace, "experiments")
    assert not page.exception and not page.error
    said = texts(page)
    assert "Significantly worse" in said
    assert "Is it worth it?" in said
    assert len(page.get("plotly_chart")) == 2
    assert page.dataframe[0].value["sessions"].tolist() == [750, 750]
    assert len(page.get("download_button")) >= 3


def test_the_guard_stops_it_while_somebody_looks(shop: Settings, open_page: Open) -> None:
    running(shop, 1_500, harm=0.5, tolerated_drop=0.0)
    page = open_page(shop.workspace, "experiments")
    assert any("The guardrail stopped it" in one.value for one in page.error)
    assert ":orange-badge[stopped]" in texts(page)


def test_few_sessions_say_that_they_are_few(shop: Settings, open_page: Open) -> None:
    running(shop, 40, harm=0.0)
    said = texts(open_page(shop.workspace, "experiments"))
    assert "Not enough data" in said


def test_without_purchases_a_baseline_is_asked_for(unlabelled: Path, open_page: Open) -> None:
    page = open_page(unlabelled, "experiments", experiments_tab="Plan")
    assert "Without purchases there is nothing to compare with." in texts(page)
    page.toggle(key="experiment_stated").set_value(True).run()
    assert not page.error
    assert "1,000 sessions a day" in [one.delta for one in page.metric]
