"""Tree picture: drawn by Graphviz or the browser, with the path of one session."""

import base64
import re
from typing import Final

import streamlit as st

from phantom_core.use_cases.explanations.job_draw_tree import DrawTreeRequest
from phantom_core.views.explain.distilled import (
    DistilledView,
    TreePath,
    detailed_picture,
    plain_dot,
    plain_svg,
)
from ui.accounts.account import start_job
from ui.frame.fragments import callback
from ui.frame.job_watch import watch_job

KIND: Final = DrawTreeRequest.kind
PLAIN: Final = "Questions and leaves"
DETAILED: Final = "Sessions in every node"
_LEAST_ZOOM: Final = 40
_WIDTH_PT: Final = re.compile(r'<svg width="([\d.]+)pt"')
_PX_PER_PT: Final = 96 / 72


def tree_picture(view: DistilledView, way: TreePath | None) -> None:
    """Draw a tree with zoom and download."""
    dot = plain_dot(view, way)
    plain = plain_svg(dot)
    if plain is None:
        # The browser's own drawing zooms and moves with the mouse.
        st.graphviz_chart(dot, width="stretch")
        st.caption(
            "Drawn by the browser. Install Graphviz on the server for a picture with sessions."
        )
        _download(
            "Download tree as DOT",
            dot,
            f"tree_{view.model.manifest.version}.dot",
            "text/vnd.graphviz",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Picture", [PLAIN, DETAILED], default=PLAIN, key="tree_picture", bind="query-params"
        )
        zoom = st.slider(
            "Zoom", _LEAST_ZOOM, 300, 100, 20, format="%d %%", key="tree_zoom", width=260
        )
    picture = plain if kind != DETAILED else _detailed(view, way)
    if picture:
        st.html(_window(picture, zoom))
        _download(
            "Download tree as SVG",
            picture,
            f"tree_{view.model.manifest.version}.svg",
            "image/svg+xml",
        )


def _detailed(view: DistilledView, way: TreePath | None) -> str | None:
    """The picture with sessions; drawn by a job, then cached."""
    picture = detailed_picture(view, way)
    if picture is None:
        job = watch_job(KIND, "Tree drawing")
        if job is None or not job.is_active:
            st.button(
                "Draw tree",
                icon=":material/draw:",
                on_click=callback(_draw),
                args=(view.model.manifest.version, way.session_id if way else ""),
                help="Each node with its sessions and the teacher's mark-ups; takes a few seconds.",
                key="draw_tree",
            )
    return picture


def _draw(version: str, session_id: str) -> None:
    start_job(DrawTreeRequest(tree=version, session=session_id))


def _window(svg: str, zoom: int) -> str:
    """A drawing in a scrollable window; 100 % is its own size, but at most the window's width."""
    found = _WIDTH_PT.search(svg)
    drawn_px = round(float(found[1]) * _PX_PER_PT) if found else 1_000
    source = base64.b64encode(svg.encode()).decode()
    picture = (
        f'<img alt="The tree" src="data:image/svg+xml;base64,{source}" '
        f'style="width:calc(min(100%, {drawn_px}px) * {zoom / 100})">'
    )
    return f'<div class="tree-window">{picture}</div>'


def _download(label: str, content: str, name: str, mime: str) -> None:
    st.download_button(
        label,
        content,
        name,
        mime,
        icon=":material/download:",
        on_click="ignore",
        key=f"download_{name}",
    )
