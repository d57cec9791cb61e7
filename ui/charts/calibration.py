"""Charts of a calibration: arrivals, price sensitivities, and the replay."""

from collections.abc import Sequence

import plotly.graph_objects as go

from phantom_core.core.estimate import Estimate
from phantom_core.market.calibration.arrivals import Arrivals
from phantom_core.market.calibration.replay_check import ReplayRow
from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, SECOND, frame_chart


def arrivals_chart(arrivals: Arrivals) -> go.Figure:
    """Arrivals by hour of the day with their intervals; hours without data stay empty."""
    known = [(hour, found) for hour, found in enumerate(arrivals.by_hour) if found]
    figure = go.Figure(
        go.Bar(
            x=[hour for hour, _ in known],
            y=[found.value for _, found in known],
            marker={"color": MODEL, "line": {"width": 0}},
            error_y=_whiskers([found for _, found in known]),
            hovertemplate="%{x}:00 UTC: %{y:.2f} per hour<extra></extra>",
        )
    )
    figure.update_xaxes(range=[-0.6, 23.6], dtick=3, ticksuffix=":00")
    figure.update_yaxes(rangemode="tozero")
    return frame_chart(
        figure, x="hour of the day (UTC)", y="shoppers per hour", height_px=290, has_legend=False
    )


def sensitivity_chart(human: Estimate, agent: Estimate) -> go.Figure:
    """Price sensitivity of both classes with intervals."""
    figure = go.Figure()
    for name, estimate, colour in (("agents", agent, AGENT), ("humans", human, HUMAN)):
        figure.add_scatter(
            x=[estimate.value],
            y=[name],
            mode="markers+text",
            text=[f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"],
            textposition="top center",
            marker={"size": 12, "color": colour},
            error_x=_whiskers([estimate]),
            hovertemplate="%{y}: s = %{x:.2f}<extra></extra>",
        )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(range=[-0.6, 1.8])
    return frame_chart(
        figure,
        x="sensitivity s of P(buy) = 1 / (1 + (price / base price)^s)",
        y="",
        height_px=210,
        has_legend=False,
    )


def replay_chart(rows: Sequence[ReplayRow], x: str) -> go.Figure:
    """Logged purchases beside the band of simulated ones.

    Args:
        rows: of one kind.
        x: title of the horizontal axis.
    """
    labels = [row.label for row in rows]
    figure = go.Figure()
    figure.add_scatter(
        x=labels,
        y=[row.simulated for row in rows],
        mode="markers",
        name="simulated, 95 %",
        marker={
            "size": 9,
            "color": SECOND,
            "symbol": "line-ew",
            "line": {"width": 2.5, "color": SECOND},
        },
        error_y={
            "type": "data",
            "array": [row.high - row.simulated for row in rows],
            "arrayminus": [row.simulated - row.low for row in rows],
            "color": SECOND,
            "thickness": 5,
            "width": 0,
        },
        opacity=0.6,
        hovertemplate="%{x}: %{y:.1f} simulated<extra></extra>",
    )
    for name, is_inside, colour in (
        ("logged, inside", True, MODEL),
        ("logged, outside", False, AGENT),
    ):
        some = [row for row in rows if row.is_inside is is_inside]
        figure.add_scatter(
            x=[row.label for row in some],
            y=[row.logged for row in some],
            mode="markers",
            name=name,
            marker={"size": 9, "color": colour},
            hovertemplate="%{x}: %{y:,} logged<extra></extra>",
        )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels)
    figure.update_yaxes(rangemode="tozero")
    return frame_chart(figure, x=x, y="purchases on the validation days", height_px=300)


def _whiskers(estimates: Sequence[Estimate]) -> dict[str, object]:
    return {
        "type": "data",
        "array": [estimate.high - estimate.value for estimate in estimates],
        "arrayminus": [estimate.value - estimate.low for estimate in estimates],
        "color": BASELINE,
        "thickness": 1.5,
        "width": 0,
    }
