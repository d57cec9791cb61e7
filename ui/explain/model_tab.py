"""Model tab: SHAP importance of features and families, dependence and interactions."""

from typing import Final

import streamlit as st

from phantom_core.explain.columns import BY_NAME
from phantom_core.views.explain.explanation import (
    ExplanationView,
    contributions_table,
    dependence_points,
    swarm_points,
)
from ui.charts.explain import dependence_chart, importance_chart, interactions_chart, swarm_chart
from ui.charts.frame import show_chart
from ui.explain.subject import Subject, is_explaining, start_explaining
from ui.frame.fragments import callback
from ui.frame.linked import follow_old_link
from ui.frame.tables import csv_button
from ui.frame.wording import (
    OLD_FEATURE_NAMES,
    capitalise,
    family_name,
    feature_name,
    format_count,
    format_number_of,
    format_percent,
)

PAIRED: Final = 200
_WIDE_UNITS: Final = ("s", "events/min", "currency")


def model_tab(subject: Subject, view: ExplanationView) -> None:
    """Draw the importance of features and families."""
    found, unit = view.explanation, f"log-odds of {subject.who}"
    _facts(subject, view)
    with st.grid(2, min_column_width=440, gap="medium") as grid:
        with grid.cell():
            first = found.families[0]
            show_chart(
                importance_chart(found.families, unit, are_families=True),
                f"{capitalise(family_name(first.name))} features are the most important family",
                f"Mean |SHAP| of the sum over a family, averaged over {subject.row}s. Lines: 95 % "
                "of "
                "models trained on other actors.",
                key="families",
                download="families",
            )
            if subject.kind.has_interactions:
                _interactions(subject, view)
        with grid.cell():
            top = found.features[0]
            show_chart(
                importance_chart(found.features, unit),
                f"{capitalise(feature_name(top.name))}: mean |SHAP| {top.mean_abs:.2f} log-odds",
                "Mean |SHAP| by feature, log-odds; 0.7 doubles or halves the odds. Lines as on the "
                "left.",
                key="importance",
                download="importance",
            )
    show_chart(
        swarm_chart(swarm_points(view), unit),
        _swarm_finding(view, subject),
        f"SHAP values: each dot is {subject.one}; to the right is towards {subject.who}. Red is a "
        "high value of the feature, blue a low one, grey a category or undefined.",
        key="swarm",
        download="swarm",
    )
    _dependence(subject, view)
    with st.container(horizontal=True):
        st.download_button(
            "Download explanation as JSON",
            found.to_file(),
            f"explanation_{found.output}_{found.model_version}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        csv_button(
            "Download SHAP values as CSV",
            contributions_table(view),
            f"contributions_{found.output}_{found.model_version}.csv",
            "contributions_csv",
        )


def _swarm_finding(view: ExplanationView, subject: Subject) -> str:
    top = [feature_name(row.name) for row in view.explanation.features[:2]]
    return f"{capitalise(' and '.join(top))} shift the log-odds of {subject.who} most"


def _facts(subject: Subject, view: ExplanationView) -> None:
    found = view.explanation
    drawn = (
        ""
        if found.explained == found.sessions
        else f" drawn at random from {format_count(found.sessions)} (seed {found.seed})"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{format_number_of(found.explained, subject.row)}{drawn} of data version "
            f"{found.lake_version}, {_how(subject, view)}; intervals from "
            f"{found.folds} models of other actors, each on "
            f"{format_number_of(found.fold_sessions, subject.row)}."
        )
        if not view.is_current:
            st.caption(":material/update: The data has changed since.")
            st.button(
                "Explain again",
                icon=":material/refresh:",
                disabled=is_explaining(),
                on_click=callback(start_explaining),
                args=(subject.kind.name, found.model_version),
                key="explain_again",
            )


def _how(subject: Subject, view: ExplanationView) -> str:
    if not view.explanation.background:
        return "exact SHAP values"
    against = (
        "features as of each quote, background of "
        f"{format_number_of(view.explanation.background, 'other real offer')}"
    )
    unused = (
        "; product and price are not inputs of this output" if subject.output == "agent" else ""
    )
    return f"{against}{unused}"


def _interactions(subject: Subject, view: ExplanationView) -> None:
    found = view.explanation
    if found.interactions:
        best = found.interactions[0]
        show_chart(
            interactions_chart(found.interactions),
            f"{capitalise(feature_name(best.first))} and {feature_name(best.second)} interact most",
            "Mean |SHAP interaction| beyond the main effects, measured on "
            f"{format_number_of(found.interaction_sessions, 'session')}.",
            key="interactions",
        )
        return
    st.button(
        f"Measure interactions on {PAIRED} sessions",
        icon=":material/join_inner:",
        disabled=is_explaining(),
        on_click=callback(start_explaining),
        args=(subject.kind.name, found.model_version, PAIRED),
        help="SHAP interaction values of pairs of features. Takes about ten seconds.",
        key="interactions_start",
    )


def _dependence(subject: Subject, view: ExplanationView) -> None:
    names = [row.name for row in view.explanation.features if row.mean_abs > 0]
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        follow_old_link(subject.kind.address.feature, OLD_FEATURE_NAMES)
        feature = st.selectbox(
            "Feature",
            names,
            format_func=feature_name,
            key=subject.kind.address.feature,
            bind="query-params",
            width=320,
        )
        feature = feature if feature in names else names[0]
        unit = BY_NAME[feature].unit
        is_log = unit in _WIDE_UNITS and st.toggle(
            "Logarithmic", key="explain_log", bind="query-params"
        )
    rows = dependence_points(view, feature)
    undefined = rows[rows["is_undefined"]]
    finding = f"{capitalise(feature_name(feature))}: SHAP value by feature value"
    if len(undefined) and unit not in ("category", "yes/no"):
        finding += (
            f"; undefined ({format_percent(len(undefined) / len(rows))}) adds "
            f"{undefined['log_odds'].mean():+.2f} on average"
        )
    reading = (
        f"Each dot is {subject.one}; a vertical spread at one value shows interactions with other "
        "features."
    )
    show_chart(
        dependence_chart(rows, feature, unit, f"log-odds of {subject.who}", is_log=is_log),
        finding,
        reading,
        key="dependence",
        download=f"dependence_{feature}",
    )
