"""Monitoring: checks of traffic, models and revenue, and the alerts they raised."""

from collections.abc import Mapping
from typing import Final, Literal

import streamlit as st

from phantom_core.core.errors import DataError
from phantom_core.monitoring.report import MonitorReport
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.operations.job_monitor import MonitorRequest
from phantom_core.views.monitoring.monitoring import monitoring_view
from ui.accounts.account import start_job
from ui.frame.empty import nothing_loaded, show_missing
from ui.frame.errors import friendly_errors, show_error
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot, open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.page_spec import PageSpec
from ui.frame.wording import format_moment
from ui.monitoring.parts import (
    alerts_tab,
    checks_tab,
    draw_figures,
    drift_part,
    models_tab,
    open_alerts,
)

PAGE = PageSpec(
    title="Monitoring", icon=":material/monitor_heart:", section="Production", order=130
)

TABS = ["Checks", "Feature drift", "Models and retraining", "Alerts"]
WORK: Final[Mapping[type[MonitorRequest | RetrainRequest], tuple[str, str]]] = {
    MonitorRequest: ("Run checks", ":material/visibility:"),
    RetrainRequest: ("Retrain models", ":material/model_training:"),
}


def latest_report() -> MonitorReport | None:
    """The latest report; None without one. A damaged file is shown as an error."""
    try:
        return monitoring_view(current_settings())
    except DataError as error:
        show_error(error.message, error.hint)
        return None


def buttons() -> None:
    """Start the scheduled work by hand."""
    active = {job.kind for job in open_jobs().active()}
    with st.container(horizontal=True):
        for request, (label, icon) in WORK.items():
            kind = request.kind
            importance: Literal["primary", "secondary"] = (
                "primary" if request is MonitorRequest else "secondary"
            )
            if st.button(label, icon=icon, type=importance, disabled=kind in active, key=kind):
                start_job(request())
                st.rerun()


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Compares the last week with the week before and with the training data of the models in "
        "use. Alerts notify once until resolved."
    )
    if not current_snapshot().n_sessions:
        nothing_loaded()
        st.stop()
    buttons()
    watch_job(MonitorRequest.kind, "Running the checks")
    watch_job(RetrainRequest.kind, "Retraining", "the model in use is unchanged")
    view = latest_report()
    if view is None:
        show_missing(
            "No checks have run yet",
            "They take a few seconds; `python -m phantom_core schedule` runs them every hour.",
        )
    else:
        ends = (
            f"the last week ends {format_moment(view.as_of_ms)}, the newest event is from "
            f"{format_moment(view.newest_ms)}"
        )
        st.caption(
            f"Checked {format_moment(view.created_ms)} UTC; {ends}. Sessions that may still be "
            "open are excluded."
        )
        open_alerts(current_settings())
        draw_figures(view)
    checks, drift, models, alerts = st.tabs(TABS, key="monitoring_tab", bind="query-params")
    with checks:
        if checks.open and view:
            checks_tab(view)
    with drift:
        if drift.open and view:
            drift_part(view)
    with models:
        if models.open:
            models_tab(current_settings(), view)
    with alerts:
        if alerts.open:
            alerts_tab(current_settings())
