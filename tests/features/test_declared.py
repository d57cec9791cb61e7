"""Declared once: a feature of the catalogue is in SQL, live sessions, market, docs and pages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import feature_names
from phantom_core.features.definitions import _FIRST_HASH, definition_hash, is_defined_alike
from phantom_core.features.terms import (
    Count,
    Distinct,
    EventKind,
    MostWithin,
    Statistic,
    Term,
    program,
)
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.models.multitask.inputs import session_columns

ROOT = Path(__file__).parents[2]
# One for every way in which a feature may differ from those that there are.
ADDED = """FEATURES: Final = (
    Feature("repeat_views", "product", "count", "item views beyond one per product",
            Count(ITEM_VIEWS) - Distinct("product_id", ITEM_VIEWS)),
    Feature("longest_gap", "temporal", "s", "longest gap", Statistic("MAX", "gap_ms") / 1e3,
            null_when="fewer than two events"),
    Feature("busiest_minute", "temporal", "count", "most events in any minute",
            MostWithin(60_000), low=1),
    Feature("first_cart_after", "temporal", "s", "from the first event to the first cart",
            (Statistic("MIN", "event_ms", CART_ADDS) - _START_MS) / 1e3,
            null_when="nothing in the cart"),
    Feature("cart_price", "product", "currency", "mean price put in the cart",
            Statistic("AVG", "price_seen", CART_ADDS), null_when="no price in the cart"),
    Feature("most_on_one_page", "behavioural", "count", "events on the busiest page",
            MostOfOne("page"), low=1, null_when="no page"),
    Feature("has_searched", "behavioural", "yes/no", "whether it searched or filtered",
            Count(FILTERS) > 0, high=1),
    Feature("is_mobile", "user_agent", "yes/no", "a telephone",
            Says("mobile", ("mobile", "android")), high=1, null_when="no user agent"),
    Feature("system", "user_agent", "category", "Windows, Mac or Other",
            SaysWhich("system", ("Windows", "Mac", "Other"),
                      (("Windows", ("windows",)), ("Mac", ("mac os",)))),
            low=None, null_when="no user agent"),"""
TESTS = (
    "features/test_catalogue.py",
    "features/test_scope.py",
    "features/test_steps.py",
    "features/test_online.py",
    "session_market/test_market.py",
    "views/test_features.py",
    "pages/test_features.py",
)
# Thousands of sessions test no more of an added feature than the property does.
LEFT_OUT = "not thousands and not any_order and not hundred_thousand"


@pytest.mark.slow
def test_a_feature_touches_one_file(tmp_path: Path) -> None:
    """In a copy with more features, the tests of each feature pass for them too."""
    for folder in (
        "phantom_core",
        "tests",
        "docs",
        "pages",
        "ui",
        "data",
        "benchmarks",
        ".streamlit",
    ):
        if (ROOT / folder).exists():
            # With the bytecode, so that nothing but the added features is compiled again.
            shutil.copytree(
                ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns(".data")
            )
    for file in ("pyproject.toml", "app.py", "main.py"):
        shutil.copy(ROOT / file, tmp_path)
    catalogue = tmp_path / "phantom_core" / "features" / "catalogue.py"
    text = catalogue.read_text(encoding="utf-8")
    assert text.count("FEATURES: Final = (") == 1
    catalogue.write_text(text.replace("FEATURES: Final = (", ADDED), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-m", "phantom_core.features.catalogue"],
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    assert "`repeat_views`" in (tmp_path / "docs" / "features.md").read_text(encoding="utf-8")
    tests = (f"tests/{name}" for name in TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-k",
        LEFT_OUT,
        *tests,
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:]


def test_only_the_columns_that_a_model_reads_matter() -> None:
    assert is_defined_alike(definition_hash(["item_views"]), ["item_views"])
    assert not is_defined_alike(definition_hash(["item_views"]), ["page_views"])
    assert not is_defined_alike("another", ["item_views"])


def test_models_of_the_time_before_declarations_still_load() -> None:
    assert is_defined_alike(_FIRST_HASH, (*feature_names(), "base_price"))


def test_a_network_reads_the_columns_it_was_trained_on() -> None:
    def saved(*features: str) -> Manifest:
        return Manifest(FORMAT, "multitask", "v1", 0, 0, "", "", 0, features, {}, {}, {})

    assert session_columns(saved(*feature_names(), "base_price")) is None
    assert session_columns(saved(feature_names()[3], feature_names()[1], "base_price")) == [3, 1]
    with pytest.raises(DataError, match="'gone', which is no session feature"):
        session_columns(saved("gone"))


def test_a_sub_term_is_worked_out_once() -> None:
    views: Term = Count(EventKind("views", ("view",)))
    ratio = views / (Distinct("page") + 1)
    made = program(
        [ratio, ratio * 2, views], [Count(EventKind("views", ("view",))), Distinct("page")]
    )
    assert made.constants == (1, 2)
    assert made.steps == (("+", 1, 2), ("/", 0, 4), ("*", 5, 3))
    assert made.results == (5, 6, 0)


def test_a_statistic_that_cannot_exist_is_refused_where_it_is_declared() -> None:
    with pytest.raises(TypeError, match="Gaps"):
        Statistic("MIN", "gap_ms", EventKind("views", ("view",)))
    with pytest.raises(TypeError, match="no mean"):
        Statistic("AVG", "event_ms")
    assert MostWithin(1).window_ms == 1
