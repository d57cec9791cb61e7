"""What one writes in pandas: groupby.agg for what it can do, groupby.apply with a rolling window
for the rest.
"""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
from feature_contenders.agent_signs import FAMILIES, HEADLESS, TOOL

COLUMNS = [
    "session_key",
    "event_ms",
    "event_id",
    "page",
    "event_name",
    "product_id",
    "price_seen",
    "amount_paid",
    "user_agent",
]


def features(files: Sequence[str], style: str = "plain") -> pa.Table:
    """All features of all sessions in event files.

    Args:
        files: event files.
        style: "plain" groups by the session's id and hands whole sessions to `apply`; "tuned"
            groups by the lake's integer key and hands over the one column that is needed.
    """
    key = "session_id" if style == "plain" else "session_key"
    events = pd.concat(pd.read_parquet(file, columns=[*{key, *COLUMNS}]) for file in files)
    events["time"] = pd.to_datetime(events["event_ms"], unit="ms")
    events = events.sort_values([key, "time", "event_id"])
    rows = pd.concat(
        [part(events, key) for part in (_temporal, _behavioural, _product, _user_agent)], axis=1
    )
    rows["purchased"] = rows["purchases"] > 0
    paid = events[events["event_name"] == "purchase_complete"].groupby(key)["amount_paid"].sum()
    rows["total_revenue"] = paid.reindex(rows.index).fillna(0.0)
    if key != "session_key":
        rows["session_key"] = events.groupby(key)["session_key"].first()
    return pa.Table.from_pandas(rows.reset_index(), preserve_index=False)


def _temporal(events: pd.DataFrame, key: str) -> pd.DataFrame:
    gap_s = events.groupby(key)["event_ms"].diff() / 1_000
    by_session = events.groupby(key)["event_ms"]
    gaps = gap_s.groupby(events[key])
    duration_s = (by_session.max() - by_session.min()) / 1_000
    rows = pd.DataFrame(
        {"session_duration_sec": duration_s, "total_interactions": by_session.size()}
    )
    rows["avg_time_between_events"] = gaps.mean()
    rows["std_time_between_events"] = gaps.std()
    rows["min_time_between_events"] = gaps.min()
    rows["interaction_velocity"] = (rows["total_interactions"] / (duration_s / 60)).where(
        duration_s > 0
    )
    rows["max_velocity_5min"] = (
        _velocity_of_frames(events) if key == "session_id" else _velocity_of_columns(events)
    )
    rows["session_start_hour"] = events.groupby(key)["time"].min().dt.hour
    return rows


def _velocity_of_frames(events: pd.DataFrame) -> pd.Series:
    sessions = events.groupby("session_id")
    return sessions.apply(
        lambda session: session.rolling("300s", on="time", closed="both")["event_ms"].count().max()
    )


def _velocity_of_columns(events: pd.DataFrame) -> pd.Series:
    times = events.set_index("time").groupby("session_key")["event_ms"]
    return times.apply(lambda session: session.rolling("300s", closed="both").count().max())


def _behavioural(events: pd.DataFrame, key: str) -> pd.DataFrame:
    name = events["event_name"]
    flags = pd.DataFrame(
        {
            key: events[key],
            "page_views": name == "page_view",
            "item_views": name.isin(["view_item_page", "learn_more_about_item"]),
            "cart_adds": name == "add_item_to_cart",
            "purchases": name == "purchase_complete",
            "hover_events": name.str.startswith("hover_over_"),
            "filter_usage_count": (name == "search") | name.str.startswith("filter_for_"),
            "sorts": name == "sort_change",
        }
    )
    rows = flags.groupby(key).sum()
    rows["filter_events"] = rows["filter_usage_count"] + rows.pop("sorts")
    rows["cart_to_view_ratio"] = rows["cart_adds"] / (rows["item_views"] + 1)
    rows["conversion_rate"] = (rows["purchases"] / rows["item_views"]).where(rows["item_views"] > 0)
    rows["hover_intensity"] = rows["hover_events"] / events.groupby(key).size()
    rows["unique_pages_visited"] = events.groupby(key)["page"].nunique()
    return rows


def _product(events: pd.DataFrame, key: str) -> pd.DataFrame:
    prices = events.groupby(key)["price_seen"]
    rows = prices.agg(
        avg_price_seen="mean", min_price_seen="min", max_price_seen="max", std_price_seen="std"
    )
    rows["price_range_explored"] = rows["max_price_seen"] - rows["min_price_seen"]
    views = events[events["event_name"].isin(["view_item_page", "learn_more_about_item"])]
    per_product = views.groupby([key, "product_id"]).size().groupby(key)
    rows["unique_products_viewed"] = per_product.size().reindex(rows.index).fillna(0)
    rows["product_view_depth"] = per_product.max().reindex(rows.index)
    return rows


def _user_agent(events: pd.DataFrame, key: str) -> pd.DataFrame:
    agent = events.groupby(key)["user_agent"].first().str.lower()
    family = pd.Series("Other", index=agent.index).mask(agent.isna())
    for name, pattern in reversed(FAMILIES):
        family = family.mask(agent.str.contains(pattern, na=False), name)
    return pd.DataFrame(
        {
            "is_headless_browser": agent.str.contains(HEADLESS),
            "is_automation_tool": agent.str.contains(TOOL),
            "browser_family": family,
        }
    )
