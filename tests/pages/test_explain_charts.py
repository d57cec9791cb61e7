"""Charts of explanations look as users of shap expect: order, ends and colours."""

import numpy as np
import pandas as pd
import pytest

from phantom_core.explain.explanation import Output
from phantom_core.explain.one_session import Contribution, SessionExplanation
from phantom_core.explain.shap_package import load_shap
from ui.charts.explain import swarm_chart, waterfall_chart
from ui.charts.frame import AGENT, HUMAN

SIZES = tuple((-1) ** i * (20.0 - i) / 10 for i in range(14))  # 2.0, −1.9, 1.8 …


def explanation() -> SessionExplanation:
    rows = tuple(Contribution("item_views", "behavioural", i, size) for i, size in enumerate(SIZES))
    return SessionExplanation("s", "m", 0.5, 0.25, 0.25 + sum(SIZES), rows, None)


def of_shap(name: str) -> str:
    """A colour of shap, as #rrggbb."""
    return "#" + "".join(
        f"{round(255 * part):02x}" for part in getattr(load_shap().plots.colors, name)
    )


def test_a_waterfall_rises_from_the_base_value_to_f_x_below_the_largest_contribution() -> None:
    bars = waterfall_chart(explanation()).data[0]
    assert (bars.y[0], bars.y[1], bars.y[-1]) == ("base value E[f(X)]", "2 other features", "f(x)")
    assert bars.x[0] == 0.25
    np.testing.assert_allclose(bars.x[1:-1], [sum(SIZES[12:]), *reversed(SIZES[:12])])
    assert bars.text[-1] == f"{0.25 + sum(SIZES):+.2f}"


@pytest.mark.parametrize(
    ("answer", "less", "more"),
    [
        ("agent", HUMAN, AGENT),
        ("purchase", of_shap("blue_rgb"), of_shap("red_rgb")),
    ],
)
def test_agents_have_their_own_colour_and_all_else_is_red_and_blue(
    answer: Output, less: str, more: str
) -> None:
    bars = waterfall_chart(explanation(), answer).data[0]
    assert (bars.decreasing.marker.color, bars.increasing.marker.color) == (less, more)


def test_high_values_are_red_low_ones_blue_and_the_most_important_feature_is_on_top() -> None:
    dots = pd.DataFrame(
        {
            "feature": ["item_views", "item_views", "browser_family"],
            "row": [0, 0, 1],
            "offset": 0.0,
            "log_odds": [2.0, -2.0, 0.1],
            "rank": [1.0, 0.5, np.nan],
            "value": ["9", "1", "Chrome"],
        }
    )
    figure = swarm_chart(dots, "log-odds of an agent")
    scale = figure.data[1].marker.colorscale
    assert [colour for _, colour in (scale[0], scale[-1])] == [
        of_shap("blue_rgb"),
        of_shap("red_rgb"),
    ]
    bottom, top = figure.layout.yaxis.range
    top_row, last_row = figure.layout.yaxis.tickvals
    assert top < top_row < last_row < bottom
