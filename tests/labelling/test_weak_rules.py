"""Weak rules on sessions small enough to check by hand."""

from pathlib import Path

import numpy as np
import pytest

from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.labelling.weak_rules import ABSTAIN, AGENT, HUMAN, RULES, cast_votes
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.ingest import ingest_files

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (Linux; Android 10; K) Chrome/142.0.0.0 Mobile Safari/537.36"
TOOL = "python-requests/2.32.5"
HEAD = "sessionId,ts,eventName,page,productId,userAgent,metadata\n"
NOW_MS = 1_790_000_000_000


def line(session: str, ms: int, name: str, product: str, agent: str, metadata: str = "") -> str:
    quoted = '"' + metadata.replace('"', '""') + '"' if metadata else ""
    return f'{session},{NOW_MS + ms},{name},/p,{product},"{agent}",{quoted}'


def item_views(session: str, products: list[int], gap_ms: int, agent: str = CHROME) -> list[str]:
    return [
        line(session, gap_ms * k, "view_item_page", f"room-{number:03}", agent)
        for k, number in enumerate(products)
    ]


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    folder = tmp_path_factory.mktemp("weak")
    waits = [0, 100, 200, 300, 400, 500, 600, 60_000, 61_000, 200_000, 200_500]
    rows = [
        *item_views("tool", [5, 9], 4_000, TOOL),
        *item_views("clock", [9, 4, 8, 2, 6, 1, 7, 3, 5], 5_000),
        *item_views("steps", [1, 2, 3, 4, 5, 6], 9_000),
        *item_views("fast", [7, 3, 9, 1, 5], 40),
        *item_views("plain", [7, 3], 8_000),
        *[line("moody", ms, "page_view", "", CHROME) for ms in waits],
        *[line("hand", 700 * k * k, "hover_over_title", "", CHROME) for k in range(10)],
        *[line("phone", 700 * k * k, "hover_over_title", "", PHONE) for k in range(10)],
        line("buyer", 0, "page_view", "", CHROME, '{"orders_before": 3}'),
        line("first", 0, "page_view", "", CHROME, '{"orders_before": 0}'),
        line("signed", 0, "page_view", "", CHROME, '{"signature_agent": "https://bot.example"}'),
        line("trap", 0, "page_view", "", CHROME, '{"honeypot": true}'),
        line("solved", 0, "page_view", "", CHROME, '{"challenge": "passed"}'),
        line("silent", 0, "page_view", "", ""),
    ]
    Path(folder / "events.csv").write_text(HEAD + "\n".join(rows) + "\n")
    settings = Settings(workspace=folder / "ws", redis_url="", database_url="")
    ingest_files(settings, [folder / "events.csv"], now_ms=NOW_MS)
    lake = open_lake(settings)
    store = FeatureStore(lake)
    store.refresh()
    matrix = store.matrix().sort_by("session_key")
    with lake.connect(("events",)) as connection:
        votes = cast_votes(connection, matrix)
    np.testing.assert_array_equal(votes.session_key, matrix["session_key"].to_numpy())
    return {
        session: dict(zip([rule.name for rule in RULES], row.tolist(), strict=True))
        for session, row in zip(matrix["session_id"].to_pylist(), votes.cast, strict=True)
    }


@pytest.mark.parametrize(
    ("session", "rule", "vote"),
    [
        ("tool", "declared_tool", AGENT),
        ("plain", "declared_tool", ABSTAIN),
        ("clock", "clockwork", AGENT),
        ("clock", "sequential", ABSTAIN),
        ("steps", "sequential", AGENT),
        ("fast", "hand_speed", AGENT),
        ("plain", "hand_speed", ABSTAIN),
        ("moody", "bursty", HUMAN),
        ("moody", "clockwork", ABSTAIN),
        ("hand", "hovers", HUMAN),
        ("phone", "hovers", ABSTAIN),
        ("buyer", "known_customer", HUMAN),
        ("first", "known_customer", ABSTAIN),
        ("signed", "published_agent", AGENT),
        ("trap", "honeypot", AGENT),
        ("solved", "passed_challenge", HUMAN),
        ("silent", "no_user_agent", AGENT),
        ("plain", "no_user_agent", ABSTAIN),
    ],
)
def test_a_sign_votes_where_it_is_seen_and_nowhere_else(
    cast: dict[str, dict[str, int]], session: str, rule: str, vote: int
) -> None:
    assert cast[session][rule] == vote
