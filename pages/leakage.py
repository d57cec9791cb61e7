"""Margin leakage: what agents paid less than they should have, where it went, and who would bear the correction."""

import json

import streamlit as st

from phantom_core.errors import DataError, NotFoundError
from phantom_core.logged.leakage import DIMENSIONS, Leakage
from phantom_core.logged.reference import REFERENCES
from phantom_core.views.leakage import account_of
from phantom_core.workflows.measure_leakage import latest_leakage
from ui.empty import missing, nothing_loaded
from ui.errors import friendly_errors, show_error
from ui.frame import require_frame
from ui.handles import settings, snapshot
from ui.job_watch import watch_job
from ui.leakage_form import KIND, leakage_form
from ui.leakage_parts import drill_down, leakage_charts, leakage_figures
from ui.wording import many, moment, percent, period


def saved() -> Leakage | None:
    """The latest ledger; None where there is none, or where its file is damaged, which is said."""
    try:
        return latest_leakage(settings())
    except NotFoundError:
        return None
    except DataError as error:
        show_error(error.message, error.hint)
        return None


def about(found: Leakage, lake_version: int) -> None:
    """Of what, when, and what is left out."""
    days = period(found.first_ms, found.last_ms)
    guessed = f", P(agent) of classifier {found.model} for the others" if found.model and found.labelled < 1 else ""
    source = f"labels for {percent(found.labelled)} of the purchases{guessed}"
    bought = f"{many(found.purchases, 'purchase')}, {days}"
    st.caption(f"{bought}; who was an agent: {source}. Measured {moment(found.created_ms)} UTC; intervals are 95 %.")
    left_out = [(found.unpriced, "no price or base price is known"), (found.unknown, "nobody knows who bought")]
    for n, why in left_out:
        if n:
            st.warning(f"For {many(n, 'purchase')} {why}, so they count in no leakage.", icon=":material/rule:")
    if found.lake_version != lake_version:
        st.info("Data were loaded since. Measure again to count them in.", icon=":material/history:")


def download(found: Leakage) -> None:
    """Everything to take away."""
    content = json.dumps(found.to_json()).encode()
    st.download_button(
        "Everything as JSON", content, "leakage.json", "application/json", icon=":material/download:", on_click="ignore", key="leakage_json"
    )


require_frame()
with friendly_errors():
    st.title("Margin leakage")
    st.caption("E[leakage] = Σ P(agent) · units · max(0, reference price − price), over purchases.")
    data = snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    leakage_form(settings())
    watch_job(KIND, "Measuring the leakage")
    found = saved()
    if found is None:
        missing("The leakage has not been measured yet.", "Measuring takes a few seconds and changes no data.")
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reference = st.segmented_control(
            "Reference price", REFERENCES, default=REFERENCES[0], required=True, key="reference", bind="query-params",
            format_func=lambda name: name.replace("_", " "),
        )  # fmt: skip
        by = st.selectbox("Cut by", [one for one in DIMENSIONS if one != "day"], key="by", bind="query-params", width=200)
        download(found)
    about(found, data.stamp.versions[0])
    account = account_of(found, str(reference))
    if account.problem:
        missing(f"There is no {account.reference.replace('_', ' ')} reference price.", f"{account.problem} Choose another one above.")
        st.stop()
    leakage_figures(found, account)
    leakage_charts(found, account, str(by))
    drill_down(settings(), account, str(by))
