"""Experiments: prices compared on real sessions, and stopped when human conversion falls."""

from typing import Final

import streamlit as st

from phantom_core.use_cases.approvals.experiments import experiments_of
from phantom_core.views.experiments.experiments import list_table
from ui.experiments.plan import plan_tab
from ui.experiments.watch import watch_experiment
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.page_spec import PageSpec
from ui.frame.tables import csv_button

PAGE = PageSpec(title="Experiments", icon=":material/science:", section="Production", order=140)

TABS: Final = ["Watch", "Plan", "All experiments"]

require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Each session is assigned to one arm and stays in it. Always-valid intervals: you may peek."
    )
    found = experiments_of(current_settings())
    watching, planning, everything = st.tabs(TABS, key="experiments_tab", bind="query-params")
    if watching.open:
        with watching, friendly_errors():
            if found:
                names = [one.experiment_id for one in found]
                running = next((k for k, one in enumerate(found) if one.state == "running"), 0)
                name = st.selectbox(
                    "Experiment",
                    names,
                    index=running,
                    key="experiment",
                    bind="query-params",
                    width=320,
                )
                watch_experiment(
                    current_settings(), next(one for one in found if one.experiment_id == name)
                )
            else:
                show_missing(
                    "No experiments yet",
                    "Choose the arms to compare and see the sample size they need.",
                    "pages/experiments.py",
                    "Plan an experiment",
                    ":material/science:",
                    {"experiments_tab": "Plan"},
                )
    if planning.open:
        with planning, friendly_errors():
            plan_tab(current_settings())
    if everything.open:
        with everything, friendly_errors():
            if not found:
                show_missing(
                    "No experiments yet",
                    "Every planned experiment is listed here with its outcome.",
                )
            else:
                table = list_table(found)
                st.dataframe(table, hide_index=True, key="experiments_table")
                csv_button("Download as CSV", table, "experiments.csv", "experiments_csv")
