"""Of a file nothing is lost, nothing is doubled, and its order stays."""

import json
from pathlib import Path

import duckdb
import pytest
from deltalake import write_deltalake

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.events import schema
from phantom_core.events.mapping import load_mapping, parse_mapping
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.unload import unload
from tests.events.broken_inputs import HEADER, csv_row, jsonl
from tests.use_cases.test_ingest import load, query

GA4 = [
    (100123456, "first_visit"),
    (100123456, "session_start"),
    (109123456, "user_engagement"),
    (109123456, "scroll"),
    (150123456, "add_shipping_info"),
    (150123456, "add_payment_info"),
]
REQUESTS = """name = "nginx"
[columns]
session_id = ["remote_addr", "http_user_agent"]
ts = "time"
user_agent = "http_user_agent"
[extract.product_id]
column = "request"
pattern = '/product/(\\d+)'
[[event_rules]]
event_name = "view_item_page"
when = { request = '^GET /product/' }
"""
ROCKET = """name = "retailrocket"
[columns]
session_id = "visitorid"
ts = "timestamp"
event_name = "event"
[event_names]
addtocart = "add_item_to_cart"
transaction = "purchase_complete"
"""
VISITS = (
    "timestamp,visitorid,event,itemid,transactionid\n"
    "1438971463170,257597,view,355908,\n"
    "1438971505822,257597,addtocart,355908,\n"
    "1438971657845,257597,transaction,355908,4001\n"
)


def counts(settings: Settings, path: Path, **options: object) -> tuple[int, int, int]:
    totals = load(settings, path, **options).totals()
    return totals.accepted, totals.duplicates, sum(totals.quarantined.values())


