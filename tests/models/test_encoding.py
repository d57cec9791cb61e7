"""NULL stays undefined on the way into a model."""

import numpy as np
import pyarrow as pa

from phantom_core.models.encoding import encode_features, spread_categories

NAMES = ("item_views", "is_headless_browser", "browser_family")
FEATURES = pa.table(
    {
        "item_views": pa.array([3, None, 0], pa.int64()),
        "is_headless_browser": pa.array([True, None, False]),
        "browser_family": pa.array(["Firefox", None, "Netscape"]),
    }
)


def test_numbers_truths_and_categories_become_numbers_and_null_becomes_nan() -> None:
    np.testing.assert_array_equal(
        encode_features(FEATURES, NAMES),
        np.array([[3, 1, 1], [np.nan] * 3, [0, 0, 4]], dtype=np.float32),
    )


def test_columns_of_nothing_but_null_are_nan() -> None:
    empty = pa.table(
        {"browser_family": pa.nulls(2, pa.string()), "is_headless_browser": pa.nulls(2, pa.bool_())}
    )
    assert np.isnan(encode_features(empty, ["browser_family", "is_headless_browser"])).all()


def test_numbers_that_are_infinite_or_too_large_are_undefined() -> None:
    prices = pa.table({"avg_price_seen": pa.array([1e308, -1e308, np.inf, 3e38])})
    np.testing.assert_array_equal(
        encode_features(prices, ["avg_price_seen"])[:, 0],
        np.array([np.nan, np.nan, np.nan, 3e38], dtype=np.float32),
    )


def test_spreading_gives_each_browser_family_a_column() -> None:
    wide = spread_categories(encode_features(FEATURES, NAMES), NAMES)
    np.testing.assert_array_equal(wide[0], [3, 1, 0, 1, 0, 0, 0])
    assert np.isnan(wide[1]).all()
