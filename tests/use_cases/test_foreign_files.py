"""What exports of other tools write: each small file with what PHANTOM makes of it."""

import gzip
import json
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from phantom_core.core.errors import MappingError, SourceError
from phantom_core.core.settings import Settings
from phantom_core.events.mapping import load_mapping, parse_mapping
from tests.use_cases.test_file_identity import counts
from tests.use_cases.test_ingest import load, query

PLAIN = """name = "plain"
[columns]
session_id = "session_id"
ts = "ts"
event_name = "event"
[metadata]
price = "price"
"""
OTTO = """name = "otto"
each = "events"
[columns]
session_id = "session"
ts = "events.ts"
event_name = "events.type"
product_id = "events.aid"
[event_names]
clicks = "view_item_page"
carts = "add_item_to_cart"
"""
OTTO_ROW = (
    '{"session":0,"events":[{"aid":1517085,"ts":1659304800025,"type":"clicks"},'
    '{"aid":1563459,"ts":1659304904511,"type":"carts"}]}\n'
)


def test_a_named_column_that_is_missing_is_an_error(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "event_time,event_type,product_id,category_id,category_code,brand,Price,user_session\n"
        "2019-10-01 00:00:00 UTC,view,44600062,1,,shiseido,35.79,72d7\n"
    )
    with pytest.raises(MappingError, match="There is no column 'price'"):
        load(settings, path, mapping=load_mapping("rees46"))
    optional = parse_mapping(PLAIN.replace('price = "price"', 'price = "price?"'))
    (tmp_path / "b.csv").write_text("session_id,ts,event\ns1,2024-11-15 12:00:00,view\n")
    assert counts(settings, tmp_path / "b.csv", mapping=optional) == (1, 0, 0)


