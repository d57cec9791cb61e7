"""Labelled sessions are cut at their quotes, and a session weighs one however many it saw."""

from pathlib import Path

import numpy as np
import pytest

from phantom_core.core.progress import no_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.evaluation.quote_moments import (
    learning_rows,
    read_moments,
    sessions_at_quotes,
)
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.ingest import ingest_files

NAMES = ("total_interactions", "item_views")
HEAD = "sessionId,ts,eventName,productId\n"
LABELS = "session,label\n" + "".join(f"s{i},{'bot' if i % 2 else 'human'}\n" for i in range(6))


def events(name: str) -> str:
    """Six sessions of three events, ten seconds apart."""
    return HEAD + "".join(
        f"s{i},2026-03-01T00:00:{10 * j:02}Z,{name},room\n" for i in range(6) for j in range(3)
    )


def loaded(
    folder: Path, *, names: str = "click", quotes: str = ""
) -> tuple[Settings, LabelledSessions]:
    settings = Settings(workspace=folder / "workspace")
    (folder / "e.csv").write_text(events(names))
    (folder / "l.csv").write_text(LABELS)
    files = [folder / "e.csv"]
    if quotes:
        (folder / "q.csv").write_text("sessionId,ts,productId,price,base_price\n" + quotes)
        files.append(folder / "q.csv")
    ingest_files(settings, files, now_ms=1_790_000_000_000, labels=str(folder / "l.csv"))
    return settings, read_labelled(open_lake(settings), NAMES, 3, no_progress)


def test_a_session_is_cut_just_before_its_quote_and_whole_after_it(tmp_path: Path) -> None:
    settings, labelled = loaded(
        tmp_path,
        quotes="s0,2026-03-01T00:00:10Z,room,9,9\ns0,2026-03-01T00:00:15Z,room,9,9\n"
        "s1,2026-03-01T00:00:00Z,room,9,9\n",
    )
    lake = open_lake(settings)
    moments = read_moments(lake, labelled, np.random.default_rng(0))
    found = sessions_at_quotes(lake, labelled, moments, NAMES)
    # The quote at the second event knows one event; the one of s1 comes before its first.
    assert moments.source == "quotes"
    assert found.n_events.tolist() == [1.0, 2.0]
    rows = learning_rows(labelled, found)
    assert rows.values[:, 0].tolist() == [1, 2, 3, 3, 3, 3, 3, 3]
    assert rows.weight is not None
    s0 = labelled.matrix["session_id"].to_pylist().index("s0")
    third = pytest.approx(1 / 3)
    assert rows.weight.tolist()[:2] == [third, third]
    assert rows.weight[2 + s0] == third
    assert rows.weight.sum() == pytest.approx(6)


@pytest.mark.parametrize(
    ("names", "source"), [("view_item_page", "item views"), ("click", "events")]
)
def test_without_quotes_item_views_stand_for_them_and_else_every_event(
    tmp_path: Path, names: str, source: str
) -> None:
    settings, labelled = loaded(tmp_path, names=names)
    lake = open_lake(settings)
    moments = read_moments(lake, labelled, np.random.default_rng(0))
    found = sessions_at_quotes(lake, labelled, moments, NAMES)
    assert (moments.source, moments.session.size) == (source, 18)
    assert found.n_events.tolist() == [1.0, 2.0] * 6
