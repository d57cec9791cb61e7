"""Charts of a decision: confusion and cost by threshold, and ROC-AUC by number of events."""

from collections.abc import Sequence

import plotly.graph_objects as go

from phantom_core.evaluation.metrics import Confusion
from phantom_core.evaluation.robustness import PrefixResult
from phantom_core.views.classifier.decision import MoneyCurve
from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, SECOND, frame_chart
from ui.frame.wording import format_count


def money_chart(curve: MoneyCurve, threshold: float) -> go.Figure:
    """Expected cost by threshold, with the best and the chosen one, and two baselines."""
    figure = go.Figure()
    for cost, name, colour in (
        (curve.everybody_cost, "mark up all sessions", HUMAN),
        (curve.nobody_cost, "mark up no session", AGENT),
    ):
        line = {"color": colour, "width": 1.5, "dash": "dash"}
        figure.add_scatter(
            x=[0, 1],
            y=[cost, cost],
            mode="lines",
            name=name,
            line=line,
            hovertemplate=f"{name}: %{{y:.4f}}<extra></extra>",
        )
    figure.add_scatter(
        x=curve.threshold,
        y=curve.cost,
        mode="lines",
        name="classifier",
        line={"color": MODEL, "width": 2.5},
        hovertemplate="from %{x:.3f}: %{y:.4f}<extra></extra>",
    )
    figure.add_scatter(
        x=[curve.best_threshold],
        y=[curve.best_cost],
        mode="markers",
        name="lowest cost",
        marker={"color": MODEL, "size": 15, "symbol": "star"},
        hovertemplate="lowest cost: from %{x:.3f}, %{y:.4f}<extra></extra>",
    )
    figure.add_scatter(
        x=[threshold],
        y=[curve.cost_at(threshold)],
        mode="markers",
        name="chosen",
        marker={"color": SECOND, "size": 13, "symbol": "diamond-open", "line": {"width": 2.5}},
        hovertemplate="chosen: from %{x:.3f}, %{y:.4f}<extra></extra>",
    )
    figure.update_yaxes(rangemode="tozero")
    return frame_chart(
        figure,
        x="threshold on P(agent)",
        y="cost per session, average orders",
        height_px=340,
    )


def confusion_chart(counted: Confusion) -> go.Figure:
    """Sessions marked up and not, by class."""
    figure = go.Figure()
    rows = (
        ("humans", counted.humans_left, counted.humans_marked, HUMAN),
        ("agents", counted.agents_missed, counted.agents_found, AGENT),
    )
    for name, left, marked, colour in rows:
        for what, n, opacity in (("not marked up", left, 0.45), ("marked up", marked, 1.0)):
            figure.add_bar(
                x=[n],
                y=[name],
                orientation="h",
                marker={"color": colour, "opacity": opacity, "line": {"width": 0}},
                text=f"{what} {format_count(n)}"
                if opacity == 1 and n > 0.12 * (left + marked)
                else "",
                textposition="inside",
                insidetextanchor="middle",
                textfont={"color": "white"},
                hovertemplate=f"{name} {what}: {format_count(n)}<extra></extra>",
            )
    figure.update_layout(barmode="stack")
    figure.update_yaxes(autorange="reversed")
    return frame_chart(figure, x="labelled sessions", y="", height_px=190, has_legend=False)


def prefix_chart(prefixes: Sequence[PrefixResult], whole: float) -> go.Figure:
    """ROC-AUC after the first k events, and of whole sessions."""
    figure = go.Figure()
    lines = (
        ("trained on whole sessions", [result.roc_auc for result in prefixes], SECOND),
        (
            "trained on prefixes of equal length",
            [result.roc_auc_retrained for result in prefixes],
            MODEL,
        ),
    )
    for name, estimates, colour in lines:
        figure.add_scatter(
            x=[result.n_events for result in prefixes],
            y=[estimate.value for estimate in estimates],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2},
            marker={"size": 8},
            error_y={
                "type": "data",
                "thickness": 1.2,
                "width": 0,
                "array": [estimate.high - estimate.value for estimate in estimates],
                "arrayminus": [estimate.value - estimate.low for estimate in estimates],
            },
            hovertemplate="%{x} events: %{y:.3f}<extra></extra>",
        )
    figure.add_hline(y=whole, line={"color": BASELINE, "width": 1.5, "dash": "dash"})
    figure.add_hline(y=0.5, line={"color": BASELINE, "width": 1, "dash": "dot"})
    figure.update_xaxes(
        type="log",
        tickvals=[result.n_events for result in prefixes],
        ticktext=[str(result.n_events) for result in prefixes],
    )
    return frame_chart(figure, x="first events of the session, count", y="ROC-AUC", height_px=340)
