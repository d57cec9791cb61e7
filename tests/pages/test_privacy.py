"""Privacy: an administrator exports and erases, every reader sees how long data is stored."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.accounts.people import MACHINE, add_person
from phantom_core.accounts.roles import Role
from phantom_core.accounts.sign_in import sign_in
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.approvals.change_requests import control_database
from tests.pages.conftest import Open, signed_in, texts
from ui.frame.handles import now_ms

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(unlabelled: Path, tmp_path: Path) -> Path:
    """Two sessions, an administrator and an analyst, in a copy: accounts end the demo access."""
    workspace = Path(shutil.copytree(unlabelled, tmp_path / "shop"))
    engine = control_database(Settings(workspace=workspace))
    for login, role in (("root", Role.ADMINISTRATOR), ("ana", Role.ANALYST)):
        who = MACHINE if login == "root" else "root"
        add_person(
            engine,
            who,
            login,
            name="",
            role=role,
            password=PASSWORD,
            now_ms=now_ms(),
            must_change=False,
        )
    return workspace


def as_person(page: AppTest, login: str) -> AppTest:
    token = sign_in(control_database(Settings()), login, PASSWORD, now_ms=now_ms(), hours=1)
    return signed_in(page, token)


def test_an_administrator_exports_and_erases_a_session(accounts: Path, open_page: Open) -> None:
    analyst = as_person(open_page(accounts, "privacy"), "ana")
    assert "Only an administrator can export and erase personal data" in texts(analyst)
    assert not [one for one in analyst.button if one.key == "privacy_erase"]
    page = as_person(open_page(accounts, "privacy"), "root")
    page.text_input(key="privacy_name").input("s1").run()
    page.button(key="privacy_export").click().run()
    assert not page.error
    page.button(key="privacy_erase").click().run()
    assert not page.error
    assert "Erased: 1 session" in texts(page)
    with open_lake(Settings(workspace=accounts)).connect(("events",)) as connection:
        names = connection.execute("SELECT DISTINCT session_id FROM events").fetchall()
    assert names == [("s2",)]
