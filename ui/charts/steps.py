"""Charts of steps: evidence of each step of a session, and transition frequencies."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from phantom_core.evaluation.kernel import KernelScore
from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, frame_chart

_MINUTES_FROM_S = 180.0
_SHORT_FROM = 10_000


def evidence_chart(steps: pd.DataFrame) -> go.Figure:
    """Log-likelihood ratio of each step over time, and their sum; upwards is for an agent."""
    longest_s = float(steps["elapsed_s"].max())
    per_unit, unit = (60.0, "min") if longest_s > _MINUTES_FROM_S else (1.0, "s")
    figure = go.Figure()
    for name, colour, rows in (
        ("for an agent", AGENT, steps[steps["evidence"] > 0]),
        ("for a human", HUMAN, steps[steps["evidence"] <= 0]),
    ):
        x = rows["elapsed_s"] / per_unit
        figure.add_scatter(
            x=_stems(x.tolist(), x.tolist()),
            y=_stems([0.0] * len(rows), rows["evidence"].tolist()),
            mode="lines",
            line={"color": colour, "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=x,
            y=rows["evidence"],
            mode="markers",
            name=name,
            marker={"color": colour, "size": 8},
            customdata=rows[["source", "target", "humans", "agents"]].replace("_", " ", regex=True),
            hovertemplate="%{customdata[0]} → %{customdata[1]}: %{y:+.2f}<br>"
            "%{customdata[2]:,} times by humans, %{customdata[3]:,} by agents<extra></extra>",
        )
    figure.add_scatter(
        x=steps["elapsed_s"] / per_unit,
        y=steps["total"],
        mode="lines",
        name="cumulative",
        line={"color": MODEL, "width": 2, "shape": "hv"},
        hovertemplate="cumulative %{y:+.2f}<extra></extra>",
    )
    figure.add_hline(y=0, line={"color": BASELINE, "width": 1})
    return frame_chart(
        figure, x=f"{unit} since the first event", y="evidence, log-likelihood ratio", height_px=330
    )


def kernel_chart(kernels: KernelScore, kind: int) -> go.Figure:
    """Transition frequencies of one class from event to event, with counts.

    Args:
        kernels: counted steps.
        kind: 0 for humans, 1 for agents.
    """
    seen = kernels.counts.sum(axis=0)
    rows, columns = np.flatnonzero(seen.sum(axis=1)), np.flatnonzero(seen.sum(axis=0))
    shares, counts = (
        kernels.kernels[kind][np.ix_(rows, columns)],
        kernels.counts[kind][np.ix_(rows, columns)],
    )
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=_named(kernels.targets, columns),
            y=_named(kernels.sources, rows),
            customdata=counts,
            text=[[_short(count) for count in row] for row in counts],
            texttemplate="%{text}",
            textfont={"size": 9},
            zmin=0,
            zmax=1,
            colorscale=[[0, "rgba(128, 138, 145, 0.06)"], [1, (HUMAN, AGENT)[kind]]],
            xgap=1,
            ygap=1,
            showscale=False,
            hovertemplate="%{y} → %{x}: %{z:.1%} of the steps from there, %{customdata:,} "
            "times<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(tickangle=-60, showgrid=False)
    return frame_chart(figure, x="to", y="from", height_px=210 + 24 * len(rows), has_legend=False)


def _stems(first: Sequence[float], second: Sequence[float]) -> list[float | None]:
    """Pairs of points with gaps between them."""
    return [
        value for a, b in zip(first, second, strict=True) for value in (float(a), float(b), None)
    ]


def _named(names: tuple[str, ...], chosen: np.typing.NDArray[np.int64]) -> list[str]:
    return [names[i].replace("_", " ") for i in chosen]


def _short(count: float) -> str:
    if not count:
        return ""
    return (
        f"{count / 1_000:.0f}k"
        if count >= _SHORT_FROM
        else f"{count / 1_000:.1f}k"
        if count >= 1_000
        else f"{count:.0f}"
    )
