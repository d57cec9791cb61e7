"""Random sessions for trees: features of every kind, a third of the values undefined."""

import numpy as np
import pyarrow as pa

from phantom_core.core.limits import GuardRails
from phantom_core.distil.sample import DistillationSample, columns_of
from phantom_core.features.catalogue import CATEGORIES, FEATURES


def random_matrix(n: int, seed: int, share_undefined: float = 1 / 3) -> pa.Table:
    """All features of random sessions, within their ranges, undefined where they may be."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {"session_id": pa.array([f"s{i}" for i in range(n)])}
    for feature in FEATURES:
        missing = (
            rng.random(n) < share_undefined
            if feature.null_when != "never"
            else np.zeros(n, np.bool_)
        )
        if feature.unit == "category":
            columns[feature.name] = pa.array(
                rng.choice([*CATEGORIES[feature.name]], n), mask=missing
            )
        elif feature.unit == "yes/no":
            columns[feature.name] = pa.array(rng.random(n) < 0.5, mask=missing)
        elif feature.unit in ("count", "hour"):
            columns[feature.name] = pa.array(
                np.minimum(rng.poisson(6, n) + (feature.low or 0), feature.high or np.inf),
                mask=missing,
            )
        else:
            columns[feature.name] = pa.array(
                rng.random(n) if feature.high == 1 else rng.gamma(1, 10, n), mask=missing
            )
    return pa.table(columns)


def random_sample(
    n: int = 2_000, seed: int = 0, share_undefined: float = 1 / 3
) -> DistillationSample:
    """Random sessions whose teacher reads a number, a category, yes/no and undefined values."""
    rng = np.random.default_rng(seed + 1)
    columns = columns_of(
        random_matrix(n, seed, share_undefined), [feature.name for feature in FEATURES]
    )
    velocity = columns["interaction_velocity"].astype(np.float64)
    p = 0.3 * (np.nan_to_num(velocity, nan=0.0) > 7) + 0.2 * (columns["browser_family"] == "Chrome")
    p = (
        p
        + 0.2 * np.isnan(columns["std_price_seen"].astype(np.float64))
        + 0.2 * (columns["is_automation_tool"] == 1)
        + 0.05 * rng.random(n)
    )
    is_agent = rng.random(n) < p
    return DistillationSample(
        columns,
        1 + 0.5 * p.astype(np.float64),
        is_agent,
        np.where(rng.random(n) < 0.1, 100.0, 0.0),
        np.arange(n) // 2,
        GuardRails(0.7, 1.5),
    )
