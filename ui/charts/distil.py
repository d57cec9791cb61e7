"""Charts of a distillation: fidelity and leakage lost, by depth of the tree."""

from collections.abc import Sequence

import plotly.graph_objects as go

from phantom_core.core.estimate import Estimate
from phantom_core.distil.frontier import FrontierPoint
from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, SECOND, frame_chart


def frontier_chart(points: Sequence[FrontierPoint], depth: int) -> go.Figure:
    """Fidelity by depth with intervals; the chosen depth is marked."""
    figure = go.Figure()
    series = (
        ("R²", [point.fidelity.r2 for point in points], MODEL),
        ("rank correlation", [point.fidelity.rank_correlation for point in points], SECOND),
        ("same band", [point.fidelity.band_agreement for point in points], HUMAN),
    )
    for name, estimates, colour in series:
        _add(figure, points, estimates, name, colour)
    figure.add_vline(x=depth, line={"color": BASELINE, "width": 1.5, "dash": "dot"})
    figure.update_yaxes(range=[0, 1.02])
    _depths(figure, points)
    return frame_chart(
        figure, x="maximum depth (below: leaves)", y="fidelity to the teacher", height_px=340
    )


def leakage_lost_chart(points: Sequence[FrontierPoint], depth: int) -> go.Figure:
    """Recovered leakage lost versus the teacher by depth, with intervals."""
    figure = go.Figure()
    _add(
        figure,
        points,
        [point.fidelity.leakage_lost for point in points],
        "lost versus the teacher",
        AGENT,
    )
    figure.add_hline(y=0, line={"color": BASELINE, "width": 1})
    figure.add_vline(x=depth, line={"color": BASELINE, "width": 1.5, "dash": "dot"})
    figure.update_yaxes(tickformat=".0%")
    _depths(figure, points)
    return frame_chart(
        figure,
        x="maximum depth (below: leaves)",
        y="share of leakage recovered by the teacher",
        height_px=340,
        has_legend=False,
    )


def _add(
    figure: go.Figure,
    points: Sequence[FrontierPoint],
    estimates: Sequence[Estimate | None],
    name: str,
    colour: str,
) -> None:
    known = [
        (point.depth, estimate)
        for point, estimate in zip(points, estimates, strict=True)
        if estimate is not None
    ]
    figure.add_scatter(
        x=[depth for depth, _ in known],
        y=[estimate.value for _, estimate in known],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 2},
        marker={"size": 8},
        error_y={
            "type": "data",
            "array": [estimate.high - estimate.value for _, estimate in known],
            "arrayminus": [estimate.value - estimate.low for _, estimate in known],
            "thickness": 1.2,
            "width": 0,
        },
        hovertemplate="depth %{x}: %{y:.3f}<extra>" + name + "</extra>",
    )


def _depths(figure: go.Figure, points: Sequence[FrontierPoint]) -> None:
    figure.update_xaxes(
        tickvals=[point.depth for point in points],
        ticktext=[f"{point.depth}<br>{point.leaves}" for point in points],
        showgrid=False,
    )
