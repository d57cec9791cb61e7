"""Drift tab: shift of the features from one period to another."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import streamlit as st

from phantom_core.views.features.distribution import feature_distribution
from phantom_core.views.features.features import ComparedPeriod, feature_drift, feature_view
from phantom_core.views.workspace.snapshot import Snapshot
from ui.charts.features import distribution_chart, drift_chart
from ui.charts.frame import BASELINE, SECOND, show_chart
from ui.features.feature_tab import explain_distribution
from ui.frame.linked import follow_old_link
from ui.frame.wording import OLD_FEATURE_NAMES, capitalise, escape, feature_name

DAY_MS: Final = 86_400_000
_LIMITS: Final = (
    "PSI below 0.10 is stable, above 0.25 a large shift (dotted lines). Grey ticks: PSI expected "
    "by chance at this number of sessions."
)


def drift_tab(data: Snapshot) -> None:
    """Draw the shift of the features from one period to another."""
    start_ms, end_ms = data.row("SELECT MIN(start_ms), MAX(start_ms) + 1 FROM sessions")
    before, after = _choose_periods(start_ms, end_ms)
    rows = feature_drift(data, before, after)
    moved = [row for row in rows if row.reading in ("some shift", "large shift")]
    finding = (
        f"{len(moved)} of {len(rows)} features drifted, most of all {feature_name(moved[0].name)}"
        if moved
        else "No feature drifted between the periods"
    )
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        show_chart(drift_chart(rows), finding, _LIMITS, key="drift")
    with right:
        follow_old_link("drift_feature", OLD_FEATURE_NAMES)
        name = st.selectbox(
            "Feature",
            [row.name for row in rows],
            format_func=feature_name,
            key="drift_feature",
            bind="query-params",
        )
        chosen = feature_view(name or rows[0].name)
        view = feature_distribution(data, chosen, {"before": before.sql, "after": after.sql})
        own = next(row for row in rows if row.name == chosen.name)
        show_chart(
            distribution_chart(view, chosen, {"before": BASELINE, "after": SECOND}),
            f"{capitalise(feature_name(chosen.name))}: {escape(own.reading)} (PSI {own.psi:.3f})",
            explain_distribution(view, False),
            key="drift_distribution",
        )


def _choose_periods(start_ms: int, end_ms: int) -> tuple[ComparedPeriod, ComparedPeriod]:
    """Choose two periods of whole days; of less than two days, the halves are compared."""
    first, last = (
        dt.datetime.fromtimestamp(ms / 1_000, dt.UTC).date() for ms in (start_ms, end_ms)
    )
    middle = start_ms + (end_ms - start_ms) // 2
    if (last - first).days < 2:
        st.caption(
            "The data spans less than two days, so its first half is compared with its second half."
        )
        return ComparedPeriod(start_ms, middle), ComparedPeriod(middle, end_ms)
    half = dt.datetime.fromtimestamp(middle / 1_000, dt.UTC).date()
    with st.container(horizontal=True):
        before = st.date_input(
            "Before (UTC)",
            (first, half - dt.timedelta(days=1)),
            first,
            last,
            key="before",
            bind="query-params",
            width=260,
        )
        after = st.date_input(
            "After (UTC)", (half, last), first, last, key="after", bind="query-params", width=260
        )
    return _whole_days(before), _whole_days(after)


def _whole_days(days: Sequence[dt.date]) -> ComparedPeriod:
    """A period from the first to the last day; a single day until the last one is chosen."""
    starts = [int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1_000) for day in days]
    return ComparedPeriod(min(starts), max(starts) + DAY_MS)