def test_events_whose_names_have_one_translation_are_not_one_event(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [
        {
            "event_timestamp": f"1700000{at}",
            "event_name": name,
            "user_pseudo_id": "u1",
            "event_params": [{"key": "ga_session_id", "value": {"int_value": "1"}}],
            "items": [],
        }
        for at, name in GA4
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert counts(settings, path, mapping=load_mapping("ga4")) == (6, 0, 0)
    assert counts(settings, path, mapping=load_mapping("ga4")) == (0, 6, 0)


def test_rows_that_differ_in_unmapped_columns_are_not_one_event(
    settings: Settings, tmp_path: Path
) -> None:
    rows = [
        {
            "time": f"2020-10-25T02:30:0{n // 4}+02:00",
            "remote_addr": "192.0.2.7",
            "request": f"GET /product/3395{n // 4} HTTP/1.1",
            "http_user_agent": "python-requests/2.31",
            "request_id": f"r{n}",
        }
        for n in range(6)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    mapping = parse_mapping(REQUESTS)
    assert counts(settings, path, mapping=mapping) == (6, 0, 0)
    assert counts(settings, path, mapping=mapping) == (0, 6, 0)


def test_equal_rows_are_that_many_events_and_a_longer_export_adds_the_rest(
    settings: Settings, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(HEADER + csv_row() * 3)
    second.write_text(HEADER + csv_row() * 5)
    assert counts(settings, first) == (3, 0, 0)
    assert counts(settings, second) == (2, 3, 0)
    # The same columns in another order say the same.
    turned = [",".join(reversed(line.split(","))) for line in (HEADER + csv_row() * 5).splitlines()]
    (tmp_path / "c.csv").write_text("\n".join(turned))
    assert counts(settings, tmp_path / "c.csv") == (0, 5, 0)


def test_a_clients_event_id_counts_within_its_session(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "event_id,session_id,ts,event,product_id,price\n"
        "1,s1,2024-11-15 12:00:00,page_view,,\n"
        "2,s1,2024-11-15 12:00:05,view_item,p1,10\n"
        "3,s1,2024-11-15 12:00:09,purchase,p1,10\n"
        "1,s2,2024-11-16 12:00:00,page_view,,\n"
        "2,s2,2024-11-16 12:00:05,view_item,p2,20\n"
        "3,s2,2024-11-16 12:00:09,purchase,p2,20\n"
        "1,s2,2024-11-16 12:01:00,page_view,,\n"  # the page was loaded again
    )
    assert counts(settings, path) == (7, 0, 0)
    assert counts(settings, path) == (0, 7, 0)


def test_a_file_read_by_a_better_mapping_replaces_its_rows(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(VISITS + "1438971657845,257597,teleport,1,\n")
    better = ROCKET.replace('ts = "', 'product_id = "itemid"\nts = "')
    assert counts(settings, path, mapping=parse_mapping(ROCKET)) == (3, 0, 1)
    report = load(settings, path, mapping=parse_mapping(better))
    assert (report.totals().accepted, report.totals().duplicates) == (3, 0)
    assert "its 3 rows were replaced" in str(report.loads[0].warnings)
    assert query(settings, "SELECT DISTINCT product_id FROM events") == [("355908",)]
    assert FeatureStore(open_lake(settings)).refresh().events == 3
    assert query(settings, "SELECT reason FROM quarantine") == [("unknown_event_name",)]
    assert counts(settings, path, mapping=parse_mapping(better)) == (0, 3, 1)
    other = better.replace("retailrocket", "the same by another name")
    assert counts(settings, path, mapping=parse_mapping(other)) == (0, 3, 1)


def test_a_load_is_taken_out_with_its_rows_features_and_quarantine(
    settings: Settings, tmp_path: Path
) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text(HEADER + csv_row("s1") + csv_row(name="teleport"))
    other.write_text(HEADER + csv_row("s2"))
    wrong = load(settings, path).loads[0]
    load(settings, other)
    report = unload(settings, wrong.load_id[:12], now_ms=1)
    assert (report.removed, report.file) == (1, str(path))
    assert query(settings, "SELECT session_id FROM events") == [("s2",)]
    assert query(settings, "FROM quarantine") == []
    assert FeatureStore(open_lake(settings)).refresh().sessions == 1
    with pytest.raises(NotFoundError, match="no load"):
        unload(settings, wrong.load_id, now_ms=2)
    assert counts(settings, path) == (1, 0, 1)
    assert len(query(settings, "FROM quarantine")) == 1


def test_labels_cannot_be_taken_out(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("session,label\ns1,bot\n")
    (loaded,) = load(settings, labels=str(tmp_path / "labels.csv")).loads
    with pytest.raises(InputError, match="cannot be taken out"):
        unload(settings, loaded.load_id, now_ms=1)


def test_a_removal_killed_before_the_ledger_is_finished_by_the_next_load(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text(HEADER + csv_row("s1"))
    other.write_text(HEADER + csv_row("s2"))
    wrong = load(settings, path).loads[0]

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("phantom_core.lake.removal.mark_removed", die)
        unload(settings, wrong.load_id, now_ms=7)
    assert query(settings, "SELECT removed_ms FROM loads") == [(None,)]
    load(settings, other)
    assert query(settings, "SELECT removed_ms FROM loads ORDER BY load_seq") == [(7,), (None,)]


def test_events_of_one_moment_keep_the_order_of_their_file(
    settings: Settings, tmp_path: Path
) -> None:
    names = ["page_view", "view", "add_to_cart", "checkout", "purchase"] * 3
    path = tmp_path / "a.csv"
    path.write_text(
        "session_id,ts,event\n" + "".join(f"s2,2019-10-01 00:05:14 UTC,{name}\n" for name in names)
    )
    load(settings, path)
    (tmp_path / "b.csv").write_text(
        "session_id,ts,event\n"
        "s2,2019-10-01 00:05:14.000900 UTC,search\n"
        "s2,2019-10-01 00:05:14.000100 UTC,sort\n"
    )
    load(settings, tmp_path / "b.csv")
    found = query(settings, "SELECT event_name FROM events ORDER BY event_ms, event_seq")
    once = [
        "page_view",
        "view_item_page",
        "add_item_to_cart",
        "checkout_start",
        "purchase_complete",
    ]
    assert [name for (name,) in found] == [*once * 3, "sort_change", "search"]


def test_a_lake_of_an_earlier_release_takes_new_files_and_its_own_again(
    settings: Settings, tmp_path: Path
) -> None:
    """Rows without event_seq, ids of all mapped fields, a ledger without the mapping's digest."""
    path, lake = tmp_path / "a.jsonl", open_lake(settings)
    path.write_text(jsonl() + jsonl(eventId="e1") + jsonl(sessionId="s2", storeMode="hotel"))
    load(settings, path)
    with lake.connect() as connection:
        earlier = connection.sql(
            "SELECT * EXCLUDE event_seq, event_seq FROM events ORDER BY event_seq"
        ).to_arrow_table()
        ledger = connection.sql("SELECT * FROM loads").to_arrow_table()
    connection = duckdb.connect()
    macro = "CREATE MACRO key_of(value) AS CAST(CAST(md5_number_lower(value) AS HUGEINT) - "
    connection.execute(f"{macro}9223372036854775808 AS BIGINT)")
    connection.register("earlier", earlier)
    former = (
        "key_of(CASE WHEN session_id = 's1' AND event_seq % 4294967296 = 1 THEN 'id' || chr(31) || "
        "'e1' ELSE concat_ws(chr(31), session_id, event_ms * 1000, event_name, chr(30), "
        "CASE WHEN session_id = 's2' THEN 'hotel' ELSE chr(30) END, page, chr(30), chr(30), "
        "chr(30)) END)"
    )
    rows = connection.sql(
        f"SELECT * EXCLUDE event_seq REPLACE ({former} AS event_id) FROM earlier"
    ).to_arrow_table()
    old_events, old_loads = schema.EVENTS.remove(14), schema.LOADS.remove(14).remove(13)
    for table, content in (
        ("events", rows.cast(old_events)),
        ("loads", ledger.select(old_loads.names).cast(old_loads)),
    ):
        write_deltalake(lake.root / table, content, mode="overwrite", schema_mode="overwrite")
    assert query(settings, "SELECT DISTINCT event_seq FROM events") == [(0,)]
    assert FeatureStore(lake).refresh().events == 3
    assert counts(settings, path) == (0, 3, 0)
    (tmp_path / "b.jsonl").write_text(jsonl(sessionId="s3") * 2)
    assert counts(settings, tmp_path / "b.jsonl") == (2, 0, 0)
    assert query(settings, "SELECT COUNT(*), COUNT(DISTINCT event_seq) FROM events") == [(5, 3)]
    report = unload(settings, ledger["load_id"][0].as_py(), now_ms=9)
    assert report.removed == 3
    assert FeatureStore(lake).refresh().events == 2


STRAY = [
    's1,2024-11-15 12:00:10,search,"red shoes,p2\n',
    "s2,2024-11-15 12:00:20,view_item,shirt,p3\n",
    "s3,2024-11-15 12:00:30,purchase,shirt,p4\n",
    's4,2024-11-15 12:00:50,view_item,27 inch",p6\n',
    "s5,2024-11-15 12:01:00,view_item,plain,p7\n",
]


def test_in_text_with_tabs_a_quote_is_text(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(("session_id,ts,event,page,product_id\n" + "".join(STRAY)).replace(",", "\t"))
    assert counts(settings, path) == (5, 0, 0)
    assert query(settings, "SELECT page FROM events ORDER BY event_ms")[0] == ('"red shoes',)
    quoted = '"session_id"\t"ts"\t"event"\n"s1"\t"2024-11-15 12:00:10"\t"search"\n'
    (tmp_path / "b.tsv").write_text(quoted)
    assert counts(settings, tmp_path / "b.tsv") == (1, 0, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_a_stray_quote_costs_its_own_row_only(
    delimiter: str, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    rows = ["session_id,ts,event,page,product_id\n", *STRAY]
    path.write_text("".join(rows).replace(",", delimiter))
    assert counts(settings, path) == (4, 0, 1)
    assert query(settings, "SELECT line, reason FROM quarantine") == [(2, "unclosed_quote")]


def test_a_quoted_value_over_several_lines_is_a_value(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "session_id,ts,event,page,product_id\n"
        "s0,2024-11-15 12:00:00,search,plain,p1\n"
        's1,2024-11-15 12:00:10,search,"red,\nblue, green, and, yellow,\n and shoes",p2\n'
    )
    assert counts(settings, path) == (2, 0, 0)


def test_a_time_with_an_offset_needs_no_zone(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "session,ts,event\ns1,25/Oct/2020:02:30:00 +0200,page_view\n"
        "s1,25/Oct/2020:02:30:00 +0100,page_view\ns1,25/Oct/2020:03:30:00 +0100,page_view\n"
        "s1,25/Oct/2020 03:30,page_view\n"
    )
    mapping = parse_mapping(
        'name = "clf"\ntime_format = "%d/%b/%Y:%H:%M:%S %z"\ntime_zone = "Europe/Berlin"\n'
        '[columns]\nsession_id = "session"\nts = "ts"\nevent_name = "event"\n'
    )
    assert counts(settings, path, mapping=mapping) == (3, 0, 1)
    found = query(
        settings, "SELECT make_timestamp(event_ms * 1000)::VARCHAR FROM events ORDER BY 1"
    )
    assert [time for (time,) in found] == [f"2020-10-25 0{hour}:30:00" for hour in range(3)]
