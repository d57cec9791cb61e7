"""Broken inputs: what real exports get wrong, each with the reason it must be given.

Every case writes one file. `good` rows must be taken, the others must be in quarantine under
`reasons`, or the whole file must be refused with one sentence that contains `refusal`.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

HEADER = "sessionId,ts,eventName,page,productId,price\n"
NOW_MS = 1_790_000_000_000


def csv_row(
    session: str = "s1",
    ts: str = "2026-03-01T10:00:00Z",
    name: str = "page_view",
    product: str = "p1",
    price: str = "",
) -> str:
    return f"{session},{ts},{name},/home,{product},{price}\n"


def jsonl(**changes: object) -> str:
    event: dict[str, object] = {
        "sessionId": "s1",
        "ts": "2026-03-01T10:00:00Z",
        "eventName": "page_view",
        "page": "/home",
        **changes,
    }
    return json.dumps({key: value for key, value in event.items() if value is not None}) + "\n"


@dataclass(frozen=True)
class Case:
    """One broken file."""

    name: str
    file: str
    content: bytes | str | Callable[[Path], None]
    good: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    refusal: str = ""

    def write(self, folder: Path) -> Path:
        path = folder / self.file
        if callable(self.content):
            self.content(path)
        else:
            path.write_bytes(
                self.content.encode() if isinstance(self.content, str) else self.content
            )
        return path


def _truncated_gzip(path: Path) -> None:
    rows = "".join(
        csv_row(session=f"s{i}", ts=str(1_772_000_000_000 + 7_919 * i)) for i in range(20_000)
    )
    whole = gzip.compress((HEADER + rows).encode())
    path.write_bytes(whole[: len(whole) // 2])


def _truncated_parquet(path: Path) -> None:
    pq.write_table(
        pa.table({"sessionId": ["s1"], "ts": ["2026-03-01"], "eventName": ["page_view"]}), path
    )
    path.write_bytes(path.read_bytes()[:-20])


def _parquet_with_huge_field(path: Path) -> None:
    agents = ["x" * 2_000_000, "Mozilla/5.0"]
    pq.write_table(
        pa.table(
            {
                "sessionId": ["a", "b"],
                "ts": ["2026-03-01"] * 2,
                "eventName": ["search"] * 2,
                "userAgent": agents,
            }
        ),
        path,
    )


def _one_line_array(path: Path) -> None:
    events = [
        {"sessionId": f"s{i}", "ts": "2026-03-01", "eventName": "search", "page": "/" + "x" * 100}
        for i in range(12_000)
    ]
    path.write_text(json.dumps(events))


def _gzip_without_its_last_bytes(path: Path) -> None:
    path.write_bytes(gzip.compress((HEADER + two_good).encode())[:-4])


def _gzip_with_rubbish_behind(path: Path) -> None:
    path.write_bytes(
        gzip.compress((HEADER + csv_row("s1")).encode())
        + gzip.compress(csv_row("s2").encode())
        + b"\0" * 512
    )


def _truncated_zstd(path: Path) -> None:
    lines = "".join(jsonl(sessionId=f"s{i}", page=f"/{7_919 * i % 10_007}") for i in range(40_000))
    whole = zstandard.compress(lines.encode())
    path.write_bytes(whole[: len(whole) * 3 // 4])


def _parquet_with_a_damaged_page(path: Path) -> None:
    table = pa.table(
        {
            "sessionId": [f"s{i}" for i in range(5_000)],
            "ts": ["2026-03-01"] * 5_000,
            "eventName": ["search"] * 5_000,
        }
    )
    pq.write_table(table, path, compression="snappy", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[40:4_000] = b"\xff" * 3_960
    path.write_bytes(bytes(content))


def _parquet_of_odd_types(path: Path) -> None:
    wide = pa.array([1, 2]).cast(pa.decimal256(50, 2))
    columns = {
        "sessionId": pa.array(["a", "b"]).dictionary_encode(),
        "ts": pa.array([1_772_359_200_000] * 2, pa.timestamp("ms")),
    }
    pq.write_table(pa.table({**columns, "eventName": ["search"] * 2, "price": wide}), path)


two_good = csv_row("s1") + csv_row("s2")

CASES = [
    Case(
        "bad time stamp",
        "a.csv",
        HEADER + two_good + csv_row(ts="yesterday") + csv_row(ts="2026-13-45"),
        2,
        {"bad_timestamp": 2},
    ),
    Case("clock never set", "a.csv", HEADER + two_good + csv_row(ts="0"), 2, {"bad_timestamp": 1}),
    Case(
        "future time",
        "a.csv",
        HEADER + two_good + csv_row(ts="2099-01-01T00:00:00Z"),
        2,
        {"future_timestamp": 1},
    ),
    Case("missing time", "a.csv", HEADER + two_good + csv_row(ts=""), 2, {"missing_timestamp": 1}),
    Case(
        "missing session id",
        "a.csv",
        HEADER + two_good + csv_row(session="") + csv_row(session="  "),
        2,
        {"missing_session_id": 2},
    ),
    Case(
        "unknown event name",
        "a.csv",
        HEADER + two_good + csv_row(name="teleport"),
        2,
        {"unknown_event_name": 1},
    ),
    Case(
        "missing event name",
        "a.jsonl",
        jsonl() + jsonl(eventName=None),
        1,
        {"missing_event_name": 1},
    ),
    Case(
        "unknown store mode",
        "a.jsonl",
        jsonl() + jsonl(storeMode="casino"),
        1,
        {"unknown_store_mode": 1},
    ),
    Case(
        "broken JSON line",
        "a.jsonl",
        jsonl() + '{"sessionId": "s9", "ts": \n' + jsonl(sessionId="s2"),
        2,
        {"broken_json": 1},
    ),
    Case(
        "JSON that is no object",
        "a.jsonl",
        jsonl() + "[1, 2]\n" + '"text"\n',
        1,
        {"not_an_object": 2},
    ),
    Case(
        "broken element of a JSON array",
        "a.json",
        "[" + jsonl() + ',{"sessionId": oops},' + jsonl(sessionId="s2") + "]",
        2,
        {"broken_json": 1},
    ),
    Case(
        "Latin-1 bytes in UTF-8",
        "a.csv",
        (HEADER + two_good).encode() + "s3,2026-03-01,search,/caf\xe9,p,\n".encode("latin-1"),
        2,
        {"bad_encoding": 1},
    ),
    Case(
        "huge cell",
        "a.csv",
        HEADER + two_good + csv_row(product="x" * 1_200_000),
        2,
        {"field_too_large": 1},
    ),
    Case(
        "huge JSON line",
        "a.jsonl",
        jsonl() + jsonl(page="x" * 3_000_000) + jsonl(sessionId="s2"),
        2,
        {"field_too_large": 1},
    ),
    Case("huge Parquet field", "a.parquet", _parquet_with_huge_field, 1, {"field_too_large": 1}),
    Case(
        "negative price",
        "a.csv",
        HEADER + two_good + csv_row(price="-3.50"),
        2,
        {"negative_price": 1},
    ),
    Case(
        "price that is no number",
        "a.csv",
        HEADER
        + two_good
        + csv_row(price="12 euros")
        + csv_row(price="NaN")
        + csv_row(price="1e39"),
        3,
        {"bad_price": 2},
    ),
    Case(
        "metadata that is no JSON",
        "a.jsonl",
        jsonl() + jsonl(metadata="{price: 3"),
        1,
        {"bad_metadata": 1},
    ),
    Case(
        "too few and too many cells",
        "a.csv",
        HEADER + two_good + "s3,2026-03-01\n" + csv_row("s4")[:-1] + ",x,y\n",
        2,
        {"wrong_column_count": 2},
    ),
    Case(
        "stray quote",
        "a.csv",
        HEADER + csv_row("s1") + 's3,"2026-03-01,search,/home,p,\n' + csv_row("s2"),
        2,
        {"unclosed_quote": 1},
    ),
    Case(
        "stray quote closed by a later one",
        "a.csv",
        HEADER + 's3,"x,search,/,p,\n' + csv_row("s1") + '"s2",2026-03-01,search,/,p,\n',
        2,
        {"unclosed_quote": 1},
    ),
    Case("truncated gzip", "a.csv.gz", _truncated_gzip, -1, {"truncated_file": 1}),
    Case("empty file", "a.csv", "", refusal="is empty"),
    Case("blank file", "a.csv", "\n \n\n", refusal="only blanks"),
    Case(
        "wrong delimiter",
        "a.csv",
        HEADER.replace(",", "#") + two_good.replace(",", "#"),
        refusal="No column for session_id",
    ),
    Case(
        "columns of another format",
        "a.csv",
        "user_session,event_time,event_type,product_id,price\n",
        refusal="use --mapping rees46",
    ),
    Case(
        "column named twice",
        "a.csv",
        "sessionId,ts,ts,eventName\ns1,1,2,search\n",
        refusal="repeats 'ts'",
    ),
    Case(
        "header in another encoding",
        "a.csv",
        "sessionId,ts,eventName,Währung\n".encode("cp1252"),
        refusal="not utf-8",
    ),
    Case("not a gzip file", "a.csv.gz", HEADER + two_good, refusal="cannot be decompressed"),
    Case("truncated Parquet", "a.parquet", _truncated_parquet, refusal="not a whole Parquet file"),
    Case(
        "a PDF called CSV",
        "a.csv",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\n",
        refusal="is a PDF",
    ),
    Case("JSON array on one long line", "a.json", _one_line_array, 12_000),
    Case(
        "valid replacement character",
        "a.jsonl",
        '{"sessionId": "s1", "ts": "2026-03-01", "eventName": "search", "page": "/\ufffd"}\n',
        1,
    ),
    Case(
        "two long fields in one row",
        "a.csv",
        HEADER + csv_row(product="x" * 700_000, name="search", session="y" * 700_000),
        1,
    ),
    Case(
        "number without end",
        "a.jsonl",
        jsonl() + '{"sessionId": "s2", "ts": ' + "9" * 5_000 + ', "eventName": "search"}\n',
        1,
        {"bad_timestamp": 1},
    ),
    Case(
        "lone surrogate",
        "a.json",
        "[" + jsonl() + r',{"sessionId": "\ud800", "ts": 1772359200, "eventName": "search"}]',
        1,
        {"broken_json": 1},
    ),
    Case(
        "nesting without end",
        "a.jsonl",
        jsonl() + '{"a":' * 50_000 + "\n",
        1,
        {"nested_too_deep": 1},
    ),
    Case(
        "spaces before quoted cells",
        "a.csv",
        'sessionId, ts, eventName\n"s1", "2026-03-01", "search"\n',
        1,
    ),
    Case(
        "session id of a tab",
        "a.jsonl",
        jsonl() + jsonl(sessionId="\t"),
        1,
        {"missing_session_id": 1},
    ),
    Case(
        "keys spelled in two ways",
        "a.jsonl",
        jsonl() + '{"session_id": "s2", "timestamp": 1772359200, "event_name": "search"}\n',
        2,
    ),
    Case(
        "gzip without its last bytes",
        "a.csv.gz",
        _gzip_without_its_last_bytes,
        2,
        {"truncated_file": 1},
    ),
    Case("gzip with rubbish behind", "a.csv.gz", _gzip_with_rubbish_behind, 2),
    Case("truncated Zstandard", "a.jsonl.zst", _truncated_zstd, -1, {"truncated_file": 1}),
    Case("odd Parquet types", "a.parquet", _parquet_of_odd_types, 2),
    Case("damaged Parquet page", "a.parquet", _parquet_with_a_damaged_page, refusal="is damaged"),
    Case(
        "columns that differ in case only",
        "a.csv",
        "sessionId,ts,eventName,page,PAGE\ns1,1,search,a,b\n",
        refusal="repeats 'PAGE', 'page'",
    ),
    Case("one endless line", "a.txt", "A" * 200_000, refusal="cannot be read|No column"),
]
