"""Made-up events for speed: realistic in volume, names, gaps, pages, products and user agents, not
in behaviour.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.events import schema
from phantom_core.lake.lake import Lake

EVENTS_PER_SESSION: Final = 14
CHUNK_EVENTS: Final = 1_000_000
N_PAGES, N_PRODUCTS = 440, 5_000
NAMES: Final = {
    "page_view": 0.24,
    "view_item_page": 0.26,
    "learn_more_about_item": 0.06,
    "add_item_to_cart": 0.05,
    "purchase_complete": 0.015,
    "search": 0.09,
    "filter_for_price": 0.07,
    "sort_change": 0.035,
    "hover_over_title": 0.18,
}
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
USER_AGENTS: Final = (
    *(f"{_WINDOWS} {_WEBKIT} Chrome/{version}.0.0.0 Safari/537.36" for version in range(115, 133)),
    *(
        f"{_WINDOWS} {_WEBKIT} Chrome/{version}.0.0.0 Safari/537.36 Edg/{version}.0.0.0"
        for version in range(127, 133)
    ),
    *(
        f"Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
        for version in range(126, 134)
    ),
    *(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
        f"Version/{version}.0 Safari/605.1.15"
        for version in (16, 17, 18)
    ),
    f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/120.0.0.0 Safari/537.36",
    "python-requests/2.31.0",
    "curl/8.4.0",
)


def made_lake(folder: Path, n_events: int, seed: int) -> tuple[Lake, str]:
    """The lake of one size, made when it is not there yet.

    Args:
        folder: where data sets are kept.
        n_events: rows.
        seed: of the generator.
    Returns:
        The lake with one load, and the SHA-256 of its numbers.
    """
    root = folder / f"features-{n_events}-{seed}"
    note = root / "made.json"
    lake = Lake(root / "lake")
    if not note.exists():
        digest = hashlib.sha256()
        rows = (
            _hashed(chunk, digest) for chunk in made_chunks(n_events, np.random.default_rng(seed))
        )
        batches = (batch for table in rows for batch in table.to_batches())
        lake.append("events", pa.RecordBatchReader.from_batches(schema.EVENTS, batches))
        note.write_text(json.dumps({"sha256": digest.hexdigest()}))
    return lake, json.loads(note.read_text())["sha256"]


def made_chunks(n_events: int, rng: np.random.Generator) -> Iterator[pa.Table]:
    """Events in the order of a load, chunk by chunk, each with session keys of its own."""
    n_chunks = -(-n_events // CHUNK_EVENTS)
    for i in range(n_chunks):
        low, high = (-(2**63) + j * 2**64 // n_chunks for j in (i, i + 1))
        size = n_events // n_chunks + (i < n_events % n_chunks)
        yield made_events(
            np.sort(rng.integers(low, high, max(1, size // EVENTS_PER_SESSION))), size, rng
        )


def made_events(
    session_key: NDArray[np.int64], n_events: int, rng: np.random.Generator
) -> pa.Table:
    """Events of some sessions.

    Args:
        session_key: ascending and distinct, shape (n_sessions,).
        n_events: at least n_sessions.
        rng: draws everything but the products' prices.
    """
    n_sessions = len(session_key)
    popular = rng.lognormal(0, 0.9, n_sessions)
    session = np.sort(
        np.concatenate(
            [
                np.arange(n_sessions),
                rng.choice(n_sessions, n_events - n_sessions, p=popular / popular.sum()),
            ]
        )
    )
    name = rng.choice(len(NAMES), n_events, p=list(NAMES.values()))
    product = np.minimum(rng.pareto(1.1, n_events) * 20, N_PRODUCTS - 1).astype(np.int64)
    has_product, is_priced, is_paid = (
        np.isin(name, [1, 2, 3, 4, 8]),
        np.isin(name, [1, 2, 3]),
        name == 4,
    )
    price = np.round(
        np.random.default_rng(1).lognormal(4.5, 0.7, N_PRODUCTS)[product]
        * rng.choice([0.9, 1.0, 1.1, 1.2], n_events),
        2,
    )
    page = np.where(has_product, 40 + product % (N_PAGES - 40), rng.integers(0, 40, n_events))
    return pa.table(
        [
            pa.array(session_key[session]),
            pa.array(_times(session, rng)),
            pa.array(rng.integers(-(2**63), 2**63 - 1, n_events)),
            _words([f"{key & (2**64 - 1):016x}" for key in session_key.tolist()], session),
            _words([f"experiment-{i}" for i in range(200)], session % 200, session % 3 == 0),
            _words(["shop"], np.zeros(n_events, dtype=np.int64)),
            _words([f"/page/{i}" for i in range(N_PAGES)], page),
            _words(list(NAMES), name),
            _words([f"product-{i}" for i in range(N_PRODUCTS)], product, has_product),
            pa.array(price, mask=~is_priced),
            pa.array(price, mask=~is_paid),
            _words(USER_AGENTS, rng.integers(0, len(USER_AGENTS), n_sessions)[session]),
            pa.nulls(n_events, pa.string()),
            pa.array(np.ones(n_events, dtype=np.int64)),
        ],
        schema=schema.EVENTS,
    )


def _times(session: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Times in ascending order within each session: a pace per session, log-normal gaps, within 30
    days.
    """
    n_sessions = session[-1] + 1
    is_first = np.diff(session, prepend=-1) > 0
    gap_ms = (
        rng.lognormal(0, 1.0, len(session))
        * rng.lognormal(np.log(12_000), 0.9, n_sessions)[session]
    )
    clock_ms = np.cumsum(np.where(is_first, 0, gap_ms).astype(np.int64))
    start_ms = 1_760_000_000_000 + rng.integers(0, 30 * 86_400_000, n_sessions)
    return clock_ms - clock_ms[is_first][session] + start_ms[session]


def _words(
    values: list[str] | tuple[str, ...],
    index: NDArray[np.int64],
    is_there: NDArray[np.bool_] | None = None,
) -> pa.Array:
    codes = pa.array(index.astype(np.int32), mask=None if is_there is None else ~is_there)
    return pa.DictionaryArray.from_arrays(codes, pa.array(values)).cast(pa.string())


def _hashed(table: pa.Table, digest: "hashlib._Hash") -> pa.Table:
    for column in ("session_key", "event_ms", "event_id"):
        digest.update(table[column].to_numpy())
    return table
