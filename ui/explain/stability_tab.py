"""Stability tab: rank correlation of the feature importance of two models."""

import pandas as pd
import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.explain.stability import measure_stability
from phantom_core.views.explain.explanation import ExplanationView
from phantom_core.views.workspace.snapshot import Snapshot
from ui.charts.explain import stability_chart
from ui.charts.frame import show_chart
from ui.explain.subject import Subject, not_explained
from ui.frame.page_spec import find_page
from ui.frame.tables import csv_button
from ui.frame.wording import feature_name


def stability_tab(
    settings: Settings, snapshot: Snapshot, subject: Subject, view: ExplanationView
) -> None:
    """Compare a model with another saved one."""
    own = view.explanation.model_version
    others = [version for version in subject.versions if version != own]
    if not others:
        with st.container(border=True):
            st.markdown("**Only one saved model**")
            what, page = subject.kind.noun, find_page(subject.kind.page)
            st.markdown(
                f"Train the {what} again, on other data or with another seed, to compare the "
                "feature "
                "importance of both."
            )
            st.page_link(page.file, label=f"Train the {what}", icon=page.spec.icon)
        return
    other = st.selectbox(
        "Compare with", others, key=subject.kind.address.against, bind="query-params", width=320
    )
    other = other if other in others else others[0]
    second = subject.view(settings, snapshot, other)
    if second is None:
        not_explained(subject, other)
        return
    found = measure_stability(view.explanation.features, second.explanation.features)
    finding = "The rank correlation of the two models is undefined"
    if found.rank_correlation is not None:
        finding = f"Rank correlation of feature importance: {found.rank_correlation:.2f} (Spearman)"
    show_chart(
        stability_chart(found, own, other, f"log-odds of {subject.who}"),
        finding,
        "Mean |SHAP| of both models. 1 is the same order of features, 0 no relation; correlated "
        "features may swap ranks between trainings.",
        key="stability",
        download="stability",
    )
    table = pd.DataFrame(
        {
            "feature": [feature_name(shift.name) for shift in found.shifts],
            "first": [shift.first for shift in found.shifts],
            "first_rank": [shift.first_rank for shift in found.shifts],
            "second": [shift.second for shift in found.shifts],
            "second_rank": [shift.second_rank for shift in found.shifts],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "feature": st.column_config.TextColumn("Feature", width=200),
            "first": st.column_config.NumberColumn(own, format="%.3f"),
            "second": st.column_config.NumberColumn(other, format="%.3f"),
            "first_rank": st.column_config.NumberColumn("Rank", help=own),
            "second_rank": st.column_config.NumberColumn("Rank ", help=other),
        },
    )
    csv_button("Download comparison as CSV", table, f"stability_{own}_{other}.csv", "stability_csv")
