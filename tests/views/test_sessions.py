"""Sessions match their filter and come in the requested order."""

import pytest

from phantom_core.core.settings import Settings
from phantom_core.views.sessions.sessions import (
    SORTS,
    SessionFilter,
    session_choices,
    sessions_view,
)
from phantom_core.views.workspace.snapshot import Snapshot
from tests.views.workspaces import NOON_MS, load_events, load_labels, snapshot_of


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Alma looks around, Bert buys a minute later, Cleo comes an hour later."""
    settings = Settings(workspace=tmp_path_factory.mktemp("three"))
    load_events(settings, [("alma", "search", 0), ("alma", "search", 30), ("alma", "search", 60)])
    load_events(
        settings, [("bert", "view_item_page", 60), ("bert", "purchase_complete", 70)], price=5.0
    )
    load_events(settings, [("cleo", "search", 3_600)], experiments={"cleo": "xp-9"})
    load_labels(settings, {"alma": "human", "bert": "agent"})
    return snapshot_of(settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (SessionFilter(), {"alma", "bert", "cleo"}),
        (SessionFilter(text="LM"), {"alma"}),
        (SessionFilter(text="xp-9"), {"cleo"}),
        (SessionFilter(labels=["human", "unknown"]), {"alma", "cleo"}),
        (SessionFilter(store_modes=["hotel"]), set()),
        (SessionFilter(families=["scraper"]), set()),
        (SessionFilter(min_events=2), {"alma", "bert"}),
        (SessionFilter(purchased=True), {"bert"}),
        (SessionFilter(purchased=False), {"alma", "cleo"}),
        (SessionFilter(start_ms=NOON_MS + 60_000), {"bert", "cleo"}),
        (SessionFilter(start_ms=NOON_MS + 60_000, end_ms=NOON_MS + 3_600_000), {"bert"}),
        (SessionFilter(low=0.5), set()),
        (SessionFilter(text="' OR 1=1 --"), set()),
        (SessionFilter(text="%"), set()),
    ],
)
def test_a_filter_matches_what_it_names(
    three: Snapshot, chosen: SessionFilter, found: set[str]
) -> None:
    view = sessions_view(three, chosen)
    assert set(view.rows["session_id"]) == found
    assert (view.n_matching, view.n_all) == (len(found), 3)


def test_sessions_come_in_the_requested_order(three: Snapshot) -> None:
    def first(sort: str) -> str:
        return str(sessions_view(three, SessionFilter(), sort).rows["session_id"][0])

    assert (first("newest"), first("oldest"), first("most events"), first("longest")) == (
        "cleo",
        "alma",
        "alma",
        "alma",
    )
    assert (first("fastest"), first("highest revenue")) == ("bert", "bert")


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_works_without_a_model(three: Snapshot, sort: str) -> None:
    assert len(sessions_view(three, SessionFilter(), sort).rows) == 3


def test_the_list_is_limited_but_counted_in_full(three: Snapshot) -> None:
    view = sessions_view(three, SessionFilter(), limit=2)
    assert (len(view.rows), view.n_matching) == (2, 3)


def test_filters_offer_what_occurs(three: Snapshot) -> None:
    choices = session_choices(three)
    assert (choices.store_modes, choices.labels, choices.families) == (
        ("shop",),
        ("agent", "human", "unknown"),
        (),
    )
    assert (choices.start_ms, choices.end_ms) == (NOON_MS, NOON_MS + 3_600_000)
