"""Charts of an explanation: SHAP values of a model, in general and of one session."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from phantom_core.explain.explanation import Interaction, Output
from phantom_core.explain.importance import Importance
from phantom_core.explain.one_offer import OfferExplanation
from phantom_core.explain.one_session import SessionExplanation
from phantom_core.explain.stability import Stability
from ui.charts.frame import AGENT, BASELINE, COLOURS, HUMAN, MODEL, SECOND, frame_chart
from ui.frame.wording import family_name, feature_axis, feature_name, feature_value

FAMILY_COLOURS: Final = {
    "temporal": MODEL,
    "behavioural": SECOND,
    "product": "#b8902f",
    "user_agent": "#c765a0",
    "offer": "#5b7fd6",
    "price": "#c4524a",
}
_SHOWN: Final = 15
_SIDES: Final[dict[Output, str]] = {
    "agent": "log-odds of an agent (blue: towards human, orange: towards agent)",
    "purchase": "log-odds of a purchase (blue: against, red: for)",
}
_WATERFALL_ROWS: Final = 12
# shap's own blue and red stand for less and more; blue and orange of this product are reserved for
# humans and agents.
_LESS: Final = "#008bfb"
_MORE: Final = "#ff0051"
_SCALE: Final = [[0.0, _LESS], [0.5, "#9c23ad"], [1.0, _MORE]]
_COLOURS_OF_SIDES: Final[dict[Output, tuple[str, str]]] = {
    "agent": (HUMAN, AGENT),
    "purchase": (_LESS, _MORE),
}


def importance_chart(
    rows: Sequence[Importance], log_odds: str, *, are_families: bool = False
) -> go.Figure:
    """Mean |SHAP| with intervals, coloured by family, the most important on top."""
    shown = list(rows[:_SHOWN])
    figure = go.Figure()
    for family, colour in FAMILY_COLOURS.items():
        own = [row for row in shown if row.family == family]
        if own:
            figure.add_bar(
                x=[row.mean_abs for row in own],
                y=[_name(row, are_families) for row in own],
                orientation="h",
                name=family_name(family),
                marker={"color": colour, "line": {"width": 0}},
                error_x={
                    "type": "data",
                    "array": [
                        (row.high if row.high is not None else row.mean_abs) - row.mean_abs
                        for row in own
                    ],
                    "arrayminus": [
                        row.mean_abs - (row.low if row.low is not None else row.mean_abs)
                        for row in own
                    ],
                    "color": BASELINE,
                    "thickness": 1.5,
                    "width": 0,
                },
                hovertemplate="%{y}: %{x:.3f}<extra>" + family_name(family) + "</extra>",
            )
    names = [_name(row, are_families) for row in reversed(shown)]
    figure.update_yaxes(categoryorder="array", categoryarray=names)
    figure.update_layout(barmode="overlay")
    return frame_chart(
        figure,
        x=f"mean |SHAP|, {log_odds}",
        y="",
        height_px=90 + 25 * len(shown),
        has_legend=not are_families,
    )


def swarm_chart(dots: pd.DataFrame, log_odds: str) -> go.Figure:
    """SHAP value of each session and feature, coloured by the feature's value."""
    n_rows = int(dots["row"].max()) + 1 if len(dots) else 0
    names = dots.drop_duplicates("row").sort_values("row")["feature"].tolist()
    figure = go.Figure()
    ranked = dots["rank"].notna()
    kinds = (
        ("undefined or a category", dots[~ranked], None),
        ("value", dots[ranked], dots.loc[ranked, "rank"]),
    )
    for kind, rows, ranks in kinds:
        figure.add_scattergl(
            x=rows["log_odds"],
            y=rows["row"] + rows["offset"],
            mode="markers",
            marker={
                "size": 4,
                "opacity": 0.75,
                **(
                    {"color": BASELINE}
                    if ranks is None
                    else {"color": ranks, "colorscale": _SCALE, "cmin": 0, "cmax": 1}
                ),
                **({} if ranks is None else {"colorbar": _colour_bar()}),
            },
            customdata=rows[["feature", "value"]].assign(feature=rows["feature"].map(feature_name)),
            hovertemplate="%{customdata[0]} %{customdata[1]}: %{x:+.2f}<extra></extra>",
            name=kind,
        )
    figure.add_vline(x=0, line={"color": BASELINE, "width": 1})
    figure.update_yaxes(
        tickvals=list(range(n_rows)),
        ticktext=[feature_name(name) for name in names],
        range=[n_rows - 0.4, -0.6],
        showgrid=False,
    )
    return frame_chart(
        figure, x=f"SHAP value, {log_odds}", y="", height_px=80 + 38 * n_rows, has_legend=False
    )


