"""Catalogue tab: all features with their meaning and univariate AUC."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from phantom_core.features.catalogue import Feature
from phantom_core.views.features.features import FeatureFigures
from ui.charts.features import ranking_chart
from ui.charts.frame import show_chart
from ui.frame.wording import capitalise, feature_name

_READING = (
    "Right of the dotted line agents have higher values, left of it lower ones. Lines are 95 % "
    "intervals, clustered by actor."
)


def catalogue_tab(figures: Sequence[FeatureFigures]) -> None:
    """Ranking, then catalogue."""
    known = [item for item in figures if item.separation.auc is not None]
    if known:
        best = max(known, key=lambda item: abs((item.separation.auc or 0.5) - 0.5))
        auc = best.separation.auc or 0.5
        finding = (
            f"{capitalise(feature_name(best.feature.name))} is the most informative feature: AUC "
            f"{auc:.3f}, {'higher' if auc > 0.5 else 'lower'} for agents"
        )
        show_chart(ranking_chart(figures), finding, _READING, key="ranking")
    _catalogue(figures)


def _catalogue(figures: Sequence[FeatureFigures]) -> None:
    """All features with their meaning and separation."""
    rows = pd.DataFrame(
        {
            "feature": [feature_name(item.feature.name) for item in figures],
            "family": [item.feature.family.replace("_", " ") for item in figures],
            "strength": [
                None if item.separation.auc is None else 2 * abs(item.separation.auc - 0.5)
                for item in figures
            ],
            "auc": [item.separation.auc for item in figures],
            "ks": [item.separation.ks for item in figures],
            **{
                f"undefined, {label}": [item.null_shares[label] for item in figures]
                for label in figures[0].null_shares
            },
            "unit": [item.feature.unit for item in figures],
            "range": [_range(item.feature) for item in figures],
            "undefined when": [item.feature.null_when for item in figures],
            "meaning": [item.feature.meaning for item in figures],
        }
    ).dropna(axis=1, how="all")
    share = st.column_config.NumberColumn(format="percent", width=120)
    st.dataframe(
        rows,
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "feature": st.column_config.TextColumn(pinned=True, width=200),
            "strength": st.column_config.ProgressColumn(
                "separation",
                format="%.2f",
                min_value=0,
                max_value=1,
                width=120,
                help="2 · |AUC − 0.5|",
            ),
            "auc": st.column_config.NumberColumn("AUC", format="%.3f", width=70),
            "ks": st.column_config.NumberColumn("KS", format="%.3f", width=70),
            "meaning": st.column_config.TextColumn(width=360),
            **{name: share for name in rows.columns if name.startswith("undefined,")},
        },
    )


def _range(item: Feature) -> str:
    """Smallest and largest possible value."""
    if item.low is None and item.high is None:
        return "–"
    return f"from {item.low:g}" if item.high is None else f"{item.low:g} to {item.high:g}"
