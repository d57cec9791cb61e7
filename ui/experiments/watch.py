"""Watch an experiment: start it, see what sets its arms apart, see whether people still buy, stop
it.
"""

import json
from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.price_experiments import Experiment
from phantom_core.core.settings import Settings
from phantom_core.experiments.report import METRICS, Comparison, ExperimentReport
from phantom_core.use_cases.approvals.experiments import (
    ExperimentStatus,
    experiment_status,
    start_experiment,
    stop_experiment,
)
from phantom_core.views.experiments.experiments import arms_table, course_table, share_of_plan
from ui.accounts.account import current_login, is_allowed
from ui.charts.experiments import effect_chart, human_chart
from ui.charts.frame import show_chart
from ui.experiments.plan import arms_say
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors, show_error
from ui.frame.handles import now_ms
from ui.frame.tables import csv_button
from ui.frame.wording import format_count, format_moment, format_number_of, format_percent

LOOK_EVERY_S: Final = 20.0
_BADGES: Final = {
    "draft": ":gray-badge[draft]",
    "running": ":green-badge[running]",
    "stopped": ":orange-badge[stopped]",
}


def watch_experiment(settings: Settings, experiment: Experiment) -> None:
    """Draw one experiment; while it runs, it is looked at again by itself."""
    if experiment.state == "running":
        _looked_at(settings, experiment.experiment_id)
    else:
        _draw(settings, experiment.experiment_id)


@st.fragment(run_every=LOOK_EVERY_S)
def _looked_at(settings: Settings, name: str) -> None:
    _draw(settings, name)


def _draw(settings: Settings, name: str) -> None:
    with friendly_errors():
        found = experiment_status(settings, name, now_ms=now_ms())
        _head(found)
        _switches(settings, found.experiment)
        if found.report is not None:
            _report(found.experiment, found.report)


def _head(found: ExperimentStatus) -> None:
    one, plan = found.experiment, found.experiment.plan
    st.markdown(f"#### {one.experiment_id} {_BADGES[one.state]}")
    if plan.question:
        st.markdown(plan.question)
    st.markdown(arms_say(plan.arms))
    began = (
        f"started by {one.started_by} {format_moment(one.started_ms)} UTC"
        if one.started_ms
        else f"planned by {one.author}"
    )
    st.caption(
        f"decides: {METRICS[plan.metric]} · {began} · "
        f"{format_number_of(plan.planned_sessions, 'session')} planned for "
        f"{format_percent(plan.effect, 1)}"
    )
    if one.state == "stopped":
        tripped = one.why.startswith("The guard")
        say = st.error if tripped else st.info
        icon = ":material/shield:" if tripped else ":material/stop_circle:"
        say(
            f"Stopped {format_moment(one.stopped_ms)} UTC by {one.stopped_by}. {one.why}", icon=icon
        )
    if found.problem:
        show_error(
            f"The server does not do what it should. {found.problem}",
            "It is told again at the next look.",
        )


def _switches(settings: Settings, one: Experiment) -> None:
    if one.state == "draft":
        allowed = is_allowed(Permission.PUBLISH)
        tip = None if allowed else "A pricing manager can start it."
        if st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            key="experiment_start",
            disabled=not allowed,
            help=tip,
        ):
            with friendly_errors(), st.spinner("Telling the server …"):
                start_experiment(
                    settings, current_login(Permission.PUBLISH), one.experiment_id, now_ms=now_ms()
                )
                st.rerun()
    if one.state != "stopped":
        allowed = is_allowed(Permission.KILL)
        label = "Stop" if one.state == "running" else "Give up"
        with st.popover(
            label, icon=":material/stop_circle:", disabled=not allowed, key="experiment_stop_ask"
        ):
            why = st.text_input("Why", key="experiment_why")
            if st.button(f"{label} for good", type="primary", key="experiment_stop"):
                with friendly_errors(), st.spinner("Telling the server …"):
                    stop_experiment(
                        settings,
                        current_login(Permission.KILL),
                        one.experiment_id,
                        why,
                        now_ms=now_ms(),
                    )
                    st.rerun()


