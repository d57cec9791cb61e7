"""Charts of a classifier: ranking, calibration and feature importance."""

from collections.abc import Sequence

import plotly.graph_objects as go

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.report import CalibrationReport, ClassifierReport, FeatureGain
from ui.charts.frame import BASELINE, MODEL, SECOND, frame_chart
from ui.frame.wording import feature_name

_DASHED = {"color": BASELINE, "width": 1.5, "dash": "dash"}


def roc_chart(report: ClassifierReport) -> go.Figure:
    """The ROC curve with the random baseline and the velocity rule."""
    rule, counted = report.baselines.velocity_rule, report.confusion
    figure = go.Figure()
    _add_curve(
        figure,
        report.roc.x,
        report.roc.y,
        "classifier",
        "%{x:.1%} of humans flagged, %{y:.1%} of agents found",
    )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="random", line=_DASHED, hoverinfo="skip"
    )
    if rule.precision and rule.recall is not None:
        humans, agents = (
            counted.humans_marked + counted.humans_left,
            counted.agents_found + counted.agents_missed,
        )
        marked = rule.recall * agents * (1 - rule.precision) / rule.precision / humans
        _add_rule(
            figure, marked, rule.recall, "%{x:.1%} of humans flagged, %{y:.1%} of agents found"
        )
    _percent_axes(figure)
    return frame_chart(
        figure, x="humans flagged (false positive rate)", y="agents found (recall)", height_px=340
    )


def precision_recall_chart(report: ClassifierReport) -> go.Figure:
    """The precision-recall curve with the baselines: flag all, and the velocity rule."""
    rule, base_rate = report.baselines.velocity_rule, report.baselines.base_rate
    figure = go.Figure()
    _add_curve(
        figure,
        report.precision_recall.x,
        report.precision_recall.y,
        "classifier",
        "%{x:.1%} of agents found, %{y:.1%} of flagged sessions are agents",
    )
    figure.add_scatter(
        x=[0, 1],
        y=[base_rate, base_rate],
        mode="lines",
        name="flag all sessions",
        line=_DASHED,
        hoverinfo="skip",
    )
    if rule.precision and rule.recall is not None:
        _add_rule(
            figure,
            rule.recall,
            rule.precision,
            "%{x:.1%} of agents found, %{y:.1%} of flagged sessions are agents",
        )
    _percent_axes(figure)
    return frame_chart(
        figure,
        x="agents found (recall)",
        y="agents among flagged sessions (precision)",
        height_px=340,
    )


def calibration_chart(calibration: CalibrationReport) -> go.Figure:
    """Observed share by predicted probability."""
    bins = calibration.bins
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="perfectly calibrated",
        line=_DASHED,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[part.probability for part in bins],
        y=[part.share for part in bins],
        mode="lines+markers",
        name="observed",
        line={"color": MODEL, "width": 1.5},
        marker={"size": 8},
        error_y={
            "type": "data",
            "array": [part.share_high - part.share for part in bins],
            "arrayminus": [part.share - part.share_low for part in bins],
            "thickness": 1.2,
            "width": 0,
        },
        customdata=[part.n_sessions for part in bins],
        hovertemplate="predicted %{x:.1%}, observed %{y:.1%} of %{customdata:,} "
        "sessions<extra></extra>",
    )
    _percent_axes(figure)
    return frame_chart(
        figure, x="predicted probability", y="observed share of agents", height_px=340
    )


def gains_chart(gains: Sequence[FeatureGain], n_shown: int = 15) -> go.Figure:
    """Features by their share of the gain."""
    shown = list(reversed([gain for gain in gains if gain.share > 0][:n_shown]))
    figure = go.Figure(
        go.Bar(
            x=[gain.share for gain in shown],
            y=[feature_name(gain.name) for gain in shown],
            orientation="h",
            marker={"color": MODEL, "line": {"width": 0}},
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )
    figure.update_xaxes(tickformat=".0%")
    return frame_chart(figure, x="share of the trees' gain", y="", height_px=340, has_legend=False)


def estimates_chart(
    estimates: Sequence[tuple[str, Estimate]],
    x: str,
    *,
    reference: float | None = None,
    emphasised: str = "",
) -> go.Figure:
    """Figures with their intervals below each other, the first on top.

    Args:
        estimates: name and figure.
        x: what is measured.
        reference: value of a dotted line, such as the random baseline.
        emphasised: the one to draw in the classifier's colour; empty means all.
    """
    shown = list(reversed(estimates))
    figure = go.Figure(
        go.Scatter(
            x=[estimate.value for _, estimate in shown],
            y=[name for name, _ in shown],
            mode="markers+text",
            text=[f"{estimate.value:.3f}" for _, estimate in shown],
            textposition="top center",
            textfont={"size": 11},
            marker={
                "size": 11,
                "color": [MODEL if emphasised in ("", name) else SECOND for name, _ in shown],
            },
            error_x={
                "type": "data",
                "array": [estimate.high - estimate.value for _, estimate in shown],
                "arrayminus": [estimate.value - estimate.low for _, estimate in shown],
                "color": BASELINE,
                "thickness": 1.5,
                "width": 0,
            },
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    if reference is not None:
        figure.add_vline(x=reference, line={"color": BASELINE, "width": 1, "dash": "dot"})
    figure.update_yaxes(range=[-0.6, len(shown) - 0.3])
    return frame_chart(figure, x=x, y="", height_px=80 + 46 * len(shown), has_legend=False)


def paired_estimates_chart(
    pairs: Sequence[tuple[str, Estimate, Estimate]],
    names: tuple[str, str],
    x: str,
    *,
    reference: float | None = None,
) -> go.Figure:
    """Figures of two models with their intervals, one row per slice, the first on top.

    Args:
        pairs: slice, figure of the one model and of the other.
        names: of the models.
        x: what is measured.
        reference: value of a dotted line, such as the random baseline.
    """
    shown = list(reversed(pairs))
    figure = go.Figure()
    for at, (name, colour) in enumerate(zip(names, (MODEL, SECOND), strict=True)):
        estimates = [pair[2] if at else pair[1] for pair in shown]
        figure.add_scatter(
            x=[one.value for one in estimates],
            y=[pair[0] for pair in shown],
            mode="markers",
            name=name,
            marker={"size": 10, "color": colour},
            error_x={
                "type": "data",
                "array": [one.high - one.value for one in estimates],
                "arrayminus": [one.value - one.low for one in estimates],
                "color": colour,
                "thickness": 1.5,
                "width": 0,
            },
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    if reference is not None:
        figure.add_vline(x=reference, line={"color": BASELINE, "width": 1, "dash": "dot"})
    return frame_chart(figure, x=x, y="", height_px=120 + 40 * len(shown))


def _add_curve(
    figure: go.Figure, x: Sequence[float], y: Sequence[float], name: str, hover: str
) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name=name,
        line={"color": MODEL, "width": 2.5},
        hovertemplate=f"{hover}<extra></extra>",
    )


def _add_rule(figure: go.Figure, x: float, y: float, hover: str) -> None:
    marker = {"color": SECOND, "size": 12, "symbol": "diamond"}
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        name="velocity rule",
        marker=marker,
        hovertemplate=f"{hover}<extra></extra>",
    )


def _percent_axes(figure: go.Figure) -> None:
    figure.update_xaxes(tickformat=".0%", range=[-0.01, 1.01])
    figure.update_yaxes(tickformat=".0%", range=[-0.01, 1.03])
