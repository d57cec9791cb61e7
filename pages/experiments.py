"""Experiments: prices compared on real sessions, watched all the time, and stopped when people stop
buying.
"""

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
        "Each session meets one way to price and keeps it; figures hold at every moment, so "
        "looking often spoils nothing."
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
                    "No experiment has "
                    "been planned yet.", "Plan one: say what shall be compared, "
                                                           "and see how many sessions it takes.",
                    "pages/experiments.py", "The tab Plan has the form", ":material/science:",
                )  # fmt: skip
    if planning.open:
        with planning, friendly_errors():
            plan_tab(current_settings())
    if everything.open:
        with everything, friendly_errors():
            if not found:
                show_missing(
                    "No experiment has been planned yet.",
                    "What was planned stays here for ever, with how it ended.",
                )
            else:
                table = list_table(found)
                st.dataframe(table, hide_index=True, key="experiments_table")
                csv_button("As CSV", table, "experiments.csv", "experiments_csv")
