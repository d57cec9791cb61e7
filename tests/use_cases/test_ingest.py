"""Every row of every file is accounted for, nothing enters twice, nothing enters half."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from phantom_core.core.errors import (
    InputError,
    MappingError,
    PhantomError,
    SourceError,
    UnavailableError,
)
from phantom_core.core.settings import Settings
from phantom_core.events.mapping import load_mapping, parse_mapping
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.ingest import IngestReport, ingest_files
from tests.events.broken_inputs import CASES, HEADER, NOW_MS, Case, csv_row, jsonl

SHARED = Path(__file__).parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the real data sets are not part of the repository"
)


def load(settings: Settings, *paths: Path, **options: object) -> IngestReport:
    return ingest_files(settings, list(paths), now_ms=NOW_MS, **options)  # type: ignore[arg-type]


def events(settings: Settings) -> list[tuple[object, ...]]:
    with open_lake(settings).connect() as connection:
        return connection.sql(
            "SELECT session_id, event_ms, event_name FROM events ORDER BY ALL"
        ).fetchall()


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with open_lake(settings).connect() as connection:
        return connection.sql(sql).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_input_gets_its_reason_and_costs_no_good_row(
    case: Case, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "before.csv").write_text(HEADER + csv_row("before"))
    load(settings, tmp_path / "before.csv")
    path = case.write(tmp_path)
    if case.refusal:
        with pytest.raises(PhantomError, match=case.refusal):
            load(settings, path)
        assert len(events(settings)) == 1
        return
    totals = load(settings, path).to_json()
    assert totals["quarantined"] == case.reasons
    assert totals["read"] == totals["accepted"] + totals["duplicates"] + sum(case.reasons.values())  # type: ignore[operator]
    assert totals["accepted"] == case.good or (case.good < 0 and totals["accepted"] > 1_000)  # type: ignore[operator]
    assert len(events(settings)) == 1 + totals["accepted"]  # type: ignore[operator]


def test_quarantine_keeps_file_line_and_text(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + csv_row() + "\n" + csv_row(name="teleport"))
    load(settings, path)
    ((file, line, reason, detail, raw),) = query(
        settings, "SELECT file, line, reason, detail, raw FROM quarantine"
    )
    assert (file, line, reason, detail) == (str(path), 4, "unknown_event_name", "teleport")
    assert json.loads(str(raw))["eventName"] == "teleport"


@pytest.mark.slow
@pytest.mark.parametrize(
    "suffix", ["csv", "tsv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "json", "parquet"]
)
def test_every_format_gives_the_same_events(
    suffix: str, settings: Settings, tmp_path: Path
) -> None:
    rows = [
        ("s1", "2026-03-01T10:00:00Z", "product_view"),
        ("s2", "2026-03-01T10:00:01.500Z", "add_to_cart"),
    ]
    documents = [dict(zip(("sessionId", "ts", "eventName"), row, strict=True)) for row in rows]
    lines = "".join(json.dumps(document) + "\n" for document in documents)
    table = "sessionId,ts,eventName\n" + "".join(",".join(row) + "\n" for row in rows)
    path = tmp_path / f"events.{suffix}"
    match suffix:
        case "parquet":
            pq.write_table(pa.Table.from_pylist(documents), path)
        case "json":
            path.write_text(json.dumps(documents, indent=2))
        case "tsv":
            path.write_text(table.replace(",", "\t"))
        case "csv.gz" | "jsonl.gz":
            path.write_bytes(gzip.compress((table if suffix.startswith("csv") else lines).encode()))
        case "csv.zst":
            path.write_bytes(zstandard.compress(table.encode()))
        case _:
            path.write_text(table if suffix == "csv" else lines)
    assert load(settings, path).to_json()["accepted"] == 2
    assert events(settings) == [
        ("s1", 1772359200000, "view_item_page"),
        ("s2", 1772359201500, "add_item_to_cart"),
    ]


def test_the_same_file_twice_adds_nothing(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        HEADER + csv_row("s1") + csv_row("s1") + csv_row("s2") + csv_row(name="teleport")
    )
    first, second = load(settings, path).to_json(), load(settings, path).to_json()
    assert (first["accepted"], first["duplicates"]) == (3, 0)
    assert (second["accepted"], second["duplicates"], second["quarantined"]) == (
        0,
        3,
        {"unknown_event_name": 1},
    )
    assert len(query(settings, "FROM quarantine")) == 1


def test_rows_with_the_same_client_event_id_are_one_event(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        jsonl(eventId="e1") + jsonl(eventId="e1", ts="2026-03-01T10:00:09Z") + jsonl(eventId="e2")
    )
    assert load(settings, path).to_json()["duplicates"] == 1


@pytest.mark.slow
def test_two_processes_loading_one_file_at_once_add_it_once(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        HEADER + "".join(csv_row(f"s{i}") for i in range(5_000)) + csv_row(name="teleport")
    )
    command = [
        sys.executable,
        "-m",
        "phantom_core",
        "ingest",
        str(path),
        "--workspace",
        str(settings.workspace),
        "--json",
    ]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    reports = [json.loads(process.communicate()[0]) for process in processes]
    assert sorted(report["accepted"] for report in reports) == [0, 0, 5_000]
    assert all(report["read"] == 5_001 for report in reports)
    assert len(events(settings)) == 5_000
    assert len(query(settings, "FROM quarantine")) == 1


@pytest.mark.slow
def test_a_killed_load_leaves_nothing_behind_and_can_be_repeated(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "".join(csv_row(f"s{i}") for i in range(100_000)))
    command = [
        sys.executable,
        "-m",
        "phantom_core",
        "ingest",
        str(path),
        "--workspace",
        str(settings.workspace),
        "--json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scratch = settings.workspace / "scratch"
    while not (scratch.is_dir() and any(scratch.glob("*/staging.duckdb"))):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert events(settings) == []
    assert query(settings, "FROM loads") == []
    assert load(settings, path).to_json()["accepted"] == 100_000


def test_a_load_killed_between_rows_and_ledger_is_finished_by_the_next(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text(HEADER + csv_row("s1"))
    other.write_text(HEADER + csv_row("s2"))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("phantom_core.lake.load.record_load", die)
        load(settings, path)
    assert query(settings, "FROM loads") == []
    load(settings, other)
    assert query(settings, "SELECT load_seq, accepted FROM loads ORDER BY load_seq") == [
        (1, 1),
        (2, 1),
    ]


def test_a_folder_loads_what_it_can_and_names_what_it_cannot(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text(HEADER + csv_row("s1"))
    (folder / "deep" / "b.jsonl").write_text(jsonl(sessionId="s2"))
    (folder / "empty.csv").write_text("")
    (folder / "notes.md").write_text("not data")
    report = load(settings, folder)
    assert report.to_json()["accepted"] == 2
    assert list(report.failed) == [str(folder / "empty.csv")]
    assert load(settings, folder / "*.csv").to_json()["read"] == 1


def test_a_folder_may_hold_its_own_labels(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "a.csv").write_text(HEADER + csv_row("s1"))
    (tmp_path / "export" / "labels.csv").write_text("session,label\ns1,bot\n")
    report = load(settings, tmp_path / "export", labels=str(tmp_path / "export" / "labels.csv"))
    assert (report.to_json()["accepted"], report.to_json()["labels"], report.failed) == (1, 1, {})


def test_a_missing_path_does_not_keep_the_others_out(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + csv_row("s1"))
    report = load(settings, tmp_path / "a.csv", tmp_path / "missing.csv")
    assert report.to_json()["accepted"] == 1
    assert "nothing to load" in report.failed[str(tmp_path / "missing.csv")]


def test_a_folder_around_the_workspace_gives_none_of_the_lakes_own_files(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "data" / "workspace")
    (tmp_path / "a.csv").write_text(HEADER + csv_row("s1"))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "b.csv").write_text(HEADER + csv_row("s2"))
    load(settings, tmp_path)
    again = load(settings, tmp_path)
    assert (len(again.loads), again.to_json()["accepted"], again.failed) == (1, 0, {})


def test_a_database_that_is_down_costs_only_the_experiments_and_hides_its_password(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(HEADER + csv_row("s1"))
    report = load(
        settings, tmp_path / "a.csv", experiments="postgresql://me:secret@127.0.0.1:1/none"
    )
    assert report.to_json()["accepted"] == 1
    assert "does not answer" in report.failed["127.0.0.1:1/none"]
    assert "secret" not in json.dumps(report.to_json())
    with pytest.raises(SourceError, match="no database URL"):
        load(settings, experiments="postgresql://me@127.0.0.1:abc/none")


def test_a_ga4_row_with_odd_parameters_costs_that_row_only(
    settings: Settings, tmp_path: Path
) -> None:
    good = {"event_timestamp": 1772359200000000, "event_name": "scroll", "user_pseudo_id": "u"}
    pair = {"key": "ga_session_id", "value": {"int_value": 7}}
    rows = [{**good, "event_params": params} for params in ([pair], {"a": 1}, "text", 5)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    totals = load(settings, tmp_path / "a.jsonl", mapping=load_mapping("ga4")).to_json()
    assert (totals["accepted"], totals["quarantined"]) == (1, {"missing_session_id": 3})


def test_labels_in_json_keep_their_own_reasons_and_a_family_alone_erases_no_label(
    settings: Settings, tmp_path: Path
) -> None:
    labels, families = tmp_path / "labels.jsonl", tmp_path / "families.csv"
    labels.write_text('{"session": "a", "label": "bot"}\n{"session": \n[1]\n{"label": "bot"}\n')
    families.write_text("session,family\na,scraper\n")
    reasons = {"broken_json": 1, "not_an_object": 1, "missing_session_id": 1}
    assert load(settings, labels=str(labels)).loads[0].quarantined == reasons
    load(settings, labels=str(families))
    assert query(settings, "SELECT * FROM session_labels") == [("a", True, "scraper")]
    families.write_text("family\nscraper\n")
    with pytest.raises(MappingError, match="No column session"):
        load(settings, labels=str(families))


def test_load_numbers_are_never_used_twice(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + csv_row("s1"))
    (tmp_path / "b.csv").write_text(HEADER + csv_row("s2"))
    load(settings, tmp_path / "a.csv")
    open_lake(settings).delete("loads", "TRUE")
    load(settings, tmp_path / "b.csv")
    assert query(settings, "SELECT DISTINCT load_seq FROM events ORDER BY 1") == [(1,), (2,)]


def test_quotes_are_distinguished_from_events_and_loaded(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "quotes.jsonl"
    quote = {
        "productId": "p1",
        "price": 12.5,
        "sessionId": "s1",
        "storeMode": "hotel",
        "ts": 1772359200000,
    }
    path.write_text(
        "".join(
            json.dumps(row) + "\n"
            for row in (quote, quote, {**quote, "price": -1}, {**quote, "productId": None})
        )
    )
    totals = load(settings, path).to_json()
    assert (totals["accepted"], totals["duplicates"]) == (2, 0)
    assert totals["quarantined"] == {"negative_price": 1, "missing_product_id": 1}
    assert (
        query(settings, "SELECT session_id, product_id, price, store_mode FROM quotes")
        == [("s1", "p1", 12.5, "hotel")] * 2
    )


def test_utf16_is_read_by_its_byte_order_mark_and_latin1_when_the_mapping_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    wide, narrow = tmp_path / "wide.csv", tmp_path / "narrow.csv"
    wide.write_bytes((HEADER + csv_row("café")).encode("utf-16"))
    narrow.write_bytes((HEADER + csv_row("hôtel")).encode("latin-1"))
    mapping = parse_mapping(
        'name = "x"\nencoding = "latin-1"\n[columns]\nsession_id = "sessionId"\nts = '
        '"ts"\nevent_name = "eventName"'
    )
    load(settings, wide)
    load(settings, narrow, mapping=mapping)
    assert [row[0] for row in events(settings)] == ["café", "hôtel"]


def test_labels_and_experiments_load_from_files_and_the_last_word_counts(
    settings: Settings, tmp_path: Path
) -> None:
    labels, experiments = tmp_path / "labels.csv", tmp_path / "experiments.csv"
    labels.write_text("session,label\ns1,bot\ns2,human\ns3,martian\n,bot\n")
    experiments.write_text(
        "id,subject_name,xp_human_only,xp_market_mode,xp_task_id\ne1,ann,true,hotel,t1\ne2,bob,maybe,hotel,t1\n"
    )
    report = load(settings, labels=str(labels), experiments=str(experiments))
    assert [(one.kind, one.accepted, dict(one.quarantined)) for one in report.loads] == [
        ("experiments", 1, {"bad_flag": 1}),
        ("labels", 2, {"unknown_label": 1, "missing_session_id": 1}),
    ]
    labels.write_text("session,label\ns1,human\ns2,human\n")
    assert load(settings, labels=str(labels)).loads[0].accepted == 1
    assert query(settings, "SELECT session_id, is_agent FROM session_labels ORDER BY 1") == [
        ("s1", False),
        ("s2", False),
    ]


@pytest.mark.postgres
def test_experiments_load_from_postgres(settings: Settings) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    url = os.environ.get("PHANTOM_TEST_POSTGRES_URL", "")
    if not url:
        pytest.skip("PHANTOM_TEST_POSTGRES_URL is not set")
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    columns = (
        "id text, subject_name text, xp_human_only boolean, xp_market_mode text, xp_task_id text"
    )
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE IF EXISTS experiments"))
        connection.execute(sqlalchemy.text(f"CREATE TABLE experiments ({columns})"))
        connection.execute(
            sqlalchemy.text(
                "INSERT INTO experiments VALUES ('e1', 'ann', true, 'hotel', 't'), ('e2', 'bot', "
                "false, 'hotel', 't')"
            )
        )
    try:
        assert load(settings, experiments=url).loads[0].accepted == 2
    finally:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP TABLE experiments"))
    assert query(settings, "SELECT experiment_id, xp_human_only FROM experiments ORDER BY 1") == [
        ("e1", True),
        ("e2", False),
    ]
    assert (
        url.rpartition("@")[0].split("//")[-1] not in str(query(settings, "SELECT file FROM loads"))
        or "@" not in url
    )
    with pytest.raises(SourceError, match="cannot be read"):
        load(settings, experiments=url)
    engine.dispose()


@pytest.mark.postgres
def test_a_catalogue_loads_from_postgres(settings: Settings) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    url = os.environ.get("PHANTOM_TEST_POSTGRES_URL", "")
    if not url:
        pytest.skip("PHANTOM_TEST_POSTGRES_URL is not set")
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE IF EXISTS catalogue"))
        connection.execute(
            sqlalchemy.text(
                "CREATE TABLE catalogue (product_id text, base_price numeric, stock int, "
                "is_refundable boolean)"
            )
        )
        connection.execute(
            sqlalchemy.text(
                "INSERT INTO catalogue VALUES ('p1', 12.50, 3, true), ('p2', NULL, NULL, NULL)"
            )
        )
    try:
        assert load(settings, catalogue=url).to_json()["catalogue"] == 2
    finally:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP TABLE catalogue"))
    engine.dispose()
    rows = query(
        settings, "SELECT product_id, base_price, stock, is_refundable FROM catalogue ORDER BY 1"
    )
    assert rows == [("p1", 12.5, 3.0, True), ("p2", None, None, None)]


def test_a_database_that_does_not_answer_is_reported(settings: Settings) -> None:
    with pytest.raises((UnavailableError, InputError), match="does not answer"):
        load(settings, experiments="postgresql://nobody@127.0.0.1:1/none")


def test_nothing_to_load_is_reported(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to load at"):
        load(settings, tmp_path / "missing" / "*.csv")
    with pytest.raises(MappingError, match="There is no mapping 'nope'"):
        load_mapping("nope")


def test_ga4_rows_become_events(settings: Settings, tmp_path: Path) -> None:
    row = {
        "event_timestamp": "1772359200000000",
        "event_name": "add_to_cart",
        "user_pseudo_id": "u1",
        "event_params": [
            {"key": "page_location", "value": {"string_value": "https://shop/p1"}},
            {"key": "ga_session_id", "value": {"int_value": "77"}},
        ],
        "items": [{"item_id": "SKU1", "price": 19.9, "quantity": 1}],
        "device": {"web_info": {"browser": "Chrome"}},
    }
    path = tmp_path / "ga4.jsonl"
    path.write_text(
        json.dumps(row) + "\n" + json.dumps({**row, "event_name": "scroll", "items": []}) + "\n"
    )
    assert load(settings, path, mapping=load_mapping("ga4")).to_json()["accepted"] == 2
    assert query(
        settings,
        "SELECT session_id, event_ms, event_name, product_id, price_seen, page FROM events ORDER "
        "BY 3",
    ) == [
        ("u1.77", 1772359200000, "add_item_to_cart", "SKU1", 19.9, "https://shop/p1"),
        ("u1.77", 1772359200000, "click", None, None, "https://shop/p1"),
    ]


@pytest.mark.real_data
@real_data
def test_every_row_of_the_ticket_funnel_is_accepted(settings: Settings) -> None:
    folder = SHARED / "ticket_funnel"
    totals = load(
        settings,
        folder / "requests.parquet",
        mapping=load_mapping("ticket_funnel"),
        labels=str(folder / "labels.csv"),
    ).to_json()
    assert (totals["read"], totals["accepted"], totals["labels"]) == (3_517, 3_517, 191)


@pytest.mark.real_data
@real_data
def test_the_rows_of_rees46_add_up(settings: Settings) -> None:
    """Five rows stand twice in the file: that many events, and none more when loaded again."""
    for accepted, duplicates in ((17_434, 0), (0, 17_434)):
        totals = load(
            settings, SHARED / "rees46_head" / "events.parquet", mapping=load_mapping("rees46")
        ).to_json()
        assert (
            totals["read"],
            totals["accepted"],
            totals["duplicates"],
            totals["quarantined"],
        ) == (17_435, accepted, duplicates, {"missing_session_id": 1})
