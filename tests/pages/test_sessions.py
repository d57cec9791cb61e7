"""Sessions: filters from the URL, one session in time."""

from pathlib import Path

import pytest

from phantom_core.lake.lake import Lake
from tests.pages.conftest import Open, texts

pytestmark = pytest.mark.slow


def some_session(workspace: Path) -> str:
    with Lake(workspace / "lake").connect(("events",)) as connection:
        return str(
            connection.execute(
                "SELECT MIN(session_id) FROM events WHERE event_name = 'purchase_complete'"
            ).fetchall()[0][0]
        )


def test_a_filter_in_the_url_filters(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "sessions", label="agent", bought="with")
    assert page.multiselect(key="label").value == ["agent"]
    rows = page.dataframe[0].value
    assert set(rows["label"]) == {"agent"}
    assert rows["purchased"].all()
    assert f"**{len(rows)} sessions** of 300" in texts(page)


def test_a_filter_that_lets_nothing_through_says_so(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "sessions", q="no such session")
    assert "No sessions match this filter" in texts(page)
    assert not page.exception


def test_a_link_to_a_session_shows_it_in_time(trained: Path, open_page: Open) -> None:
    session_id = some_session(trained)
    page = open_page(trained, "sessions", session=session_id)
    assert f"Session {session_id}" in [heading.value for heading in page.header]
    assert len(page.get("plotly_chart")) == 1
    assert any(metric.label == "P(agent)" for metric in page.metric)


def test_a_link_to_a_session_that_is_gone_says_so(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "sessions", session="gone")
    assert "There is no session 'gone'" in texts(page)
    assert not page.exception


def test_a_session_without_model_and_labels_is_shown_without_them(
    unlabelled: Path, open_page: Open
) -> None:
    page = open_page(unlabelled, "sessions", session="s1")
    assert "Load labels of humans and agents" in texts(page)
    assert all(metric.label != "P(agent)" for metric in page.metric)
    assert not page.exception
