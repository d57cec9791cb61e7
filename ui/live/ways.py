"""Every way in which a price comes about now, with its share and the measured traffic."""

import pandas as pd
import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.views.live.price_ways import price_ways
from ui.frame.handles import now_ms
from ui.frame.wording import escape


def draw_ways(settings: Settings) -> None:
    """Draw the table of ways; nothing is hidden that can set a price."""
    ways = price_ways(settings, now_ms=now_ms())
    st.header("How prices come about")
    stray = [one for one in ways if not one.is_approved]
    if stray:
        names = ", ".join(escape(one.name) for one in stray)
        st.warning(
            f"In the last hour, prices also came about in ways that are not live now: {names}.",
            icon=":material/report:",
        )
    table = pd.DataFrame(
        {
            "way": [one.name for one in ways],
            "version": [one.version or "–" for one in ways],
            "share": [one.share for one in ways],
            "measured": [one.measured for one in ways],
            "decisions": [one.n_decisions for one in ways],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_config={
            "way": "Way",
            "version": "Version of the rules",
            "share": st.column_config.NumberColumn("Approved share", format="percent"),
            "measured": st.column_config.NumberColumn("Measured, last hour", format="percent"),
            "decisions": st.column_config.NumberColumn("Decisions, last hour"),
        },
    )
    st.caption(
        "Approved shares from the control database; measured ones from the decision log, within "
        "seconds of a price. – under approved share: single sessions or requests only; under "
        "measured: no decisions in the last hour."
    )
