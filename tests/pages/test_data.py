"""Data: loading, outcomes, mappings and the quarantine, without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.core.settings import Settings
from phantom_core.events.mapping import load_mapping
from phantom_core.jobs.jobs import Jobs
from phantom_core.views.data.saved_mappings import saved_mappings
from tests.pages.conftest import Open, texts, wait_for_jobs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("open_sources")]

FOREIGN = (
    "visit;at;what;price\nv1;2026-03-01 12:00:00;OrderPlaced;9.5\nv1;2026-03-01 "
    "12:00:09;Heartbeat;\n"
)


def start_load(page: AppTest, workspace: Path) -> AppTest:
    next(button for button in page.button if button.label == "Load").click().run()
    wait_for_jobs(workspace)
    return page.run()


def test_nothing_to_load_is_said_in_a_sentence(empty: Path, open_page: Open) -> None:
    page = open_page(empty, "data")
    next(button for button in page.button if button.label == "Load").click().run()
    assert "No file was chosen." in texts(page)
    assert Jobs(Settings(workspace=empty)).latest() == []


def test_every_row_of_a_load_is_accounted_for(empty: Path, tmp_path: Path, open_page: Open) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "sessionId,ts,eventName\ns1,2026-03-01,search\ns1,2026-03-01,search\ns2,soon,search\n"
    )
    page = open_page(empty, "data")
    page.text_input(key="load_path_0").set_value(str(path)).run()
    page = start_load(page, empty)
    assert {metric.label: metric.value for metric in page.metric} == {
        "Rows read": "3",
        "= accepted": "2",
        "+ duplicates": "0",
        "+ in quarantine": "1",
    }
    assert "The time is not a date that PHANTOM can read" in texts(page)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "is empty (0 bytes)"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00broken", "cut.csv.gz"),
        ("report.csv", b"%PDF-1.7\n%\xe2\xe3\n", ""),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    empty: Path, tmp_path: Path, open_page: Open, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    page = open_page(empty, "data")
    page.text_input(key="load_path_0").set_value(str(tmp_path / name)).run()
    page = start_load(page, empty)
    assert len(page.error) == 1
    assert sentence in page.error[0].value
    assert "Traceback" not in texts(page)
    assert not page.exception


def test_files_of_a_known_format_get_its_mapping_offered(
    empty: Path, tmp_path: Path, open_page: Open
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "event_time,event_type,product_id,price,brand,category_id,category_code,user_session\n2026-03-01,cart,2,3,b,c,d,s\n"
    )
    page = open_page(empty, "data")
    page.text_input(key="load_path_0").set_value(str(path)).run()
    assert "looks like rees46" in texts(page)
    page.button(key="load_use_better").click().run()
    assert page.selectbox(key="load_mapping").value == "rees46 (shipped)"
    page = start_load(page, empty)
    assert {metric.label: metric.value for metric in page.metric}["= accepted"] == "1"


def test_a_mapping_is_built_tried_saved_and_used(
    empty: Path, tmp_path: Path, open_page: Open
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(FOREIGN)
    page = open_page(empty, "data", data_tab="Map columns")
    page.text_input(key="map_path").set_value(str(path)).run()
    assert "**1 of 2** sample rows (50.0 %) are accepted as events" in texts(page)
    next(
        button for button in page.button if button.label == "Save and use for loading"
    ).click().run()
    assert not page.exception
    assert list(saved_mappings(Settings(workspace=empty))) == ["export"]
    assert page.selectbox(key="load_mapping").value == "export (saved)"
    assert page.text_input(key="load_path_0").value == str(path)
    page = start_load(page, empty)
    assert {metric.label: metric.value for metric in page.metric}["= accepted"] == "1"


def test_a_mapping_that_exists_is_kept_whole_when_it_is_the_start(
    empty: Path, tmp_path: Path, open_page: Open
) -> None:
    path = tmp_path / "requests.csv"
    path.write_text(
        "session,ts_ms,method,path,status\ns1,1772366400000,POST,/api/bookings,200\ns1,1772366401000,GET,/api/ticketing/7,200\n"
    )
    page = open_page(empty, "data", data_tab="Map columns")
    page.text_input(key="map_path").set_value(str(path)).run()
    assert "**2 of 2** sample rows (100.0 %) are accepted as events" in texts(page)
    next(
        button for button in page.button if button.label == "Save and use for loading"
    ).click().run()
    shipped, saved = (
        load_mapping("ticket_funnel"),
        load_mapping(str(saved_mappings(Settings(workspace=empty))["requests"])),
    )
    assert saved == shipped.model_copy(update={"name": "requests"})


def test_an_incomplete_mapping_says_what_is_missing(
    empty: Path, tmp_path: Path, open_page: Open
) -> None:
    path = tmp_path / "export.csv"
    path.write_text("visit;at\nv1;2026-03-01\n")
    page = open_page(empty, "data", data_tab="Map columns")
    page.text_input(key="map_path").set_value(str(path)).run()
    assert "nothing gives event_name" in texts(page)
    assert not page.exception


@pytest.mark.parametrize("content", ["", "%PDF-1.7\n", "visit;at\n"])
def test_a_sample_that_cannot_be_used_is_one_sentence(
    empty: Path, tmp_path: Path, open_page: Open, content: str
) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(content)
    page = open_page(empty, "data", data_tab="Map columns")
    page.text_input(key="map_path").set_value(str(path)).run()
    assert not page.exception
    assert len(page.error) + len(page.warning) == 1


def test_the_quarantine_is_filtered_by_the_url(unlabelled: Path, open_page: Open) -> None:
    page = open_page(unlabelled, "data", data_tab="Quarantine", reason="bad_timestamp")
    assert page.selectbox(key="reason").value == "bad_timestamp"
    assert page.dataframe[-1].value["line"].tolist() == [5]
    assert "**1 row**" in texts(page)


def test_loads_are_listed(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "data", data_tab="Loads")
    assert sorted(page.dataframe[-1].value["kind"]) == [
        "catalogue",
        "events",
        "experiments",
        "labels",
        "quotes",
    ]


def test_a_load_is_taken_out_by_a_button(empty: Path, tmp_path: Path, open_page: Open) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sessionId,ts,eventName\ns1,2026-03-01,search\n")
    page = open_page(empty, "data")
    page.text_input(key="load_path_0").set_value(str(path)).run()
    start_load(page, empty)
    page = open_page(empty, "data", data_tab="Loads")
    page.selectbox(key="unload_load").select_index(0).run()
    next(one for one in page.button if one.label == "Take this load out").click().run()
    wait_for_jobs(empty)
    assert "1 row of a.csv taken out" in texts(page.run())
