"""The figures of a period, small enough to check by hand."""

import pytest

from phantom_core.core.errors import DataError, InputError
from phantom_core.core.settings import Settings
from phantom_core.leakage.business_summary import BusinessSummary, read_summary
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.overview.summarise_business import (
    summaries,
    summarise_business,
    summary_name,
)
from tests.views.workspaces import NOW_MS, load_events, load_labels

DAY_S = 86_400.0


def shop(settings: Settings, days_back: float = 0.0) -> None:
    """A human and an agent buy at the base price of 100, as often before as now."""
    events = [
        (name, what, at_s)
        for name, start_s in (("human", 0.0), ("agent", 60.0), ("idle", 120.0))
        for what, at_s in (("view_item", start_s), ("purchase", start_s + 9))
        if (name, what) != ("idle", "purchase")
    ]
    if days_back:
        events.append(("early", "view_item", -days_back * DAY_S))
        events += [("old", "view_item", -DAY_S), ("old", "purchase", -DAY_S + 9)]
    load_events(settings, events, price=100, base_price=100, total=100)
    labels = {"human": "human", "agent": "agent", "idle": "human"}
    load_labels(settings, {**labels, **({"old": "agent", "early": "human"} if days_back else {})})


def summary(settings: Settings, n_days: int = 1) -> BusinessSummary:
    return summarise_business(settings, now_ms=NOW_MS, n_days=n_days)


def test_revenue_leakage_and_conversion_are_split_by_class(settings: Settings) -> None:
    shop(settings)
    found = summary(settings)
    assert (found.reference, found.sessions, found.unknown) == ("constant", 3, 0)
    assert found.leakage.now.value == pytest.approx(20.0)  # 1.2 × 100 − 100, of the agent alone
    assert found.revenue.now.value == pytest.approx(200.0)
    human, declared, undeclared = found.classes
    assert (human.revenue.now.value, human.conversion.now.value) == (100.0, 0.5)
    assert (declared.sessions, undeclared.revenue.now.value) == (0.0, 100.0)
    assert (found.live.recovered, found.live.problem) == (None, "No rules are live.")
    assert sum(day.leakage.value for day in found.days) == pytest.approx(20.0)


def test_without_a_whole_period_before_nothing_is_compared(settings: Settings) -> None:
    shop(settings)
    assert summary(settings).leakage.before is None
    assert not summary(settings).leakage.is_significant


def test_the_period_before_is_compared_from_the_same_resamples(settings: Settings) -> None:
    shop(settings, days_back=3)
    found = summary(settings)
    assert found.leakage.before is not None and found.leakage.change is not None
    assert found.leakage.before.value == pytest.approx(20.0)
    assert found.leakage.change.value == pytest.approx(0.0)
    assert found.leakage.change.low < 0 < found.leakage.change.high
    assert len(found.days) == 2


def test_a_class_without_a_buyer_may_still_buy(settings: Settings) -> None:
    load_events(settings, [("a", "view_item", 0), ("b", "purchase", 9)], price=100, base_price=100)
    load_labels(settings, {"a": "human", "b": "agent"})
    human = summary(settings).classes[0].conversion.now
    assert (human.value, human.low) == (0.0, 0.0)
    assert human.high > 0.5  # one session says little


def test_shoppers_that_name_their_tool_are_declared_agents(settings: Settings) -> None:
    path = settings.workspace / "clicks.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "sessionId,ts,eventName,userAgent\n"
        "tool,2026-03-01T12:00:00Z,view_item,python-requests/2.31\n"
        "who,2026-03-01T12:00:09Z,view_item,\n"
    )
    ingest_files(settings, [path], now_ms=NOW_MS)
    found = summary(settings)
    assert [one.sessions for one in found.classes] == [0.0, 1.0, 0.0]
    assert (found.sessions, found.unknown) == (2, 1)


def test_what_cannot_be_worked_out_is_refused(settings: Settings) -> None:
    with pytest.raises(InputError, match="0 days were asked for"):
        summarise_business(settings, now_ms=NOW_MS, n_days=0)
    with pytest.raises(DataError, match="no sessions yet"):
        summary(settings)
    load_events(settings, [("a", "view_item", 0)])
    with pytest.raises(DataError, match="unknown which sessions are agents"):
        summary(settings)


def test_a_summary_is_stored_by_the_length_of_its_period(settings: Settings) -> None:
    shop(settings)
    found = summary(settings)
    stored = read_summary(summaries(settings).read(summary_name(1)).decode(), "here")
    assert stored.to_text() == found.to_text()
    assert summaries(settings).names() == ("1-days",)
