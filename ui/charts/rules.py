"""Charts of a replay: prices by class, leakage left, and revenue."""

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from phantom_core.core.estimate import Estimate
from phantom_core.replay.off_policy import OffPolicyValue
from phantom_core.replay.replay import Replay, SetReplay
from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, SECOND, frame_chart

_ESTIMATORS: Final = (
    ("doubly_robust", "doubly robust"),
    ("self_normalised", "inverse propensity, self-normalised"),
    ("inverse_propensity", "inverse propensity"),
    ("logged", "as logged"),
)


def markup_chart(one: SetReplay) -> go.Figure:
    """Share of each class's quotes at each mark-up."""
    figure = go.Figure()
    for name, colour in (("human", HUMAN), ("agent", AGENT)):
        weights = [getattr(bar, name) for bar in one.bars]
        total = sum(weights) or 1.0
        figure.add_bar(
            x=[f"×{bar.markup_ratio:.2f}" for bar in one.bars],
            y=[weight / total for weight in weights],
            name=f"{name}s",
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate="%{x}: %{y:.1%} of the " + name + "s' quotes<extra></extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return frame_chart(figure, x="price / base price", y="share of quotes", height_px=300)


def recovered_chart(replay: Replay) -> go.Figure:
    """Leakage left under each reference price: as logged, and under both sets."""
    figure = go.Figure()
    for one, colour in ((replay.against, SECOND), (replay.rules, MODEL)):
        _add_bars(
            figure,
            one.name,
            colour,
            [(back.reference, back.left) for back in one.recovered if not back.problem],
        )
    logged = [(back.reference, back.logged) for back in replay.rules.recovered if not back.problem]
    _add_bars(figure, "as logged", BASELINE, logged)
    figure.update_layout(barmode="group", legend_traceorder="reversed")
    figure.update_xaxes(rangemode="tozero")
    return frame_chart(
        figure, x="leakage, currency, 95 % interval", y="", height_px=90 + 80 * max(1, len(logged))
    )


def value_chart(value: OffPolicyValue) -> go.Figure:
    """Revenue per session by estimator."""
    known = [
        (title, estimate)
        for name, title in _ESTIMATORS
        if (estimate := getattr(value, name)) is not None
    ]
    figure = go.Figure(
        go.Scatter(
            x=[estimate.value for _, estimate in known],
            y=[title for title, _ in known],
            mode="markers",
            marker={
                "size": 10,
                "color": [BASELINE if title == "as logged" else MODEL for title, _ in known],
            },
            error_x=_whiskers([estimate for _, estimate in known]),
            hovertemplate="%{y}: %{x:,.2f}<extra></extra>",
        )
    )
    return frame_chart(
        figure,
        x="revenue per session, currency, 95 % interval",
        y="",
        height_px=80 + 44 * len(known),
        has_legend=False,
    )


def _add_bars(
    figure: go.Figure, name: str, colour: str, values: Sequence[tuple[str, Estimate]]
) -> None:
    figure.add_bar(
        x=[estimate.value for _, estimate in values],
        y=[reference.replace("_", " ") for reference, _ in values],
        orientation="h",
        name=name,
        marker={"color": colour, "line": {"width": 0}},
        error_x=_whiskers([estimate for _, estimate in values]),
        hovertemplate="%{y}, " + name + ": %{x:,.0f}<extra></extra>",
    )


def _whiskers(estimates: Sequence[Estimate]) -> dict[str, object]:
    return {
        "type": "data",
        "array": [one.high - one.value for one in estimates],
        "arrayminus": [one.value - one.low for one in estimates],
        "color": BASELINE,
        "thickness": 1.5,
        "width": 4,
    }
