"""Charts of a run: share of the optimum, price paths, revenue, leakage, stock, demand."""

from collections.abc import Callable, Sequence
from typing import Final

import plotly.graph_objects as go

from phantom_core.market.trial import PolicyResult
from phantom_core.views.demand.demand_curves import DemandCurves
from phantom_core.views.simulator.policy_choice import policy_styles, policy_title
from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, SECOND, frame_chart

# Colours that mean the same in all charts, as policies name them.
_NAMED: Final = {"baseline": BASELINE, "agent": AGENT, "model": MODEL}
_MORE: Final = (SECOND, "#6f9a3c", "#c765a0", "#4b6fd1", "#8a6d5b")


def policy_colours(results: Sequence[PolicyResult]) -> dict[str, str]:
    """Policy → colour; those with a colour of their own have it in every run."""
    own = {name: _NAMED.get(colour, colour) for name, (colour, _) in policy_styles().items()}
    others = [result.name for result in results if result.name not in own]
    return {**own, **{name: _MORE[n % len(_MORE)] for n, name in enumerate(others)}}


def optimum_chart(results: Sequence[PolicyResult], measured_by: str) -> go.Figure:
    """Reward in percent of the optimum, the best policy on top.

    Args:
        results: policies, best first.
        measured_by: "optimum", or "bound" where the optimum is not known.
    """
    shown, of = list(reversed(results)), policy_colours(results)
    known = [result for result in shown if result.pct_of_optimum.value is not None]
    figures = [result.pct_of_optimum for result in known]
    values = [figure.value or 0.0 for figure in figures]
    high = [
        figure.high if figure.high is not None else value
        for figure, value in zip(figures, values, strict=True)
    ]
    low = [
        figure.low if figure.low is not None else value
        for figure, value in zip(figures, values, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=[policy_title(result.name) for result in known],
            orientation="h",
            marker={"color": [of[result.name] for result in known], "line": {"width": 0}},
            text=[
                f"{value:.1f} %  ({a:.1f}–{b:.1f})"
                for value, a, b in zip(values, low, high, strict=True)
            ],
            textposition="inside",
            insidetextanchor="start",
            textfont={"color": "white"},
            error_x={
                "type": "data",
                "array": [b - value for value, b in zip(values, high, strict=True)],
                "arrayminus": [value - a for value, a in zip(values, low, strict=True)],
                "color": BASELINE,
                "thickness": 1.5,
                "width": 4,
            },
            hovertemplate="%{y}: %{x:.2f} %<extra></extra>",
        )
    )
    figure.add_vline(x=100, line={"color": MODEL, "width": 1.5, "dash": "dash"})
    figure.update_xaxes(range=[min(0.0, *low, 0.0), max(104.0, *high)], ticksuffix=" %")
    best = "the exact optimum" if measured_by == "optimum" else "the upper bound"
    return frame_chart(
        figure,
        x=f"reward in percent of {best}, 95 % interval",
        y="",
        height_px=70 + 38 * len(known),
        has_legend=False,
    )


def price_chart(results: Sequence[PolicyResult]) -> go.Figure:
    """Mean price by hour with the middle 80 % of the shops."""
    of = policy_colours(results)
    figure = go.Figure()
    for result in results:
        paths, hours = result.paths, list(range(1, len(result.paths.ratio) + 1))
        if any(low != high for low, high in zip(paths.ratio_p10, paths.ratio_p90, strict=True)):
            for edge, fill in ((paths.ratio_p90, None), (paths.ratio_p10, "tonexty")):
                figure.add_scatter(
                    x=hours,
                    y=edge,
                    mode="lines",
                    line={"width": 0},
                    fill=fill,
                    fillcolor=_pale(of[result.name]),
                    hoverinfo="skip",
                    showlegend=False,
                    legendgroup=result.name,
                )
        _add_line(figure, result, paths.ratio, of, "hour %{x}: ×%{y:.3f}")
    figure.update_yaxes(tickprefix="×")
    return frame_chart(figure, x="hours since opening", y="price / base price", height_px=320)


def path_chart(
    results: Sequence[PolicyResult], of_path: Callable[[PolicyResult], Sequence[float]], y: str
) -> go.Figure:
    """One line per policy by hour.

    Args:
        results: the policies.
        of_path: what to draw of each.
        y: title of the axis, with its unit.
    """
    figure = go.Figure()
    for result in results:
        _add_line(figure, result, of_path(result), policy_colours(results), "hour %{x}: %{y:,.4~g}")
    figure.update_yaxes(rangemode="tozero")
    return frame_chart(figure, x="hours since opening", y=y, height_px=290)


def demand_chart(curves: DemandCurves, best_fixed_ratio: float) -> go.Figure:
    """P(buy) of both classes by price, with the reference prices."""
    figure = go.Figure()
    for name, curve, colour in (("humans", curves.human, HUMAN), ("agents", curves.agent, AGENT)):
        figure.add_scatter(
            x=curves.ratio,
            y=curve,
            mode="lines",
            name=name,
            line={"color": colour, "width": 2.5},
            hovertemplate="at ×%{x:.2f} %{y:.1%} buy<extra>" + name + "</extra>",
        )
    lines = (
        ("best fixed", best_fixed_ratio, "#5f8fb8", "dash"),
        ("reference", curves.reference_ratio, BASELINE, "dot"),
    )
    # Labels of lines that stand close together go to different sides.
    first_is_left = best_fixed_ratio <= curves.reference_ratio
    for (name, ratio, colour, dash), is_left in zip(
        lines, (first_is_left, not first_is_left), strict=True
    ):
        if curves.ratio[0] <= ratio <= curves.ratio[-1]:
            figure.add_vline(
                x=ratio,
                line={"color": colour, "width": 1.5, "dash": dash},
                annotation={
                    "text": f"{name} ×{ratio:.2f}",
                    "font": {"size": 12},
                    "xanchor": "right" if is_left else "left",
                    "y": 1,
                    "yanchor": "top",
                },
            )
    figure.update_xaxes(tickprefix="×")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.1], tickvals=[0, 0.25, 0.5, 0.75, 1.0])
    return frame_chart(figure, x="price / base price", y="P(buy), share of visitors", height_px=320)


def _add_line(
    figure: go.Figure,
    result: PolicyResult,
    y: Sequence[float | None],
    of: dict[str, str],
    hover: str,
) -> None:
    _, dash = policy_styles().get(result.name, ("", ""))
    figure.add_scatter(
        x=list(range(1, len(y) + 1)),
        y=y,
        mode="lines",
        name=policy_title(result.name),
        legendgroup=result.name,
        line={"color": of[result.name], "width": 2, "dash": dash or "solid", "shape": "linear"},
        hovertemplate=f"{hover}<extra>{policy_title(result.name)}</extra>",
    )


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.13)"
