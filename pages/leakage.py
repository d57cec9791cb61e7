"""Margin leakage: how much agents underpaid, on what, and who would bear the correction."""

import json

import streamlit as st

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.leakage.leakage import DIMENSIONS, Leakage
from phantom_core.replay.reference import REFERENCES
from phantom_core.use_cases.rules.measure_leakage import ledger_store
from phantom_core.views.leakage.leakage import account_of
from phantom_core.views.workspace.saved_runs import SavedRun, run_to_show, saved_ledgers
from ui.frame.currency import currency_of
from ui.frame.empty import nothing_loaded, show_missing
from ui.frame.errors import friendly_errors, show_error
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.job_watch import watch_job
from ui.frame.page_spec import PageSpec
from ui.frame.run_choice import choose_run, origin_note
from ui.frame.wording import escape, format_moment, format_number_of, format_percent, format_period
from ui.leakage.compare import compare_measurements
from ui.leakage.form import KIND, leakage_form
from ui.leakage.mix import show_mix
from ui.leakage.parts import drill_down, leakage_charts, leakage_figures

PAGE = PageSpec(title="Margin leakage", icon=":material/water_drop:", section="Pricing", order=90)


def saved(chosen: SavedRun | None) -> Leakage | None:
    """A ledger; None without one. A damaged file is shown as an error."""
    try:
        return ledger_store(current_settings()).open(chosen.name) if chosen else None
    except NotFoundError:
        return None
    except DataError as error:
        show_error(error.message, error.hint)
        return None


def about(found: Leakage, chosen: SavedRun, lake_version: int) -> None:
    """The data behind the ledger, and the purchases it leaves out."""
    days = format_period(found.first_ms, found.last_ms)
    scored = (
        f", P(agent) of classifier {escape(found.model)} for the rest"
        if found.model and found.labelled < 1
        else ""
    )
    source = f"labels for {format_percent(found.labelled)} of the purchases{scored}"
    bought = f"{format_number_of(found.purchases, 'purchase')}, {days}"
    st.caption(
        f"{bought}; agents known by {source}. Measured {format_moment(found.created_ms)} UTC. "
        f"{origin_note(chosen)} {currency_of(current_settings()).note} "
        "Intervals are 95 %."
    )
    left_out = [
        (found.unpriced, "the price or base price is missing"),
        (found.unknown, "the class of the buyer is unknown"),
    ]
    for n, why in left_out:
        if n:
            st.warning(
                f"For {format_number_of(n, 'purchase')} {why}; they are excluded from leakage.",
                icon=":material/rule:",
            )
    if found.mix is not None:
        show_mix(found.mix, found.as_labelled)
    if found.lake_version != lake_version:
        st.info(
            "New data was loaded since. Measure again to include it.", icon=":material/history:"
        )


def download(found: Leakage) -> None:
    """Download of the ledger."""
    content = json.dumps(found.to_json()).encode()
    st.download_button(
        "Download all figures as JSON",
        content,
        "leakage.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        key="leakage_json",
    )


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "What agents paid less than a reference price: E[leakage] = Σ P(agent) · units · max(0, "
        "reference price − price), over purchases."
    )
    data = current_snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    leakage_form(current_settings())
    watch_job(KIND, "Measuring the leakage")
    runs = saved_ledgers(current_settings())
    chosen = choose_run("Measurement", runs, run_to_show(runs), "ledger")
    found = saved(chosen)
    if found is None or chosen is None:
        show_missing(
            "Leakage has not been measured yet",
            "Measuring takes a few seconds and does not change the data.",
        )
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reference = st.segmented_control(
            "Reference price",
            REFERENCES,
            default=REFERENCES[0],
            required=True,
            key="reference",
            bind="query-params",
            format_func=lambda name: name.replace("_", " "),
        )
        by = st.selectbox(
            "Break down by",
            [one for one in DIMENSIONS if one != "day"],
            key="by",
            bind="query-params",
            width=200,
        )
        download(found)
    about(found, chosen, data.stamp.versions[0])
    account = account_of(found, str(reference))
    if account.problem:
        show_missing(
            f"No {escape(account.reference.replace('_', ' '))} reference price",
            f"{escape(account.problem)} Choose another one above.",
        )
        st.stop()
    currency = currency_of(current_settings())
    leakage_figures(found, account, currency)
    compare_measurements(current_settings(), chosen, account, found, runs, currency)
    leakage_charts(found, account, str(by), currency)
    drill_down(current_settings(), account, str(by), chosen.name)
