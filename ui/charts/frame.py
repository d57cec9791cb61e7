"""Frame: the palette and layout of all charts, and their finding and caption on a page."""

import re
from typing import Final

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from ui.frame.theme import AXIS_COLOURS, theme_name

# Distinguishable with any kind of colour blindness, on white and on black.
HUMAN: Final = "#3a80c1"
AGENT: Final = "#e07a2f"
UNKNOWN: Final = "#98a1a8"
MODEL: Final = "#0f9488"
BASELINE: Final = "#8b949b"
SECOND: Final = "#9a6cc4"
GRID: Final = "rgba(128, 138, 145, 0.18)"
# Money lost and its band; apart from the colours of shoppers.
LEAKAGE: Final = "#b8466b"
BAND: Final = "rgba(184, 70, 107, 0.18)"
GOOD: Final = "#2e8b57"
BAD: Final = "#c2413b"
COLOURS: Final = {"human": HUMAN, "agent": AGENT, "unknown": UNKNOWN}
FONT_PX: Final = 13
_CAMERA_PX: Final = 38
# The start of any tag but those that charts are written with.
_TAG: Final = re.compile(r"<(?!/?(?:br|b|i|extra)\s*/?>)")


def frame_chart(
    figure: go.Figure, *, x: str, y: str, height_px: int = 300, has_legend: bool = True
) -> go.Figure:
    """Give a figure the common layout.

    Args:
        figure: the figure.
        x: title of the horizontal axis, with its unit.
        y: title of the vertical axis, with its unit.
        height_px: of the whole figure.
        has_legend: show names of the series above the plot.
    """
    figure.update_layout(
        height=height_px,
        margin={"l": 8, "r": 8, "t": 34 if has_legend else 10, "b": 8},
        showlegend=has_legend,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "title": None,
            "traceorder": "normal",
            "font": {"size": FONT_PX},
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": FONT_PX},
        hoverlabel={"font": {"size": FONT_PX}},
        bargap=0.12,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": BASELINE, "activecolor": MODEL},
    )
    axis = {
        "automargin": True,
        "zeroline": False,
        "gridcolor": GRID,
        "title_font": {"size": FONT_PX},
        "tickfont": {"size": FONT_PX - 1},
    }
    figure.update_xaxes(title_text=x, **axis)
    figure.update_yaxes(title_text=y, **axis)
    return figure


def show_chart(
    figure: go.Figure, finding: str, reading: str = "", *, key: str, download: str = ""
) -> None:
    """Draw a chart with its finding above and its method below.

    Args:
        figure: a framed figure.
        finding: one sentence, the title.
        reading: the method, and how to read the chart.
        key: name of the chart on its page.
        download: name of the PNG that the camera button saves; empty for no button.
    """
    with st.container(gap="xsmall", key=f"chart_{key}"):
        st.markdown(f"**{finding}**")
        if download:
            figure.update_layout(margin_r=_CAMERA_PX)
        colour = AXIS_COLOURS[theme_name()]
        for update in (figure.update_xaxes, figure.update_yaxes):
            update(tickfont_color=colour, title_font_color=colour)
        st.plotly_chart(
            without_links(figure),
            key=key,
            config=_camera(download) if download else {"displayModeBar": False},
            alt=finding,
        )
        if reading:
            st.caption(reading)


def without_links(figure: go.Figure) -> go.Figure:
    """The figure with all HTML of its texts shown as text, but for lines and emphasis.

    Plotly draws a subset of HTML, links included, wherever a figure holds text: in labels,
    categories and hovers, which quote products, families and user agents.
    """
    if not _holds_tags(figure):
        return figure
    plain = go.Figure(figure)
    plain.update(_plain(figure.to_dict()), overwrite=True)
    return plain


def _holds_tags(figure: go.Figure) -> bool:
    return _TAG.search(figure.to_json().replace("\\u003c", "<")) is not None


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _TAG.sub("&lt;", value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return np.array([_plain(one) for one in value.ravel().tolist()], dtype=object).reshape(
            value.shape
        )
    return value


def _camera(name: str) -> dict[str, object]:
    """A mode bar with a single button, which saves the chart at twice its size."""
    image = {"format": "png", "filename": name, "scale": 2}
    return {
        "displayModeBar": True,
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": image,
    }
