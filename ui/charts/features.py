"""Charts of features: distributions, rankings and drift."""

from collections.abc import Mapping, Sequence
from typing import Final

import plotly.graph_objects as go

from phantom_core.features.catalogue import Feature
from phantom_core.monitoring.drift import LARGE_SHIFT, SOME_SHIFT, FeatureDrift
from phantom_core.views.features.distribution import Distribution
from phantom_core.views.features.features import FeatureFigures
from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, SECOND, frame_chart
from ui.frame.wording import feature_axis, feature_name

# The axis ends here at most; a larger shift leaves the picture.
WIDEST: Final = 1.0


def distribution_chart(
    view: Distribution, feature: Feature, colours: Mapping[str, str], *, is_log: bool = False
) -> go.Figure:
    """Histogram of each group's sessions, overlaid.

    Args:
        view: the bars.
        feature: the feature shown.
        colours: group → colour.
        is_log: draw the values on a logarithmic scale.
    """
    figure = go.Figure()
    for group, colour in colours.items():
        rows = view.bars[view.bars["group"] == group]
        if view.is_category:
            figure.add_bar(
                x=rows["value"],
                y=rows["share"],
                name=group,
                marker={"color": colour, "line": {"width": 0}},
                customdata=rows["sessions"],
                hovertemplate="%{x}: %{y:.1%} (%{customdata:,})<extra>" + group + "</extra>",
            )
        else:
            figure.add_scatter(
                x=[*rows["low"], *rows["high"].tail(1)],
                y=[*rows["share"], 0.0],
                name=group,
                mode="lines",
                fill="tozeroy",
                line={"shape": "hv", "color": colour, "width": 1.8},
                fillcolor=_pale(colour),
                customdata=[*rows["sessions"], 0],
                hovertemplate="from %{x:,.4~g}: %{y:.1%} (%{customdata:,})<extra>"
                + group
                + "</extra>",
            )
    figure.update_yaxes(tickformat=".0~%", rangemode="tozero")
    figure.update_xaxes(type="log" if is_log and not view.is_category else None)
    figure.update_layout(barmode="group")
    return frame_chart(
        figure, x=feature_axis(feature.name, feature.unit), y="share of sessions", height_px=320
    )


def ranking_chart(figures: Sequence[FeatureFigures]) -> go.Figure:
    """Univariate AUC of each feature, the most informative on top."""
    known = sorted(
        (item for item in figures if item.separation.auc is not None),
        key=lambda item: abs((item.separation.auc or 0.5) - 0.5),
    )
    aucs = [item.separation.auc or 0.5 for item in known]
    figure = go.Figure()
    figure.add_scatter(
        x=aucs,
        y=[feature_name(item.feature.name) for item in known],
        mode="markers",
        marker={
            "color": [AGENT if auc > 0.5 else HUMAN for auc in aucs],
            "size": 9,
        },
        error_x={
            "type": "data",
            "thickness": 1.5,
            "width": 0,
            "color": BASELINE,
            "array": [
                (item.separation.auc_high or auc) - auc
                for item, auc in zip(known, aucs, strict=True)
            ],
            "arrayminus": [
                auc - (item.separation.auc_low or auc)
                for item, auc in zip(known, aucs, strict=True)
            ],
        },
        hovertemplate="%{y}: AUC %{x:.3f}<extra></extra>",
    )
    figure.add_vline(x=0.5, line={"color": BASELINE, "width": 1, "dash": "dot"})
    return frame_chart(
        figure,
        x="univariate AUC (0.5 is random)",
        y="",
        height_px=60 + 20 * len(known),
        has_legend=False,
    )


def drift_chart(rows: Sequence[FeatureDrift]) -> go.Figure:
    """PSI of each feature with its thresholds."""
    colours = {
        "stable": MODEL,
        "some shift": AGENT,
        "large shift": SECOND,
        "within chance": BASELINE,
        "too few sessions to tell": BASELINE,
    }
    shown = list(reversed(rows))
    figure = go.Figure()
    figure.add_bar(
        x=[row.psi for row in shown],
        y=[feature_name(row.name) for row in shown],
        orientation="h",
        marker={"color": [colours[row.reading] for row in shown], "line": {"width": 0}},
        text=[f"{row.psi:.2f}" if row.psi > SOME_SHIFT else "" for row in shown],
        textposition="inside",
        insidetextanchor="start",
        textfont={"color": "white"},
        customdata=[row.reading for row in shown],
        hovertemplate="%{y}: PSI %{x:.3f}, %{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[row.psi_of_chance for row in shown],
        y=[feature_name(row.name) for row in shown],
        mode="markers",
        name="by chance",
        marker={"symbol": "line-ns", "size": 10, "line": {"width": 2, "color": BASELINE}},
        hovertemplate="by chance %{x:.3f}<extra></extra>",
    )
    for limit in (SOME_SHIFT, LARGE_SHIFT):
        figure.add_vline(x=limit, line={"color": BASELINE, "width": 1, "dash": "dot"})
    # The threshold stays visible, so that small shifts look small.
    figure.update_xaxes(range=[0, 1.1 * min(WIDEST, max(SOME_SHIFT, *(row.psi for row in rows)))])
    return frame_chart(
        figure,
        x="population stability index (PSI)",
        y="",
        height_px=60 + 20 * len(rows),
        has_legend=False,
    )


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.22)"
