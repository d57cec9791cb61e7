"""Random awkward files against a plain reading: as many events, in the same order."""

import csv
import io
import json
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from phantom_core.core.settings import Settings
from phantom_core.events.mapping import Mapping
from tests.examples import examples
from tests.use_cases.test_ingest import load, query

Row = tuple[str, int, str, str]
NAMES = ("page_view", "search", "view", "add_to_cart", "purchase")
# Quotes, delimiters, line ends, and texts that look like something else.
TEXTS = st.text(st.sampled_from("ab\"',;|\n é日{}[]\\0"), max_size=12).map(str.strip) | (
    st.sampled_from(('"', '""', 'a"b', "x,y", "{", "0", "é", "a\nb"))
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(("s1", "s,2", 's"3', "é")),
        st.integers(0, 3),
        st.sampled_from(NAMES),
        TEXTS.filter(lambda text: text != "-"),
    ),
    min_size=1,
    max_size=25,
)
FORMS = st.sampled_from(("csv", "semicolon", "jsonl", "json"))
ENCODINGS = st.sampled_from(("utf-8", "utf-8-sig", "utf-16"))
COLUMNS = ("session", "at", "what", "page")
MAPPING = Mapping(
    name="awkward",
    columns={"session_id": "session", "ts": "at", "event_name": "what", "page": "page"},
)


def written(rows: list[Row], form: str) -> str:
    named = [
        dict(zip(COLUMNS, (one[0], 1_700_000_000 + one[1], *one[2:]), strict=True)) for one in rows
    ]
    if form == "json":
        return json.dumps(named, indent=1, ensure_ascii=False)
    if form == "jsonl":
        return "".join(json.dumps(one) + "\n" for one in named)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, delimiter=";" if form == "semicolon" else ",")
    writer.writeheader()
    writer.writerows(named)
    return out.getvalue()


def in_order(rows: list[Row]) -> dict[str, list[tuple[int, str | None]]]:
    found: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
    for session, at, _, page in sorted(rows, key=lambda row: row[1]):
        found[session].append((1_700_000_000_000 + 1_000 * at, page or None))
    return found


@examples(15, HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
@given(rows=ROWS, form=FORMS, encoding=ENCODINGS)
def test_an_awkward_file_gives_as_many_events_in_its_order(
    tmp_path: Path, rows: list[Row], form: str, encoding: str
) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        settings = Settings(workspace=Path(folder) / "workspace")
        path = Path(folder) / f"a.{'csv' if form == 'semicolon' else form}"
        path.write_bytes(written(rows, form).encode(encoding))
        totals = load(settings, path, mapping=MAPPING).totals()
        assert (totals.read, totals.accepted) == (len(rows), len(rows))
        stored: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
        for session, at, page in query(
            settings, "SELECT session_id, event_ms, page FROM events ORDER BY event_ms, event_seq"
        ):
            stored[str(session)].append((at, page))  # type: ignore[arg-type]
        assert stored == in_order(rows)
        again = load(settings, path, mapping=MAPPING).totals()
        assert (again.accepted, again.duplicates) == (0, len(rows))
