"""The SQL checks agree with the vocabulary, and times are equal in every notation."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from phantom_core.events.columns import Columns
from phantom_core.events.mapping import Mapping
from phantom_core.events.staging import Staging
from phantom_core.events.vocabulary import ALIASES, CANONICAL, canonical_name
from tests.examples import examples

NOON_MS = 1_772_366_400_000  # 2026-03-01T12:00:00Z


def stage(
    folder: Path, rows: list[dict[str, str | None]], **options: object
) -> list[tuple[object, ...]]:
    names = list(rows[0])
    mapping = Mapping(name="test", columns={name: name for name in names}, **options)  # type: ignore[arg-type]
    nothing = pa.nulls(len(rows), pa.string())
    lines = pa.array(range(1, len(rows) + 1), pa.int64())
    values = [pa.array([row[name] for row in rows], pa.string()) for name in names]
    raw = pa.table(
        [lines, nothing, nothing, nothing, *values],
        names=["_line", "_problem", "_detail", "_text", *names],
    )
    columns = Columns(names, is_json=False)
    with Staging(
        folder, mapping, columns, now_ms=NOON_MS, future_tolerance_s=60, max_chars=1_000
    ) as staging:
        staging.add(raw)
        return staging.connection.execute(
            "SELECT reason, event_ms, event_name, price_seen, amount_paid FROM staged ORDER BY line"
        ).fetchall()


def row(
    ts: str = "2026-03-01T10:00:00Z", event_name: str = "search", metadata: str | None = None
) -> dict[str, str | None]:
    return {"session_id": "s", "ts": ts, "event_name": event_name, "metadata": metadata}


NAME_PARTS = st.sampled_from(
    [
        "hover",
        "over",
        "filter",
        "apply",
        "_",
        "-",
        " ",
        ":",
        "date",
        "search",
        "view",
        "item",
        "\t",
        "A",
        "é",
    ]
)


@examples(30, HealthCheck.function_scoped_fixture)
@given(
    st.lists(
        st.lists(NAME_PARTS, min_size=1, max_size=5).map("".join).filter(str.strip),
        min_size=1,
        max_size=40,
    )
)
def test_sql_and_python_agree_on_any_name(tmp_path: Path, names: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        found = stage(Path(folder), [row(event_name=name) for name in names])
    assert [name for _, _, name, _, _ in found] == [canonical_name(name) for name in names]


def test_sql_and_python_agree_on_every_name(tmp_path: Path) -> None:
    generic = [
        ("filter_apply", "date"),
        ("filter", "Amenities"),
        ("filter_apply", "stars"),
        ("filter", None),
    ]
    plain = [
        *CANONICAL,
        *ALIASES,
        "Hover_Image",
        "hover_over_map",
        "hover_over_",
        "hover_",
        "Add-To-Cart",
        "teleport",
    ]
    names = [(name, None) for name in plain] + generic
    found = stage(
        tmp_path,
        [
            row(event_name=name, metadata=f'{{"type": "{kind}"}}' if kind else None)
            for name, kind in names
        ],
    )
    assert [name for _, _, name, _, _ in found] == [
        canonical_name(name, kind) for name, kind in names
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "ts",
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01 10:00:00",
        "2026-03-01T12:00:00+02:00",
        "2026-03-01 10:00:00 UTC",
        "1772359200",
        "1772359200000",
        "1772359200000000",
        "1772359200000000000",
        "1772359200.0",
        "20260301T100000Z",
        "2026-03-01t10:00:00z",
        "1.7723592e9",
    ],
)
def test_one_moment_however_it_is_written(ts: str, tmp_path: Path) -> None:
    assert stage(tmp_path, [row(ts)])[0][:2] == (None, 1_772_359_200_000)


@pytest.mark.parametrize("ts", ["inf", "infinity", "1e300", "9" * 30, "12:00", "March"])
def test_times_that_are_none(ts: str, tmp_path: Path) -> None:
    assert stage(tmp_path, [row(ts)])[0][0] in ("bad_timestamp", "future_timestamp")


def test_a_local_time_is_read_in_the_mappings_zone(tmp_path: Path) -> None:
    assert (
        stage(tmp_path, [row("2026-03-01 10:00:00")], time_zone="Asia/Seoul")[0][1]
        == 1_772_359_200_000 - 9 * 3_600_000
    )


def test_a_time_in_a_format_of_its_own_is_read_in_the_mappings_zone(tmp_path: Path) -> None:
    german = {"time_format": "%d.%m.%Y %H:%M:%S", "time_zone": "Europe/Berlin"}
    found = stage(
        tmp_path,
        [row("01.03.2026 11:00:00"), row("2026-03-01T10:00:00Z"), row("31.02.2026 11:00:00")],
        **german,
    )
    assert [one[:2] for one in found[:2]] == [(None, 1_772_359_200_000)] * 2
    assert found[2][0] == "bad_timestamp"


def test_a_small_lead_over_the_clock_is_not_a_future_timestamp(tmp_path: Path) -> None:
    assert [
        found[0]
        for found in stage(tmp_path, [row("2026-03-01T12:00:59Z"), row("2026-03-01T12:01:01Z")])
    ] == [None, "future_timestamp"]


def test_the_price_seen_is_the_first_of_price_and_base_price_and_paid_is_total_or_price(
    tmp_path: Path,
) -> None:
    rows = [
        row(metadata='{"price": 9, "base_price": 10}'),
        row(metadata='{"base_price": "10"}'),
        row(event_name="purchase", metadata='{"price": 9, "total": 18}'),
        row(event_name="purchase", metadata='{"price": 9}'),
        row(metadata='{"total": 18}'),
        row(metadata='{"price": ""}'),
    ]
    assert [found[3:] for found in stage(tmp_path, rows)] == [
        (9, None),
        (10, None),
        (9, 18),
        (9, 9),
        (None, None),
        (None, None),
    ]
