"""Charts of one session: its events and prices in time."""

from typing import Final

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from phantom_core.views.sessions.session import SessionView
from ui.charts.frame import BASELINE, MODEL, SECOND, frame_chart

# From browsing to paying, in order of value to the shop.
_ORDER: Final = (
    "session_start",
    "page_view",
    "click",
    "search",
    "filter_for_date",
    "filter_for_amenities",
    "filter_for_price",
    "sort_change",
    "hover",
    "view_item_page",
    "learn_more_about_item",
    "remove_item",
    "add_item_to_cart",
    "checkout_start",
    "purchase_complete",
)
_VIEWING: Final = ("view_item_page", "learn_more_about_item")
_BUYING: Final = ("remove_item", "add_item_to_cart", "checkout_start", "purchase_complete")
_GROUPS: Final = {
    "browsing": BASELINE,
    "viewing products": MODEL,
    "cart and purchase": SECOND,
}
_HOVERED: Final = ["event_name", "page", "product_id", "at"]
_MINUTES_FROM_S: Final = 180.0


def timeline_chart(view: SessionView, asked_ms: int | None = None) -> go.Figure:
    """Events by kind over time, and below them the prices seen, quoted and paid.

    Args:
        view: the session.
        asked_ms: cut-off of the features to mark, UTC milliseconds.
    """
    has_prices = bool(
        view.events["price_seen"].notna().any()
        or view.events["amount_paid"].notna().any()
        or len(view.quotes)
    )
    figure = make_subplots(
        rows=1 + has_prices,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.06,
        row_heights=[0.62, 0.38][: 1 + has_prices],
    )
    per_unit, unit = (
        (60.0, "min") if (view.end_ms - view.start_ms) / 1_000 > _MINUTES_FROM_S else (1.0, "s")
    )
    kinds = _kinds(view.events)
    _add_events(figure, view.events, per_unit)
    if has_prices:
        _add_prices(figure, view, per_unit)
    if asked_ms is not None:
        figure.add_vline(
            x=(asked_ms - view.start_ms) / 1_000 / per_unit,
            line={"color": BASELINE, "width": 1.5, "dash": "dot"},
        )
    frame_chart(figure, x="", y="", height_px=150 + 24 * len(kinds) + 170 * has_prices)
    figure.update_xaxes(title_text=f"{unit} since the first event", row=1 + has_prices, col=1)
    figure.update_yaxes(categoryorder="array", categoryarray=kinds, showgrid=True, row=1, col=1)
    if has_prices:
        figure.update_yaxes(title_text="price, currency", rangemode="tozero", row=2, col=1)
    return figure


def _kind(event_name: str) -> str:
    return "hover" if event_name.startswith("hover_") else event_name


def _kinds(events: pd.DataFrame) -> list[str]:
    found = {_kind(name) for name in events["event_name"]}
    return [name.replace("_", " ") for name in _ORDER if name in found]


def _group(kind: str) -> str:
    return (
        "cart and purchase"
        if kind in _BUYING
        else "viewing products"
        if kind in _VIEWING
        else "browsing"
    )


def _add_events(figure: go.Figure, events: pd.DataFrame, per_unit: float) -> None:
    kind = events["event_name"].map(_kind)
    for group, colour in _GROUPS.items():
        chosen = kind.map(_group) == group
        rows = events[chosen]
        if len(rows):
            figure.add_scatter(
                x=rows["elapsed_s"] / per_unit,
                y=kind[chosen].str.replace("_", " "),
                mode="markers",
                name=group,
                marker={"color": colour, "size": 10, "opacity": 0.75, "line": {"width": 0}},
                customdata=rows.assign(at=rows["at"].dt.strftime("%H:%M:%S.%f").str[:-3])[_HOVERED]
                .astype(object)
                .fillna("–"),
                hovertemplate="%{customdata[3]} %{customdata[0]}<br>%{customdata[1]}<br>product "
                "%{customdata[2]}<extra></extra>",
                row=1,
                col=1,
            )


def _add_prices(figure: go.Figure, view: SessionView, per_unit: float) -> None:
    seen, paid, quotes = (
        view.events.dropna(subset="price_seen"),
        view.events.dropna(subset="amount_paid"),
        view.quotes,
    )
    marks = (
        (
            quotes,
            "price",
            "quoted",
            {"symbol": "line-ew", "size": 16, "line": {"width": 2, "color": BASELINE}},
        ),
        (
            seen,
            "price_seen",
            "seen",
            {"symbol": "circle", "size": 7, "color": MODEL, "opacity": 0.8},
        ),
        (paid, "amount_paid", "paid in total", {"symbol": "star", "size": 14, "color": SECOND}),
    )
    for rows, column, name, marker in marks:
        if len(rows):
            figure.add_scatter(
                x=rows["elapsed_s"] / per_unit,
                y=rows[column],
                mode="markers",
                name=name,
                marker=marker,
                customdata=rows["product_id"].fillna("–"),
                hovertemplate=f"{name} %{{y:,.2f}}<br>product %{{customdata}}<extra></extra>",
                row=2,
                col=1,
            )
