"""The page SQL: a query runs, is shown and saved, and an error says what is wrong."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.workbench.saved_queries import query_names
from tests.pages.conftest import Open, enter
from ui.workbench.editor import RUN

pytestmark = pytest.mark.slow


def run(page: AppTest, sql: str) -> AppTest:
    page.text_area(key="sql").set_value(sql).run()
    page.button(key="sql_start").click().run()
    if RUN not in page.session_state:
        return page
    page.session_state[RUN].wait(30)
    return page.run()


def test_a_query_is_run_shown_and_saved(own: Path, open_page: Open) -> None:
    page = enter(open_page(own, "sql"), "demo-analyst")
    run(page, "SELECT label, COUNT(*) AS n FROM sessions GROUP BY label ORDER BY label")
    assert not page.exception
    assert page.dataframe[0].value["label"].tolist() == ["agent", "human"]
    page.text_input(key="sql_save_name").set_value("Labels").run()
    page.button(key="sql_save").click().run()
    assert query_names(Settings(workspace=own)) == ("Labels",)
    page.selectbox(key="sql_name").select("Sessions per day and class").run()
    assert "AS day" in page.text_area(key="sql").value


def test_what_cannot_be_run_says_why(own: Path, open_page: Open) -> None:
    page = open_page(own, "sql")
    run(page, "DROP VIEW events")
    assert "only SELECT can be run here" in page.error[0].value
    run(page, "SELECT nothing FROM events")
    assert "nothing" in page.error[0].value
