"""Metrics: figures beside their baseline."""

import streamlit as st


def show_metric(label: str, value: str, beside: str, meaning: str) -> None:
    """Draw a figure beside its baseline.

    Args:
        label: what is measured.
        value: the figure.
        beside: the baseline or the interval.
        meaning: tooltip.
    """
    st.metric(label, value, beside, delta_color="off", delta_arrow="off", help=meaning)
