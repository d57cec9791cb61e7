"""Files made to hurt: looking at them and loading them takes little memory and time, and ends in a
sentence.
"""

import gzip
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from phantom_core.core.errors import PhantomError, SourceError
from phantom_core.core.limited_process import ProcessLimits
from phantom_core.core.settings import Settings
from phantom_core.events.file_start import read_file_start
from phantom_core.events.text_rows import MOST_NESTED
from phantom_core.lake.lake import Lake
from phantom_core.messages.local import last_messages, open_inbox
from phantom_core.messages.topic import EVENTS
from phantom_core.services.ingest.app import ingest_app
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.views.data.quarantine import quarantine_view
from phantom_core.views.data.sample import read_sample
from tests.conftest import NOW_MS
from tests.services.services import served
from ui.data.mapping_choice import looks_like

MB: Final = 1 << 20


def _repeated_text(path: Path) -> None:
    """A kilobyte that stands for 50,000 texts of 90 kB: 4.5 GB once written out."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), ["a" * 90_000])
    pq.write_table(pa.table({"sessionId": texts}), path, compression="zstd")


def _one_cell(path: Path) -> None:
    pq.write_table(
        pa.table({"x": ["b" * (200 * MB)]}), path, compression="zstd", use_dictionary=False
    )


def _endless_line(path: Path) -> None:
    frame = zstandard.ZstdCompressor(level=3)
    path.write_bytes(frame.compress(b"sessionId,x\na," + b"b" * (700 * MB)))


def _many_columns(path: Path) -> None:
    header = ",".join(f"c{n}" for n in range(200_000))
    path.write_bytes(gzip.compress(f"{header}\n{header}\n".encode(), 1))


def _empty_table(path: Path) -> None:
    path.write_text("[connections]\npassword = 'hidden'\n")


BOMBS: Final[dict[str, Callable[[Path], None]]] = {
    "repeated.parquet": _repeated_text,
    "cell.parquet": _one_cell,
    "line.csv.zst": _endless_line,
    "wide.csv.gz": _many_columns,
    "secrets.toml": _empty_table,
}


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    for name, make in BOMBS.items():
        make(folder / name)
    return folder


@pytest.mark.parametrize("name", BOMBS)
def test_looking_at_a_bomb_costs_little_and_ends(name: str, bombs: Path, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s = time.monotonic()
    try:
        sample = read_sample(bombs / name, Settings(workspace=tmp_path))
    except SourceError as error:
        assert "Traceback" not in error.message and len(error.message) < 300
    else:
        assert name == "repeated.parquet" and sample.raw.nbytes < 64 * MB
    assert time.monotonic() - began_s < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024


@pytest.mark.parametrize("name", [name for name in BOMBS if name != "secrets.toml"])
def test_loading_a_bomb_is_refused_as_a_whole_or_row_by_row(
    name: str, bombs: Path, tmp_path: Path
) -> None:
    began_s = time.monotonic()
    with pytest.raises(PhantomError) as refused:
        ingest_files(Settings(workspace=tmp_path), [bombs / name], now_ms=NOW_MS)
    assert time.monotonic() - began_s < 20
    assert "Traceback" not in refused.value.message


def test_the_load_form_looks_in_a_child_too(bombs: Path) -> None:
    with pytest.raises(SourceError, match="at most 2,000"):
        looks_like(bombs / "wide.csv.gz")


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (ProcessLimits(memory_bytes=420 * MB), "more memory than there is"),
        (ProcessLimits(wall_s=0.05), "longer than 0 s"),
    ],
)
def test_a_child_that_meets_its_limit_is_one_sentence(
    limits: ProcessLimits, sentence: str, bombs: Path
) -> None:
    with pytest.raises(SourceError, match=sentence):
        read_file_start(bombs / "cell.parquet", limits=limits)


def test_the_child_gets_no_password_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from phantom_core.core.limited_process import run_limited

    monkeypatch.setenv("PHANTOM_API_KEYS", "secret-key")
    (tmp_path / "shown.py").write_text(
        "import json, os\nfrom phantom_core.core.limited_process import answer_limited\n"
        "answer_limited(lambda request: json.dumps(dict(os.environ)).encode())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    shown = json.loads(run_limited("shown", {}, ProcessLimits(), name="x", hint=""))
    assert "PHANTOM_API_KEYS" not in shown and "secret-key" not in str(shown)
    assert set(shown) - set(os.environ) <= {
        "MALLOC_ARENA_MAX",
        "OMP_NUM_THREADS",
        "ARROW_DEFAULT_MEMORY_POOL",
        "PYTHONDONTWRITEBYTECODE",
        "LC_CTYPE",
    }


def test_a_parquet_file_with_categories_and_wide_texts_loads_as_before(tmp_path: Path) -> None:
    table = pa.table(
        {
            "sessionId": pa.array(["s1", "s1", None]).dictionary_encode(),
            "ts": pa.array(["2026-03-01T12:00:00Z"] * 3, pa.large_string()),
            "eventName": pa.array(["search"] * 3),
            "n": pa.array([1, 2, 3]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = ingest_files(
        Settings(workspace=tmp_path / "w"), [tmp_path / "a.parquet"], now_ms=NOW_MS
    ).totals()
    assert (found.read, found.accepted, found.quarantined) == (3, 2, {"missing_session_id": 1})


def test_an_event_nested_600_deep_is_refused_at_intake_and_dump_still_answers(
    tmp_path: Path,
) -> None:
    deep = '{"sessionId": "s", "eventName": "search", "metadata": ' + '{"a":' * 600 + "1"
    deep += "}" * 601
    fine = {"sessionId": "s", "eventName": "search", "metadata": {"a": "[" * 600}}
    with served(ingest_app(Settings(workspace=tmp_path))) as client:
        as_json = {"Content-Type": "application/json"}
        refused = client.post("/api/ingest", content=deep, headers=as_json)
        assert (refused.status_code, refused.json()["reason"]) == (422, "nested_too_deep")
        assert client.post("/api/ingest", json=fine).status_code == 200
        inbox = open_inbox(tmp_path)
        assert len(last_messages(inbox, EVENTS, 10)) == 1
        dump: httpx.Response = client.get("/api/kafka/dump")
        assert dump.status_code == 200 and dump.json()["count"] == 1


def test_a_deep_message_of_another_sender_is_dumped_as_text() -> None:
    from phantom_core.services.ingest.dump import _shown

    message = b'{"a":' * 300 + b"1" + b"}" * 300
    assert _shown(message) == message.decode()
    assert _shown(b'{"a": 1}') == {"a": 1}


def test_a_nested_row_of_a_file_goes_into_quarantine(tmp_path: Path) -> None:
    depth = MOST_NESTED + 1
    row = '{"sessionId": "s", "ts": "2026-03-01", "eventName": "search", "metadata": '
    fine = '{"sessionId": "s", "ts": "2026-03-01", "eventName": "search"}\n'
    deep = row + '{"a":' * depth + "1" + "}" * (depth + 1) + "\n"
    (tmp_path / "a.jsonl").write_text(fine + deep)
    ingest_files(Settings(workspace=tmp_path / "w"), [tmp_path / "a.jsonl"], now_ms=NOW_MS)
    view = quarantine_view(Lake(tmp_path / "w" / "lake"))
    assert view.reasons["reason"].tolist() == ["nested_too_deep"]


@pytest.mark.parametrize("text", ["a = " + "[" * 5_000, "a = " + "{b=" * 5_000])
def test_toml_nested_without_end_is_one_sentence(text: str) -> None:
    from phantom_core.events.mapping import parse_mapping
    from phantom_core.market.scenario import parse_scenario

    with pytest.raises(PhantomError):
        parse_mapping(text, "deep.toml")
    with pytest.raises(PhantomError):
        parse_scenario(text.encode(), "deep.toml")
