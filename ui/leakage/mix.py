"""Mix: the share of agents that the figures are corrected for, and what they would be without."""

from collections.abc import Mapping

import streamlit as st

from phantom_core.models.label_shift import AgentMix
from ui.frame.wording import escape, format_money, format_percent


def show_mix(mix: AgentMix, as_labelled: Mapping[str, float]) -> None:
    """Say which share of agents was found, and warn where it is not that of the labels."""
    if mix.warning:
        st.warning(escape(mix.warning), icon=":material/balance:")
    uncorrected = ", ".join(
        f"{escape(name.replace('_', ' '))} {format_money(value)}"
        for name, value in as_labelled.items()
    )
    st.caption(
        f"Agents among sessions without a label: {format_percent(mix.share.value, 1)} "
        f"({format_percent(mix.share.low, 1)} to {format_percent(mix.share.high, 1)}), "
        f"{format_percent(mix.labelled, 1)} among labelled ones. Leakage with the probabilities "
        f"of the labelled mix: {uncorrected}."
    )
