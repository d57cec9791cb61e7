"""Explanation views: dots that do not overlap, values of every kind, undefined apart."""

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.explain.explanation import Explanation, Kernels
from phantom_core.explain.importance import Importance
from phantom_core.views.explain.explanation import (
    ExplanationView,
    contributions_table,
    dependence_points,
    swarm_points,
)


def view(n: int = 100) -> ExplanationView:
    """Views speak for agents, the browser and automation say something, hovering nothing; one
    session in four has no price.
    """
    rng = np.random.default_rng(0)
    rows = {
        "item_views": ("behavioural", 2.0, pa.array(range(n))),
        "avg_price_seen": (
            "product",
            1.0,
            pa.array(rng.gamma(1, 10, n), mask=np.arange(n) % 4 == 0),
        ),
        "browser_family": ("user_agent", 0.5, pa.array(["Chrome", None] * (n // 2))),
        "is_automation_tool": ("user_agent", 0.2, pa.array([True, False, None, True] * (n // 4))),
        "hover_events": ("behavioural", 0.0, pa.array([0] * n)),
    }
    features = tuple(
        Importance(name, family, size, None, None) for name, (family, size, _) in rows.items()
    )
    empty = Kernels((), ((0,),), ((0,),), 1.0)
    explanation = Explanation(
        "m", "agent", "sessions", (0,), n, n, 0, 0, 1, 0, 0.0, features, (), (), 0, empty
    )
    ids = [f"s{i}" for i in range(n)]
    points = pa.table(
        {
            "session_id": ids,
            **{
                name: pa.array(rng.normal(0, size, n).astype(np.float32))
                for name, (_, size, _) in rows.items()
            },
        }
    )
    labels = ["human", "agent"] * (n // 2)
    sessions = pa.table(
        {
            "session_id": ids,
            "label": labels,
            **{name: column for name, (_, _, column) in rows.items()},
        }
    )
    return ExplanationView(explanation, points, sessions, is_current=True)


def test_dots_stay_in_their_row_and_features_that_add_nothing_have_none() -> None:
    dots = swarm_points(view())
    assert dots["feature"].unique().tolist() == [
        "item_views",
        "avg_price_seen",
        "browser_family",
        "is_automation_tool",
    ]
    assert dots["offset"].abs().max() <= 0.4
    assert dots["row"].max() == 3


def offsets(log_odds: list[float]) -> list[float]:
    """Offsets of the dots of one feature, as the page draws them."""
    n = len(log_odds)
    ids = [f"s{i}" for i in range(n)]
    importance = (Importance("item_views", "behavioural", 1.0, None, None),)
    kernels = Kernels((), ((0,),), ((0,),), 1.0)
    found = Explanation(
        "m", "agent", "sessions", (0,), n, n, 0, 0, 1, 0, 0.0, importance, (), (), 0, kernels
    )
    points = pa.table({"session_id": ids, "item_views": pa.array(log_odds, pa.float32())})
    sessions = pa.table({"session_id": ids, "label": ["human"] * n, "item_views": list(range(n))})
    return [
        float(one)
        for one in swarm_points(ExplanationView(found, points, sessions, is_current=True))["offset"]
    ]


def test_dots_of_similar_value_do_not_overlap() -> None:
    *cluster, lone = offsets([0.0, 0.001, 0.002, 0.003, 0.004, 1.0])
    assert sorted(cluster) == pytest.approx([-0.304, -0.152, 0.0, 0.152, 0.304])
    assert lone == 0.0


def test_the_fullest_place_fills_the_row_and_a_less_full_one_is_narrower_in_proportion() -> None:
    found = np.abs(offsets([0.0] * 40 + [1.0] * 20))
    assert found[:40].max() == pytest.approx(0.38)
    assert found[40:].max() == pytest.approx(0.19)


def test_dots_of_one_value_fill_their_row_evenly() -> None:
    assert offsets([0.5] * 5) == pytest.approx([-0.38, -0.19, 0.0, 0.19, 0.38])


def test_no_two_dots_of_a_feature_cover_each_other() -> None:
    rng = np.random.default_rng(1)
    log_odds = rng.choice([-1.0, 0.0, 2.0], 90).tolist()
    assert len(set(zip(log_odds, np.round(offsets(log_odds), 9), strict=True))) == 90


def test_the_highest_value_has_the_highest_rank_and_what_has_no_order_has_none() -> None:
    dots = swarm_points(view())
    items = dots[dots["feature"] == "item_views"]
    assert items.loc[items["rank"].idxmax(), "value"] == "99"
    assert dots[dots["feature"] == "browser_family"]["rank"].isna().all()
    prices = dots[dots["feature"] == "avg_price_seen"]
    assert prices[prices["value"] == "undefined"]["rank"].isna().all()


def test_dependence_keeps_undefined_apart() -> None:
    rows = dependence_points(view(), "avg_price_seen")
    assert rows["is_undefined"].sum() == 25
    assert set(rows["label"]) == {"human", "agent"}


def test_categories_and_flags_are_words() -> None:
    assert set(dependence_points(view(), "browser_family")["value"]) == {"Chrome", "undefined"}
    assert set(dependence_points(view(), "is_automation_tool")["value"]) == {
        "yes",
        "no",
        "undefined",
    }


def test_shap_orders_and_reads_the_same_rows() -> None:
    seen = view()
    found = seen.to_shap()
    assert found.feature_names == [row.name for row in seen.explanation.features]
    np.testing.assert_allclose(
        found.base_values + found.values.sum(axis=1), seen.contributions.output, atol=1e-5
    )
    assert found[1].data[2:].tolist() == ["undefined", 0.0, 0.0]
    assert np.isnan(found[:, "avg_price_seen"].data.astype(np.float64)).sum() == 25
    assert np.argmax(found.abs.mean(0).values) == 0


def test_contributions_can_be_downloaded() -> None:
    assert contributions_table(view()).columns.tolist()[0] == "session_id"
    assert len(contributions_table(view())) == 100