def dependence_chart(
    rows: pd.DataFrame, feature: str, unit: str, log_odds: str, *, is_log: bool
) -> go.Figure:
    """SHAP value of a feature by its value; undefined is at the left."""
    figure = go.Figure()
    is_text = bool(rows["value"].map(lambda value: isinstance(value, str)).all())
    for label, colour in COLOURS.items():
        own = rows[(rows["label"] == label) & (~rows["is_undefined"] | is_text)]
        if len(own):
            hover = "%{x}: %{y:+.2f}<extra>" + label + "</extra>"
            if is_text:
                figure.add_box(
                    x=own["value"],
                    y=own["log_odds"],
                    name=label,
                    marker={"color": colour, "size": 3},
                    line={"width": 1.5},
                )
            else:
                marker = {"color": colour, "size": 5, "opacity": 0.5}
                figure.add_scattergl(
                    x=own["value"],
                    y=own["log_odds"],
                    mode="markers",
                    name=label,
                    marker=marker,
                    hovertemplate=hover,
                )
    if is_text:
        figure.update_layout(boxmode="group")
    figure.add_hline(y=0, line={"color": BASELINE, "width": 1})
    figure.update_xaxes(type="log" if is_log and not is_text else None)
    return frame_chart(
        figure, x=feature_axis(feature, unit), y=f"SHAP value, {log_odds}", height_px=360
    )


def interactions_chart(pairs: Sequence[Interaction]) -> go.Figure:
    """Interactions of pairs of features, the strongest on top."""
    shown = list(reversed(pairs[:10]))
    figure = go.Figure(
        go.Bar(
            x=[pair.mean_abs for pair in shown],
            y=[f"{feature_name(pair.first)} × {feature_name(pair.second)}" for pair in shown],
            orientation="h",
            marker={"color": MODEL, "line": {"width": 0}},
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    return frame_chart(
        figure,
        x="mean |SHAP interaction|, log-odds of an agent",
        y="",
        height_px=70 + 26 * len(shown),
        has_legend=False,
    )


def waterfall_chart(
    found: SessionExplanation | OfferExplanation, answer: Output = "agent"
) -> go.Figure:
    """Waterfall from the base value to the model's output f(x), largest contributions on top."""
    shown, rest = found.contributions[:_WATERFALL_ROWS], found.contributions[_WATERFALL_ROWS:]
    rows = [
        (f"{feature_name(row.name)} = {feature_value(row.value)}", row.log_odds) for row in shown
    ]
    if rest:
        rows.append((f"{len(rest)} other features", sum(row.log_odds for row in rest)))
    rows.reverse()
    less, more = _COLOURS_OF_SIDES[answer]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            measure=["absolute", *["relative"] * len(rows), "total"],
            y=["base value E[f(X)]", *[name for name, _ in rows], "f(x)"],
            x=[found.base, *[size for _, size in rows], None],
            text=[
                f"{size:+.2f}".replace("-", "−")
                for size in (found.base, *[size for _, size in rows], found.log_odds)
            ],
            textposition="outside",
            increasing={"marker": {"color": more}},
            decreasing={"marker": {"color": less}},
            totals={"marker": {"color": BASELINE}},
            connector={"line": {"color": BASELINE, "width": 1, "dash": "dot"}},
            hovertemplate="%{y}: %{text}<extra></extra>",
            cliponaxis=False,
        )
    )
    figure.add_vline(x=0, line={"color": BASELINE, "width": 1})
    ends = _ends(found.base, [size for _, size in rows])
    margin = 0.12 * max(max(ends) - min(ends), 0.1)
    figure.update_xaxes(range=[min(0.0, *ends) - margin, max(0.0, *ends) + margin])
    return frame_chart(
        figure, x=_SIDES[answer], y="", height_px=90 + 28 * (len(rows) + 2), has_legend=False
    )


def stability_chart(found: Stability, first: str, second: str, log_odds: str) -> go.Figure:
    """Mean |SHAP| of each feature in two models, joined; ordered by the first model."""
    shown = list(reversed(found.shifts[:_SHOWN]))
    names = [feature_name(shift.name) for shift in shown]
    figure = go.Figure()
    figure.add_scatter(
        x=[value for shift in shown for value in (shift.first, shift.second, None)],
        y=[value for name in names for value in (name, name, None)],
        mode="lines",
        line={"color": BASELINE, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )
    for model, sizes, colour, symbol in (
        (first, [shift.first for shift in shown], MODEL, "circle"),
        (second, [shift.second for shift in shown], SECOND, "diamond"),
    ):
        marker = {"color": colour, "size": 10, "symbol": symbol}
        hover = "%{y}: %{x:.3f}<extra>" + model + "</extra>"
        figure.add_scatter(
            x=sizes, y=names, mode="markers", name=model, marker=marker, hovertemplate=hover
        )
    figure.update_xaxes(rangemode="tozero")
    return frame_chart(figure, x=f"mean |SHAP|, {log_odds}", y="", height_px=90 + 25 * len(shown))


def _name(row: Importance, is_family: bool) -> str:
    return family_name(row.name) if is_family else feature_name(row.name)


def _ends(base: float, sizes: Sequence[float]) -> list[float]:
    """Where the bars of a waterfall begin and end."""
    ends = [0.0, base]
    for size in sizes:
        ends.append(ends[-1] + size)
    return ends


def _colour_bar() -> dict[str, object]:
    return {
        "title": {"text": "feature value", "side": "right"},
        "tickvals": [0, 1],
        "ticktext": ["low", "high"],
        "thickness": 10,
        "len": 0.6,
        "outlinewidth": 0,
    }
