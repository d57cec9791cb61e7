"""Charts of price experiments: effect over time, human conversion, and sample size."""

import math
from collections.abc import Sequence
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from phantom_core.experiments.comparison import Comparison, Point
from ui.charts.frame import BASELINE, HUMAN, MODEL, frame_chart

_FILLS: Final = {MODEL: "rgba(15, 148, 136, 0.16)", HUMAN: "rgba(58, 128, 193, 0.16)"}
# Wider intervals are clipped: they carry no information and would flatten the rest.
_FARTHEST: Final = 1.0


def effect_chart(found: Comparison, planned: float, sought: float) -> go.Figure:
    """The relative effect on the metric, by sessions.

    Args:
        found: a new arm against the first.
        planned: sample size of both arms.
        sought: minimum detectable effect.
    """
    figure = _course(found.course, MODEL, "effect")
    figure.add_hline(
        y=sought,
        line={"color": BASELINE, "dash": "dot", "width": 1},
        annotation_text="minimum detectable effect",
        annotation_position="top left",
    )
    figure.add_vline(
        x=planned,
        line={"color": BASELINE, "dash": "dot", "width": 1},
        annotation_text="planned sample size",
        annotation_position="top right",
    )
    return frame_chart(
        figure,
        x="sessions of both arms",
        y="relative effect, always-valid 95 % interval",
        has_legend=False,
    )


def human_chart(found: Comparison, tolerated: float) -> go.Figure:
    """The relative change of human conversion, with its guardrail."""
    figure = _course(found.course, HUMAN, "human")
    line = {"color": "#c0392b", "dash": "dash", "width": 1}
    figure.add_hline(
        y=-tolerated, line=line, annotation_text="guardrail", annotation_position="bottom left"
    )
    return frame_chart(
        figure, x="sessions of both arms", y="relative change of human conversion", has_legend=False
    )


def sizes_chart(sizes: pd.DataFrame, effect: float) -> go.Figure:
    """Sample size by minimum detectable effect.

    Args:
        sizes: effect, sessions, sessions_once.
        effect: the chosen one.
    """
    figure = go.Figure()
    for column, name, colour, dash in (
        ("sessions", "sequential", MODEL, "solid"),
        ("sessions_once", "fixed horizon", BASELINE, "dot"),
    ):
        figure.add_scatter(
            x=sizes["effect"],
            y=sizes[column],
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash},
            hovertemplate="%{x:.1%}: %{y:,.0f} sessions<extra></extra>",
        )
    figure.add_vline(x=effect, line={"color": BASELINE, "width": 1})
    figure.update_yaxes(type="log")
    figure.update_xaxes(tickformat=".0%")
    return frame_chart(figure, x="minimum detectable effect", y="sessions, all arms", height_px=260)


def _course(course: Sequence[Point], colour: str, what: str) -> go.Figure:
    figure = go.Figure()
    sessions = [one.sessions for one in course]
    bounds = [one.effect if what == "effect" else one.human for one in course]
    highs, lows = [_within(one.high) for one in bounds], [_within(one.low) for one in bounds]
    for ends, fill in ((highs, None), (lows, "tonexty")):
        figure.add_scatter(
            x=sessions,
            y=ends,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=_FILLS[colour],
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_scatter(
        x=sessions,
        y=[_within(one.value) for one in bounds],
        mode="lines",
        line={"color": colour, "width": 2},
        showlegend=False,
        customdata=[[one.low, one.high] for one in bounds],
        hovertemplate="%{x:,} sessions: %{y:+.1%} (%{customdata[0]:+.1%} to "
        "%{customdata[1]:+.1%})<extra></extra>",
    )
    figure.add_hline(y=0, line={"color": BASELINE, "width": 1})
    figure.update_yaxes(tickformat="+.0%")
    return figure


def _within(value: float) -> float:
    return value if math.isnan(value) else max(-_FARTHEST, min(_FARTHEST, value))
