"""Every shipped mapping on a sample in the form that its source publishes: rows in, rows out."""

from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.events.mapping import load_mapping, shipped_mappings
from phantom_core.events.mapping_detection import detect_mappings
from phantom_core.use_cases.data.ingest import _start
from tests.use_cases.shipped_samples import BESIDE, COMBINED, SAMPLES
from tests.use_cases.test_file_identity import counts
from tests.use_cases.test_ingest import load, query

NOW_MS = 1_764_558_000_000
# One of each way of reading: parted visitors, lists of events, no header, equal columns.
READ_TWICE = ("segment", "otto", "yoochoose_clicks", "rees46")


def write_sample(name: str, folder: Path) -> Path:
    """The sample of a mapping as a file, with what its delivery has beside it."""
    file, content, _ = SAMPLES[name]
    for beside, text in [BESIDE[name]] if name in BESIDE else []:
        (folder / beside).write_text(text)
    (folder / file).write_text(content)
    return folder / file


def test_every_shipped_mapping_has_a_sample() -> None:
    assert {*SAMPLES, "ga4", "nginx_combined"} == set(shipped_mappings())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_the_source_loads_whole(name: str, settings: Settings, tmp_path: Path) -> None:
    events, path = SAMPLES[name][2], write_sample(name, tmp_path)
    mapping = load_mapping(name)
    assert counts(settings, path, mapping=mapping) == (len(events), 0, 0)
    columns = "session_id, event_ms, event_name, product_id"
    found = query(settings, f"SELECT {columns} FROM events ORDER BY event_ms, event_seq")
    assert found == events
    if name in READ_TWICE:
        assert counts(settings, path, mapping=mapping) == (0, len(events), 0)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_recognised_as_what_it_is(name: str, tmp_path: Path) -> None:
    path = write_sample(name, tmp_path)
    found = detect_mappings(partial(_start, path, 1 << 20), NOW_MS)
    assert found[0].name == name
    assert found[0].valid_share == 1


def test_an_access_log_in_the_combined_form_loads_whole(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "access.log.txt").write_text(COMBINED)
    mapping = load_mapping("nginx_combined")
    assert counts(settings, tmp_path / "access.log.txt", mapping=mapping) == (2, 0, 0)
    columns = "event_ms, event_name, product_id, page, user_agent"
    agent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 "odd"'
    assert query(settings, f"SELECT {columns} FROM events ORDER BY event_ms") == [
        (1603585800000, "view_item_page", "33954", "/product/33954", agent),
        (1603589400000, "add_item_to_cart", None, "/cart", agent),
    ]
    assert query(settings, "SELECT COUNT(DISTINCT session_id) FROM events") == [(2,)]


def test_ga4_loads_from_bigquerys_parquet(settings: Settings, tmp_path: Path) -> None:
    row = {
        "event_timestamp": 1700000100123456,
        "event_name": "view_item",
        "user_pseudo_id": "u1",
        "event_params": [
            {"key": "ga_session_id", "value": {"int_value": 7, "string_value": None}},
            {"key": "page_location", "value": {"int_value": None, "string_value": "https://s/"}},
        ],
        "items": [{"item_id": "SKU1", "price": 19.9, "quantity": 1}],
        "device": {"web_info": {"browser": "Chrome"}},
        "ecommerce": {"purchase_revenue": None},
    }
    pq.write_table(pa.Table.from_pylist([row, row]), tmp_path / "ga4.parquet")
    assert counts(settings, tmp_path / "ga4.parquet", mapping=load_mapping("ga4")) == (2, 0, 0)
    columns = "session_id, event_name, product_id, price_seen, page, user_agent"
    assert query(settings, f"SELECT DISTINCT {columns} FROM events") == [
        ("u1.7", "view_item_page", "SKU1", 19.9, "https://s/", "Chrome")
    ]


def test_files_of_a_pages_design_are_left_out_and_counted(
    settings: Settings, tmp_path: Path
) -> None:
    picture = COMBINED.replace("GET /product/33954?x=1", "GET /static/logo.png?v=2")
    (tmp_path / "access.log").write_text(picture)
    report = load(settings, tmp_path / "access.log", mapping=load_mapping("nginx_combined"))
    [file] = report.totals().files
    assert (file.read, file.accepted) == (1, 1)
    [warning] = [one for one in file.warnings if one.kind == "left_out"]
    assert (warning.n, "'request'" in warning.text) == (1, True)


def test_requests_without_a_user_agent_are_sessions_of_their_own(
    settings: Settings, tmp_path: Path
) -> None:
    line = '192.0.2.7 - - [25/Oct/2020:02:30:00 +0200] "GET /p/1 HTTP/1.1" 200 3 "-" "-"\n'
    (tmp_path / "access.log").write_text(line)
    mapping = load_mapping("nginx_combined")
    assert counts(settings, tmp_path / "access.log", mapping=mapping) == (1, 0, 0)
    assert query(settings, "SELECT session_id, user_agent FROM events") == [
        ("192.0.2.7.-@1603585800000", None)
    ]


def test_a_delivery_without_its_headers_says_what_is_missing(
    settings: Settings, tmp_path: Path
) -> None:
    path = write_sample("adobe_hits", tmp_path)
    (tmp_path / "column_headers.tsv").unlink()
    with pytest.raises(InputError, match=r"named by 'column_headers\.tsv', which is not beside it"):
        load(settings, path, mapping=load_mapping("adobe_hits"))


def test_a_file_that_needs_a_mapping_is_told_which(settings: Settings, tmp_path: Path) -> None:
    path = write_sample("snowplow_tsv", tmp_path)
    with pytest.raises(InputError) as caught:
        load(settings, path)
    assert "It looks like snowplow_tsv: 2 of the first 2 rows" in caught.value.hint
    assert caught.value.hint.endswith("Use --mapping snowplow_tsv.")


def test_amounts_are_found_in_contexts_and_in_lists_of_products(
    settings: Settings, tmp_path: Path
) -> None:
    for name in ("snowplow_tsv", "adobe_hits"):
        load(settings, write_sample(name, tmp_path), mapping=load_mapping(name))
    paid = "SELECT amount_paid FROM events WHERE amount_paid IS NOT NULL ORDER BY amount_paid"
    assert query(settings, paid) == [(24.9,), (39.8,)]
    assert query(settings, "SELECT price_seen FROM events WHERE session_id = 's-1'") == [
        (19.9,),
        (None,),
    ]
