"""Label desk: a person labels a session, sees it counted, and uses it."""

import shutil
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.lake.lake import Lake
from phantom_core.views.labels.label_state import label_state
from tests.pages.conftest import Open, enter, texts

pytestmark = pytest.mark.slow


def labels_in(workspace: Path) -> list[tuple[str, bool | None]]:
    with Lake(workspace / "lake").connect(("session_labels",)) as connection:
        return connection.execute("SELECT session_id, is_agent FROM session_labels").fetchall()


def test_a_guest_is_asked_to_sign_in(unlabelled: Path, open_page: Open) -> None:
    page = open_page(unlabelled, "labels")
    assert "sign in to label sessions" in texts(page)
    assert "label_agent" not in [one.key for one in page.button]


def test_one_press_labels_a_session_and_another_makes_it_count(
    unlabelled: Path, tmp_path: Path, open_page: Open
) -> None:
    workspace = Path(shutil.copytree(unlabelled, tmp_path / "shop"))
    page = enter(open_page(workspace, "labels"), "demo-analyst")
    assert "sessions have no label" in texts(page)
    first = next(one.value for one in page.header if "Session" in str(one.value))
    page.text_input(key="label_reason").set_value("clicks like a clock")
    page.button(key="label_agent").click().run()
    assert not page.exception
    state = label_state(Settings(workspace=workspace))
    [(session_id, said)] = state.said.items()
    assert session_id in first
    assert (said["demo-analyst"].verdict, said["demo-analyst"].reason) == (
        "agent",
        "clicks like a clock",
    )
    assert first not in [one.value for one in page.header]
    page = enter(open_page(workspace, "labels", labels_tab="Labels and agreement"), "demo-analyst")
    page.button(key="labels_apply").click().run()
    assert not page.exception
    assert labels_in(workspace) == [(session_id, True)]


def test_the_audit_tab_says_how_to_start(unlabelled: Path, open_page: Open) -> None:
    page = open_page(unlabelled, "labels", labels_tab="Label audit")
    assert "not audited yet" in texts(page)
    assert page.button(key="audit_labels").label == "Audit the labels"