def test_a_list_of_events_is_unfolded(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(OTTO_ROW + '{"session":1,"events":[]}\n{"session":2}\n')
    assert counts(settings, path, mapping=parse_mapping(OTTO)) == (2, 0, 2)
    assert query(settings, "SELECT event_ms, event_name, product_id FROM events ORDER BY 1") == [
        (1659304800025, "view_item_page", "1517085"),
        (1659304904511, "add_item_to_cart", "1563459"),
    ]
    assert query(settings, "SELECT DISTINCT reason FROM quarantine") == [("empty_list",)]
    assert counts(settings, path, mapping=parse_mapping(OTTO)) == (0, 2, 2)


def test_a_list_written_as_text_in_a_column_is_unfolded(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    events = json.loads(OTTO_ROW)["events"]
    text = json.dumps(events).replace('"', '""')
    path.write_text(f'session,events\n0,"{text}"\n1,\n')
    assert counts(settings, path, mapping=parse_mapping(OTTO)) == (2, 0, 1)


def test_the_wrapper_of_the_service_is_read_from_a_file_and_others_are_hinted_at(
    settings: Settings, tmp_path: Path
) -> None:
    event = {"sessionId": "s1", "ts": "2026-03-01T10:00:00Z", "eventName": "search"}
    (tmp_path / "a.json").write_text(json.dumps({"events": [event, event]}))
    assert counts(settings, tmp_path / "a.json") == (2, 0, 0)
    (tmp_path / "b.json").write_text(json.dumps({"batch": [event]}))
    with pytest.raises(MappingError) as found:
        load(settings, tmp_path / "b.json")
    assert 'each = "batch"' in found.value.hint


def test_a_file_without_a_header_gets_stated_names_and_says_what_it_looks_like(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "clicks.dat.txt"
    path.write_text(
        "1,2024-01-19T00:00:00.000Z,83,3,a\n1,2024-01-19T00:08:00.000Z,53,3,b\n"
        "2,2024-01-12T00:00:00.000Z,15,S,c\n"
    )
    with pytest.raises(MappingError) as found:
        load(settings, path)
    assert "first line looks like data" in found.value.hint
    named = 'header = ["session", "ts", "item", "category", "x"]\n[columns]\n'
    mapping = parse_mapping(
        f'name = "y"\n{named}session_id = "session"\nts = "ts"\nproduct_id = "item"\n'
        '[constants]\nevent_name = "view_item_page"\n'
    )
    assert counts(settings, path, mapping=mapping) == (3, 0, 0)


@pytest.mark.parametrize("value", ["NULL", "\\N", "nan", "(not set)", "-", "undefined", "N/A"])
def test_a_placeholder_is_no_session(value: str, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"session_id,ts,event\n{value},2024-11-15 12:00:00,search\n")
    load(settings, path)
    assert query(settings, "SELECT reason FROM quarantine") == [("missing_session_id",)]


def test_a_mapping_names_further_placeholders(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("session_id,ts,event,price\nnone,2024-11-15 12:00:00,search,1\n")
    mapping = parse_mapping(PLAIN.replace("[columns]", 'missing = ["none"]\n[columns]'))
    assert counts(settings, path, mapping=mapping) == (0, 0, 1)


def test_json_in_a_column_and_keys_with_dots(settings: Settings, tmp_path: Path) -> None:
    posthog = tmp_path / "a.csv"
    posthog.write_text(
        "uuid,event,properties,timestamp\n"
        'u1,view,"{""$session_id"": ""x"", ""product_id"": ""p1""}",2024-11-15 12:00:00\n'
    )
    mapping = parse_mapping(
        'name = "p"\n[columns]\nsession_id = "properties.$session_id"\nts = "timestamp"\n'
        'event_name = "event"\nproduct_id = "properties.product_id"\n'
    )
    assert counts(settings, posthog, mapping=mapping) == (1, 0, 0)
    lines = tmp_path / "b.jsonl"
    properties = json.dumps({"$session_id": "y", "product_id": "p2"})
    row = {"event": "view", "timestamp": "2024-11-15 12:00:01", "properties": properties}
    lines.write_text(json.dumps(row) + "\n")
    assert counts(settings, lines, mapping=mapping) == (1, 0, 0)
    dotted = tmp_path / "c.jsonl"
    dotted.write_text('{"labels.session":"s1","@timestamp":"2024-11-15T12:00:02Z","e.n":"view"}\n')
    mapping = parse_mapping(
        'name = "e"\n[columns]\nsession_id = "labels.session"\nts = "@timestamp"\n'
        'event_name = "e.n"\n'
    )
    assert counts(settings, dotted, mapping=mapping) == (1, 0, 0)
    assert query(settings, "SELECT session_id, product_id FROM events ORDER BY event_ms") == [
        ("x", "p1"),
        ("y", "p2"),
        ("s1", None),
    ]


def test_prices_with_decimal_commas_and_currency_signs(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    prices = ["12,50", "1.299,00", "45 €", "N/A", "EUR 7,5", "-"]
    path.write_text(
        "session_id;ts;event;price\n"
        + "".join(f"s1;2024-11-15 12:00:0{n};view;{p}\n" for n, p in enumerate(prices))
    )
    mapping = parse_mapping(PLAIN.replace("[columns]", 'decimal = ","\n[columns]'))
    assert counts(settings, path, mapping=mapping) == (6, 0, 0)
    found = query(settings, "SELECT price_seen FROM events ORDER BY event_seq")
    assert [price for (price,) in found] == [12.5, 1299.0, 45.0, None, 7.5, None]
    # A number that JSON has as a number needs no mark.
    row = {"session_id": "s", "ts": "2024-11-15 13:00:00", "event": "view", "price": 1.299}
    (tmp_path / "b.jsonl").write_text(json.dumps(row))
    load(settings, tmp_path / "b.jsonl", mapping=mapping)


def test_an_index_a_separator_line_a_title_and_escaped_quotes(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(",session_id,ts,event\n0,s1,2024-11-15 12:00:00,view\n")
    (tmp_path / "b.csv").write_text("sep=;\nsession_id;ts;event\ns2;2024-11-15 12:00:00;view\n")
    assert counts(settings, tmp_path / "a.csv") == (1, 0, 0)
    assert counts(settings, tmp_path / "b.csv") == (1, 0, 0)
    (tmp_path / "c.csv").write_text(
        "Report of all clicks\n\nsession_id,ts,event,price,metadata\n"
        's3,2024-11-15 12:00:00,view,,"{\\"price\\": 10.5}"\n'
    )
    mapping = parse_mapping(
        'name = "s"\nescape = "\\\\"\nskip_lines = 1\n[columns]\nsession_id = "session_id"\n'
        'ts = "ts"\nevent_name = "event"\nmetadata = "metadata"\n'
    )
    assert counts(settings, tmp_path / "c.csv", mapping=mapping) == (1, 0, 0)
    assert query(settings, "SELECT price_seen FROM events WHERE session_id = 's3'") == [(10.5,)]


FOREIGN = {
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 20, "an old Excel workbook"),
    "avro": (b"Obj\x01" + b"\0" * 20, "an Avro file"),
    "orc": (b"ORC" + b"\0" * 20, "an ORC file"),
    "xz": (b"\xfd7zXZ\0" + b"\0" * 20, "an xz archive"),
    "bz2": (b"BZh91AY&SY" + b"\0" * 20, "a bzip2 archive"),
    "gzip": (gzip.compress(b"session_id,ts,event\n"), "a gzip archive"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_called_what_it_is(name: str, settings: Settings, tmp_path: Path) -> None:
    content, said = FOREIGN[name]
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SourceError, match=f"is {said}"):
        load(settings, tmp_path / "a.csv")


def test_files_of_a_folder_that_are_left_out_are_named(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    (folder / "_temporary").mkdir(parents=True)
    good = "session_id,ts,event\ns1,2024-11-15 12:00:00,search\n"
    for name in ("a.csv", "part-00000", "d.csv.bz2", "f.csv.zip", "_temporary/part-00001.csv"):
        (folder / name).write_text(good)
    (folder / "_SUCCESS").write_text("")
    report = load(settings, folder)
    assert report.totals().accepted == 1
    assert [Path(one).name for one in report.totals().left_out] == [
        "d.csv.bz2",
        "f.csv.zip",
        "part-00000",
    ]


def kinds(settings: Settings, path: Path, **options: object) -> dict[str, int]:
    (loaded,) = load(settings, path, **options).loads
    return {one.kind: one.n for one in loaded.warnings}


def test_a_mapped_path_without_a_value_is_warned_of(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"sid":"s1","t":"2024-11-15T12:00:00Z","e":"view_item","props":{"sku":"p1","price":10}}\n'
    )
    mapping = parse_mapping(
        'name = "m"\n[columns]\nsession_id = "sid"\nts = "t"\nevent_name = "e"\n'
        'product_id = "props.product_sku"\n[metadata]\nprice = "props.unit_price"\n'
    )
    (loaded,) = load(settings, path, mapping=mapping).loads
    texts = " ".join(one.text for one in loaded.warnings)
    assert "'props.product_sku'" in texts
    assert "'props.unit_price'" in texts
    assert loaded.missing == {"product_id": 1.0, "metadata.price": 1.0}


def test_a_list_of_which_the_first_is_read_is_warned_of(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(OTTO_ROW)
    first = OTTO.replace('each = "events"\n', "").replace("events.", "events[0].")
    assert kinds(settings, path, mapping=parse_mapping(first)) == {"elements_left": 1}


def test_long_sessions_currencies_and_unknown_names_are_warned_of(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    row = {"sessionId": "s1", "eventName": "purchase"}
    paid = [("2024-09-01", 10, "EUR"), ("2024-11-06", 1500, "JPY")]
    rows = [{**row, "ts": ts, "price": price, "currency": money} for ts, price, money in paid]
    rows.append({**row, "ts": "2024-11-06", "eventName": "teleport"})
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    assert kinds(settings, path) == {
        "unknown_names": 1,
        "long_sessions": 1,
        "several_currencies": 2,
    }


def test_labels_that_fit_no_session_are_warned_of(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("session_id,ts,event\n1001,2024-11-15 12:00:00,search\n")
    (tmp_path / "l.csv").write_text("session,label\n1001.0,agent\n1002.0,human\n")
    load(settings, tmp_path / "a.csv")
    (loaded,) = load(settings, labels=str(tmp_path / "l.csv")).loads
    assert [(one.kind, one.n) for one in loaded.warnings] == [("no_match", 2)]
    assert "2 of 2 rows fit no session" in loaded.warnings[0].text


def test_a_workbook_loads_with_its_dates_and_numbers(settings: Settings, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([])
    sheet.append(["session_id", "ts", "event", "product_id", "price"])
    sheet.append([1001.0, datetime(2024, 11, 15, 12, 0, 0), "view_item", 77, 9.5])
    sheet.append([])
    sheet.append([1001, "2024-11-15T12:00:05Z", "purchase", "p2", 12])
    sheet.append([1001, None, "purchase", "p2", 12])
    sheet.append([1001, "2024-11-15T12:00:05Z", "purchase", "p2", 12, "stray"])
    book.create_sheet("notes").append(["not read"])
    book.save(tmp_path / "shop.xlsx")
    assert counts(settings, tmp_path / "shop.xlsx") == (2, 0, 2)
    columns = "session_id, event_ms, event_name, product_id, price_seen"
    assert query(settings, f"SELECT {columns} FROM events ORDER BY event_ms") == [
        ("1001", 1731672000000, "view_item_page", "77", 9.5),
        ("1001", 1731672005000, "purchase_complete", "p2", 12.0),
    ]
    assert query(settings, "SELECT line, reason FROM quarantine ORDER BY line") == [
        (6, "missing_timestamp"),
        (7, "wrong_column_count"),
    ]


def test_half_a_workbook_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "shop.xlsx").write_bytes(b"PK\x03\x04 half a workbook")
    with pytest.raises(SourceError, match="is not a whole Excel workbook"):
        load(settings, tmp_path / "shop.xlsx")


def test_an_empty_sheet_and_a_bomb_are_refused(settings: Settings, tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "empty.xlsx")
    with pytest.raises(SourceError, match="is empty"):
        load(settings, tmp_path / "empty.xlsx")
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (65 << 20))
    with pytest.raises(SourceError, match="several hundred times"):
        load(settings, tmp_path / "bomb.xlsx")
