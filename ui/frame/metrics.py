"""Metrics: figures that never stand alone."""

import streamlit as st


def show_metric(label: str, value: str, beside: str, meaning: str) -> None:
    """A figure beside its trivial baseline.

    Args:
        label: what is measured.
        value: the figure.
        beside: the baseline, or what the figure stands for.
        meaning: how to read it.
    """
    st.metric(label, value, beside, delta_color="off", delta_arrow="off", help=meaning)
