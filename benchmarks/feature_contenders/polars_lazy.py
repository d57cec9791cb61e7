"""The fastest known Polars version: lazy, streaming, and relying on the files' order, which
spares it every sort and every window.

Gaps and five-minute counts are made as in phantom_core/features/steps.py; `rolling` with group_by
and the in-memory engine were no faster and took more memory. It holds only for a single load, where
the order goes across files.
"""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
from feature_contenders.agent_signs import FAMILIES, HEADLESS, TOOL

KEY, NAME, MS, PRICE = (
    pl.col("session_key"),
    pl.col("event_name"),
    pl.col("event_ms"),
    pl.col("price_seen"),
)
IS_VIEW = NAME.is_in(["view_item_page", "learn_more_about_item"])
IS_FILTER = (NAME == "search") | NAME.str.starts_with("filter_for_")


def features(files: Sequence[str]) -> pa.Table:
    """All features of all sessions in event files."""
    events = pl.scan_parquet(list(files))
    rows = (
        _temporal(events)
        .join(_counts(events), on="session_key")
        .join(_viewed(events), on="session_key", how="left")
    )
    rows = rows.join(_agents(events), on="user_agent", how="left", nulls_equal=True)
    return rows.with_columns(_ratios()).drop("user_agent").collect(engine="streaming").to_arrow()


def _temporal(events: pl.LazyFrame) -> pl.LazyFrame:
    is_same = (KEY.shift(1) == KEY).fill_null(value=False)
    steps = events.select("session_key", "event_ms", gap=pl.when(is_same).then(MS - MS.shift(1)))
    steps = steps.with_columns(
        clock=pl.col("gap").fill_null(300_001).cum_sum(), row=pl.int_range(1, pl.len() + 1)
    )
    steps = steps.with_columns(
        count=pl.col("row") - pl.col("clock").search_sorted(pl.col("clock") - 300_000, side="left")
    )
    rows = steps.group_by("session_key").agg(
        first=MS.min(),
        duration=MS.max() - MS.min(),
        total_interactions=pl.len(),
        std_time_between_events=pl.col("gap").std() / 1_000,
        min_time_between_events=pl.col("gap").min() / 1_000,
        max_velocity_5min=pl.col("count").max(),
    )
    n_events, duration = pl.col("total_interactions"), pl.col("duration")
    return rows.with_columns(
        session_duration_sec=duration / 1_000,
        avg_time_between_events=pl.when(n_events > 1).then(duration / 1_000 / (n_events - 1)),
        interaction_velocity=pl.when(duration > 0).then(n_events * 60_000 / duration),
        session_start_hour=pl.col("first") % 86_400_000 // 3_600_000,
    ).drop("first", "duration")


def _counts(events: pl.LazyFrame) -> pl.LazyFrame:
    return events.group_by("session_key").agg(
        page_views=(NAME == "page_view").sum(),
        item_views=IS_VIEW.sum(),
        cart_adds=(NAME == "add_item_to_cart").sum(),
        purchases=(NAME == "purchase_complete").sum(),
        hover_events=NAME.str.starts_with("hover_over_").sum(),
        filter_usage_count=IS_FILTER.sum(),
        filter_events=(IS_FILTER | (NAME == "sort_change")).sum(),
        unique_pages_visited=pl.col("page").drop_nulls().n_unique(),
        avg_price_seen=PRICE.mean(),
        min_price_seen=PRICE.min(),
        max_price_seen=PRICE.max(),
        std_price_seen=PRICE.std(),
        user_agent=pl.col("user_agent").drop_nulls().first(),
        total_revenue=pl.col("amount_paid").filter(NAME == "purchase_complete").sum(),
    )


def _viewed(events: pl.LazyFrame) -> pl.LazyFrame:
    views = (
        events.filter(IS_VIEW & pl.col("product_id").is_not_null())
        .group_by("session_key", "product_id")
        .agg(n=pl.len())
    )
    return views.group_by("session_key").agg(
        unique_products_viewed=pl.len(), product_view_depth=pl.col("n").max()
    )


def _agents(events: pl.LazyFrame) -> pl.LazyFrame:
    """One row per user agent, so that its name is searched once."""
    agents = events.select("user_agent").unique().filter(pl.col("user_agent").is_not_null())
    name = pl.col("user_agent").str.to_lowercase()
    family = pl.coalesce(
        *(pl.when(name.str.contains(pattern)).then(pl.lit(says)) for says, pattern in FAMILIES),
        pl.lit("Other"),
    )
    return agents.with_columns(
        is_headless_browser=name.str.contains(HEADLESS),
        is_automation_tool=name.str.contains(TOOL),
        browser_family=family,
    )


def _ratios() -> list[pl.Expr]:
    item_views = pl.col("item_views")
    return [
        (pl.col("cart_adds") / (item_views + 1)).alias("cart_to_view_ratio"),
        pl.when(item_views > 0).then(pl.col("purchases") / item_views).alias("conversion_rate"),
        (pl.col("hover_events") / pl.col("total_interactions")).alias("hover_intensity"),
        (pl.col("max_price_seen") - pl.col("min_price_seen")).alias("price_range_explored"),
        pl.col("unique_products_viewed").fill_null(0),
        (pl.col("purchases") > 0).alias("purchased"),
    ]
