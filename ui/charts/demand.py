"""Charts of the network: losses, comparison models, price bands, demand curves, tuning."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.price_response import Band
from phantom_core.evaluation.task import ComparisonModel
from phantom_core.models.price_curve import PriceCurve
from ui.charts.frame import AGENT, BASELINE, COLOURS, MODEL, SECOND, frame_chart

_PALE = "rgba(15, 118, 110, 0.16)"


def losses_chart(losses: pd.DataFrame, task: str) -> go.Figure:
    """Validation log loss by epoch, one line a fold.

    Args:
        losses: columns fold, epoch and the task.
        task: "agent" or "purchase".
    """
    figure = go.Figure()
    several = losses["fold"].nunique() > 1
    for fold, rows in losses.groupby("fold"):
        figure.add_scatter(
            x=rows["epoch"],
            y=rows[task],
            mode="lines+markers",
            name=f"fold {fold}",
            line={"color": MODEL, "width": 2},
            opacity=0.45 if several else 1.0,
            marker={"size": 5},
            hovertemplate="epoch %{x}: %{y:.4f}<extra>fold " + str(fold) + "</extra>",
        )
    return frame_chart(figure, x="epoch", y="validation log loss", height_px=260, has_legend=False)


def comparison_chart(name: str, auc: Estimate, others: Sequence[ComparisonModel]) -> go.Figure:
    """ROC-AUC of the network and of comparison models on the same folds, best on top.

    Args:
        name: of the network.
        auc: of the network.
        others: their intervals are of the difference to the network, around its figure.
    """
    points = [
        (name, auc),
        *((other.name, _around(auc.value, other)) for other in others),
        ("random", Estimate(0.5, 0.5, 0.5)),
    ]
    points.sort(key=lambda point: point[1].value)
    figure = go.Figure(
        go.Scatter(
            x=[estimate.value for _, estimate in points],
            y=[label for label, _ in points],
            mode="markers+text",
            text=[f"{estimate.value:.3f}" for _, estimate in points],
            textposition="top center",
            textfont={"size": 11},
            marker={
                "size": 11,
                "color": [
                    MODEL if label == name else BASELINE if label == "random" else SECOND
                    for label, _ in points
                ],
            },
            error_x={
                "type": "data",
                "array": [estimate.high - estimate.value for _, estimate in points],
                "arrayminus": [estimate.value - estimate.low for _, estimate in points],
                "color": BASELINE,
                "thickness": 1.5,
                "width": 0,
            },
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0.47, 1.01])
    figure.update_yaxes(range=[-0.6, len(points) - 0.3])
    return frame_chart(figure, x="ROC-AUC", y="", height_px=80 + 46 * len(points), has_legend=False)


def bands_chart(bands: Sequence[Band]) -> go.Figure:
    """Observed and predicted share of offers bought, by price band and class."""
    figure = go.Figure()
    for who in ("human", "agent"):
        rows = [band for band in bands if band.who == who]
        if not rows:
            continue
        labels = [_band_name(band) for band in rows]
        figure.add_bar(
            x=labels,
            y=[band.bin.share for band in rows],
            name=f"{who}s, observed",
            marker={"color": COLOURS[who], "line": {"width": 0}},
            error_y={
                "type": "data",
                "array": [band.bin.share_high - band.bin.share for band in rows],
                "arrayminus": [band.bin.share - band.bin.share_low for band in rows],
                "thickness": 1.4,
                "width": 4,
                "color": BASELINE,
            },
            customdata=[band.bin.n_sessions for band in rows],
            hovertemplate="%{x}: %{y:.2%} of %{customdata:,} bought<extra>" + who + "s</extra>",
            offsetgroup=who,
        )
        figure.add_scatter(
            x=labels,
            y=[band.bin.probability for band in rows],
            name=f"{who}s, predicted",
            mode="markers",
            marker={
                "symbol": "diamond",
                "size": 10,
                "color": "white",
                "line": {"width": 2, "color": COLOURS[who]},
            },
            hovertemplate="%{x}: %{y:.2%} predicted<extra>" + who + "s</extra>",
            offsetgroup=who,
        )
    figure.update_layout(barmode="group", scattermode="group")
    figure.update_yaxes(tickformat=".1%", rangemode="tozero")
    return frame_chart(
        figure, x="quoted price / base price", y="share of offers bought", height_px=340
    )


def demand_curve_chart(curve: PriceCurve) -> go.Figure:
    """P(purchase) by price with its interval, the best price, and the reference price."""
    figure = go.Figure()
    figure.add_scatter(
        x=curve.ratios,
        y=curve.p_high,
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=curve.ratios,
        y=curve.p_low,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=_PALE,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=curve.ratios,
        y=curve.p_purchase,
        mode="lines",
        name="P(purchase)",
        line={"color": MODEL, "width": 2.5},
        hovertemplate="at ×%{x:.2f} %{y:.2%} buy<extra></extra>",
    )
    _mark_prices(figure, curve)
    figure.update_yaxes(tickformat=".1%", range=[0, 1.15 * float(np.max(curve.p_high))])
    return frame_chart(
        figure, x="price / base price", y="P(purchase)", height_px=330, has_legend=False
    )


def money_chart(curve: PriceCurve, base_price: float) -> go.Figure:
    """Expected revenue, leakage and objective, by price.

    Args:
        curve: of one offer.
        base_price: currency.
    """
    figure = go.Figure()
    lines = (
        ("objective", curve.value, MODEL, 3.0),
        ("revenue", curve.revenue, SECOND, 1.8),
        ("leakage", curve.leakage, AGENT, 1.8),
    )
    for name, values, colour, width in lines:
        figure.add_scatter(
            x=curve.ratios,
            y=base_price * values,
            mode="lines",
            name=name,
            line={"color": colour, "width": width},
            hovertemplate="at ×%{x:.2f} %{y:,.3f}<extra>" + name + "</extra>",
        )
    _mark_prices(figure, curve)
    figure.update_yaxes(rangemode="tozero")
    return frame_chart(
        figure, x="price / base price", y="expected value per offer, currency", height_px=330
    )


def tuning_chart(table: pd.DataFrame) -> go.Figure:
    """Loss of each trial and the best so far."""
    figure = go.Figure()
    figure.add_scatter(
        x=table["trial"],
        y=table["loss"],
        mode="markers",
        name="trial",
        marker={"color": BASELINE, "size": 7},
        hovertemplate="trial %{x}: %{y:.4f}<extra></extra>",
    )
    figure.add_scatter(
        x=table["trial"],
        y=table["best"],
        mode="lines",
        name="best so far",
        line={"color": MODEL, "width": 2.5, "shape": "hv"},
        hoverinfo="skip",
    )
    return frame_chart(figure, x="trial", y="validation log loss / base rate", height_px=300)


def _mark_prices(figure: go.Figure, curve: PriceCurve) -> None:
    figure.add_vrect(
        x0=curve.best_low,
        x1=curve.best_high,
        fillcolor="rgba(128, 138, 145, 0.12)",
        line_width=0,
        layer="below",
    )
    marks = (
        ("best", curve.best_ratio, MODEL, "dash"),
        ("reference", curve.terms.reference_ratio, BASELINE, "dot"),
    )
    first_is_left = curve.best_ratio <= curve.terms.reference_ratio
    for (name, ratio, colour, dash), is_left in zip(
        marks, (first_is_left, not first_is_left), strict=True
    ):
        if curve.ratios[0] <= ratio <= curve.ratios[-1]:
            annotation = {
                "text": f"{name} ×{ratio:.2f}",
                "font": {"size": 12},
                "xanchor": "right" if is_left else "left",
                "y": 1,
                "yanchor": "top",
            }
            figure.add_vline(
                x=ratio, line={"color": colour, "width": 1.5, "dash": dash}, annotation=annotation
            )
    figure.update_xaxes(tickprefix="×")


def _around(value: float, other: ComparisonModel) -> Estimate:
    return Estimate(other.roc_auc, value - other.ahead.high, value - other.ahead.low)


def _band_name(band: Band) -> str:
    if band.low_ratio is None:
        return f"below ×{band.high_ratio:g}"
    return (
        f"×{band.low_ratio:g} and more"
        if band.high_ratio is None
        else f"×{band.low_ratio:g} to ×{band.high_ratio:g}"
    )