def _report(one: Experiment, found: ExperimentReport) -> None:
    if not found.sessions:
        waiting = (
            f"{format_number_of(found.waiting, 'session')} met an arm and may still buy. "
            if found.waiting
            else ""
        )
        show_missing(
            "No session has been counted yet.",
            f"{waiting}A session counts an hour after it first met its arm, once the pricing "
            "service's decisions are in the lake: "
            "`python -m phantom_core serve pricing`.",
        )
        return
    st.progress(
        share_of_plan(found),
        f"{format_count(found.sessions)} of {format_count(found.planned_sessions)} planned "
        "sessions",
    )
    if found.waiting:
        st.caption(
            f"{format_number_of(found.waiting, 'session')} more met an arm within the last hour "
            "and may still buy."
        )
    if found.is_uneven:
        st.error(
            "**Arms are of other sizes than planned**, more than chance explains. Something loses "
            "or keeps sessions of one arm: "
            "trust no figure below before it is found.",
            icon=":material/balance:",
        )
    if found.mixed:
        st.warning(
            f"{format_number_of(found.mixed, 'session')} met two arms and are left out.",
            icon=":material/shuffle:",
        )
    for comparison in found.comparisons:
        _comparison(one, found, comparison)
    _arms(one, found)


def _comparison(one: Experiment, found: ExperimentReport, comparison: Comparison) -> None:
    st.markdown(f"##### {comparison.arm} against {found.arms[0].name}")
    if not comparison.course:
        st.info(
            "Too few sessions to say anything: it takes 200 in each arm, and 20 purchases.",
            icon=":material/hourglass:",
        )
        return
    verdicts = {
        "better": "**Better beyond doubt**",
        "worse": "**Worse beyond doubt**",
        "open": "**Open**: nothing is beyond doubt yet",
    }
    since = (
        f" since {format_count(comparison.decided_sessions)} sessions"
        if comparison.decided_sessions
        else ""
    )
    effect, human = comparison.effect, comparison.human
    st.markdown(
        f"{verdicts[comparison.verdict]}{since}: {effect.value:+.1%} (between {_end(effect.low)} "
        f"and {_end(effect.high)})."
    )
    both = found.planned_sessions * (
        found.arms[0].share + next(arm.share for arm in found.arms if arm.name == comparison.arm)
    )
    with st.grid(2, min_column_width=380, gap="medium") as grid:
        with grid.cell():
            show_chart(
                effect_chart(comparison, both, one.plan.effect), f"{METRICS[one.plan.metric].capitalize()}: {effect.value:+.1%}",
                "The band holds the truth at every moment at once, so you may look, and stop, "
                "whenever you like.",
                key=f"effect_{comparison.arm}", download=f"phantom-{one.experiment_id}-{comparison.arm}",
            )  # fmt: skip
        with grid.cell():
            show_chart(
                human_chart(comparison, one.plan.tolerated_drop), "Humans who buy: "
                                                                  f"{human.value:+.1%}",
                "Once the whole band is below the guard, the experiment stops by itself.",
                key=f"human_{comparison.arm}", download=f"phantom-{one.experiment_id}-{comparison.arm}-humans",
            )  # fmt: skip


def _arms(one: Experiment, found: ExperimentReport) -> None:
    table = arms_table(found, one.plan.arms)
    st.dataframe(
        table, hide_index=True, key="experiment_arms_table",
        column_config={
            "arm": "Arm", "plays": "Plays",
            "share": st.column_config.NumberColumn("Share", format="percent"),
            "sessions": st.column_config.NumberColumn("Sessions", format="localized"),
            "agents": st.column_config.NumberColumn("Agents, expected", format="%.0f"),
            "buy": st.column_config.NumberColumn("Buy", format="percent"),
            "humans_buy": st.column_config.NumberColumn("Humans buy", format="percent"),
            "revenue": st.column_config.NumberColumn("Revenue a session", format="%.2f"),
        },
    )  # fmt: skip
    with st.container(horizontal=True):
        csv_button("Arms as CSV", table, f"{one.experiment_id}-arms.csv", "experiment_arms_csv")
        csv_button(
            "Course as CSV",
            course_table(found),
            f"{one.experiment_id}-course.csv",
            "experiment_course_csv",
        )
        st.download_button(
            "Everything as JSON", json.dumps(found.to_json()).encode(), f"{one.experiment_id}.json", "application/json",
            icon=":material/download:", on_click="ignore", key="experiment_json",
        )  # fmt: skip


def _end(value: float) -> str:
    return f"{value:+.1%}" if abs(value) < 10 else "anything"
