"""Decisions of the pricing service count as quotes with a propensity, as an experiment's."""

import json
from pathlib import Path

import numpy as np
import pytest

from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.messages.decision_log import DecisionLog, segments_folder
from phantom_core.replay.off_policy import off_policy_value
from phantom_core.replay.period import Period
from phantom_core.replay.purchases import read_purchases, units_by_quote
from phantom_core.replay.quotes import Quotes, connect_quotes, read_quotes
from phantom_core.replay.resampler import Resampler
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.markets.calibrate import build_session_index
from phantom_core.use_cases.operations.drain_decisions import drain_decisions
from tests.services.decisions import decision
from tests.views.workspaces import NOON_MS, NOW_MS

Row = dict[str, object]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace")


def load(settings: Settings, name: str, rows: list[Row]) -> None:
    settings.workspace.mkdir(parents=True, exist_ok=True)
    path = settings.workspace / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"storeMode": "hotel"} | row) + "\n" for row in rows))
    ingest_files(settings, [path], now_ms=NOW_MS)


def decide(settings: Settings, *changes: dict[str, object]) -> None:
    log = DecisionLog(segments_folder(settings.workspace))
    for one in changes:
        log.append(decision(**one))
    log.close()
    drain_decisions(settings)


def quotes_of(settings: Settings) -> Quotes:
    lake = open_lake(settings)
    store = FeatureStore(lake)
    store.refresh()
    with connect_quotes(lake) as connection:
        return read_quotes(connection, build_session_index(store.matrix(), None), Period())


@pytest.mark.slow
def test_a_price_that_was_decided_and_recorded_counts_once(settings: Settings) -> None:
    load(settings, "events", [{"sessionId": "s1", "ts": NOON_MS, "eventName": "search"}])
    recorded = [
        {"sessionId": "s1", "ts": NOON_MS + ms, "productId": "room", "price": price}
        for ms, price in ((300, 110), (90_000, 110), (400, 90))
    ]
    load(settings, "quotes", recorded)
    decide(settings, {"decided_ms": NOON_MS + 200, "propensity": 0.25}, {"session_id": None})
    found = quotes_of(settings)
    assert found.event_ms.tolist() == [NOON_MS + 200, NOON_MS + 400, NOON_MS + 90_000]
    assert found.propensity.tolist() == pytest.approx([0.25, np.nan, np.nan], nan_ok=True)


@pytest.mark.slow
def test_rules_are_evaluated_on_the_decisions_of_a_price_experiment(settings: Settings) -> None:
    """Half the sessions are quoted 90, half 110; all buy at 90, a third at 110.

    So 90 is worth 90 a session, and 110 is worth 110 / 3.
    """
    sessions = [(f"s{n}", 90.0 if n % 2 else 110.0) for n in range(240)]
    events: list[Row] = []
    for n, (session, price) in enumerate(sessions):
        events.append({"sessionId": session, "ts": NOON_MS, "eventName": "search"})
        if price < 100 or n % 3 == 0:
            events.append(
                {
                    "sessionId": session,
                    "ts": NOON_MS + 9_000,
                    "eventName": "purchase",
                    "productId": "room",
                    "metadata": {"total": price},
                }
            )
    load(settings, "events", events)
    decide(
        settings,
        *(
            {
                "session_id": session,
                "price": price,
                "propensity": 0.5,
                "decided_ms": NOON_MS + 1_000,
            }
            for session, price in sessions
        ),
    )
    lake = open_lake(settings)
    store = FeatureStore(lake)
    store.refresh()
    index = build_session_index(store.matrix(), None)
    with connect_quotes(lake) as connection:
        quotes = read_quotes(connection, index, Period())
        units = units_by_quote(
            read_purchases(connection, index, quotes, Period()), quotes.session.size
        )
    resampler = Resampler.of(index, np.ones(index.actor.size, np.bool_), np.random.default_rng(1))
    for ratio, expected in ((0.9, 90.0), (1.1, 110 / 3)):
        value = off_policy_value(
            quotes,
            units,
            np.full(quotes.session.size, ratio),
            np.full(quotes.session.size, np.nan),
            None,
            resampler,
        )
        assert (value.randomised, value.problem) == (1.0, "")
        assert value.inverse_propensity is not None
        assert value.inverse_propensity.value == pytest.approx(expected)
