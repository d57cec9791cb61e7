"""Chart of a training: reward of finished episodes, with the reference lines."""

import pandas as pd
import plotly.graph_objects as go

from ui.charts.frame import BASELINE, MODEL, SECOND, frame_chart


def reward_chart(
    curve: pd.DataFrame, *, best: float, is_bound: bool, best_fixed: float | None
) -> go.Figure:
    """Learning curve with the optimum and the best fixed price.

    Args:
        curve: columns steps and reward.
        best: expected reward that no policy can exceed.
        is_bound: it is an upper bound, not the exact optimum.
        best_fixed: expected reward of the best fixed price; None where it is not known.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=curve["steps"],
        y=curve["reward"],
        mode="lines",
        name="training",
        line={"color": SECOND, "width": 2.5},
        hovertemplate="after %{x:,} steps: %{y:.2f}<extra></extra>",
    )
    last = float(curve["steps"].max()) if len(curve) else 1.0
    lines = [("upper bound" if is_bound else "optimum", best, MODEL, "dash")]
    if best_fixed is not None:
        lines.append(("best fixed price", best_fixed, BASELINE, "dot"))
    for name, reward, colour, dash in lines:
        figure.add_scatter(
            x=[0, last],
            y=[reward, reward],
            mode="lines",
            name=name,
            line={"color": colour, "width": 1.5, "dash": dash},
            hovertemplate=f"{name}: %{{y:.2f}}<extra></extra>",
        )
    return frame_chart(
        figure, x="simulated shop hours", y="reward per episode, currency", height_px=320
    )
