"""Watch an experiment: start it, follow its effect and human conversion, stop it."""

import json
from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.price_experiments import Experiment
from phantom_core.core.settings import Settings
from phantom_core.experiments.comparison import FEWEST_PURCHASES, FEWEST_SESSIONS, Comparison
from phantom_core.experiments.report import METRICS, ExperimentReport
from phantom_core.use_cases.approvals.experiments import (
    ExperimentStatus,
    experiment_status,
    start_experiment,
    stop_experiment,
)
from phantom_core.views.experiments.experiments import (
    arms_table,
    course_table,
    segments_table,
    share_of_plan,
)
from ui.accounts.account import current_login, is_allowed
from ui.charts.experiments import effect_chart, human_chart
from ui.charts.frame import show_chart
from ui.experiments.plan import describe_arms
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors, show_error
from ui.frame.fragments import fragment
from ui.frame.handles import now_ms
from ui.frame.tables import csv_button
from ui.frame.wording import escape, format_count, format_moment, format_number_of, format_percent

LOOK_EVERY_S: Final = 20.0
_BADGES: Final = {
    "draft": ":gray-badge[draft]",
    "running": ":green-badge[running]",
    "stopped": ":orange-badge[stopped]",
}


def watch_experiment(settings: Settings, experiment: Experiment) -> None:
    """Draw one experiment; while it runs, it is refreshed automatically."""
    if experiment.state == "running":
        _draw_running(settings, experiment.experiment_id)
    else:
        _draw(settings, experiment.experiment_id)


@fragment(run_every=LOOK_EVERY_S)
def _draw_running(settings: Settings, name: str) -> None:
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
    st.markdown(f"#### {escape(one.experiment_id)} {_BADGES[one.state]}")
    if plan.question:
        st.markdown(escape(plan.question))
    st.markdown(describe_arms(plan.arms))
    began = (
        f"started by {escape(one.started_by)} {format_moment(one.started_ms)} UTC"
        if one.started_ms
        else f"planned by {escape(one.author)}"
    )
    st.caption(
        f"primary metric: {METRICS[plan.metric]} · {began} · "
        f"{format_number_of(plan.planned_sessions, 'session')} planned for an "
        f"effect of {format_percent(plan.effect, 1)}"
    )
    if one.state == "stopped":
        is_guardrail = one.why.startswith("The guard")
        draw = st.error if is_guardrail else st.info
        icon = ":material/shield:" if is_guardrail else ":material/stop_circle:"
        draw(
            f"Stopped {format_moment(one.stopped_ms)} UTC by {one.stopped_by}. {one.why}", icon=icon
        )
    if found.problem:
        show_error(
            f"The server is out of sync. {found.problem}",
            "It is updated again at the next check.",
        )


def _switches(settings: Settings, one: Experiment) -> None:
    if one.state == "draft":
        allowed = is_allowed(Permission.PUBLISH)
        tip = None if allowed else "A pricing manager can start the experiment."
        if st.button(
            "Start experiment",
            type="primary",
            icon=":material/play_arrow:",
            key="experiment_start",
            disabled=not allowed,
            help=tip,
        ):
            with friendly_errors(), st.spinner("Updating the server …"):
                start_experiment(
                    settings, current_login(Permission.PUBLISH), one.experiment_id, now_ms=now_ms()
                )
                st.rerun()
    if one.state != "stopped":
        allowed = is_allowed(Permission.KILL)
        label = "Stop experiment" if one.state == "running" else "Discard draft"
        with st.popover(
            label, icon=":material/stop_circle:", disabled=not allowed, key="experiment_stop_ask"
        ):
            why = st.text_input("Reason", key="experiment_why")
            if st.button(f"{label} permanently", type="primary", key="experiment_stop"):
                with friendly_errors(), st.spinner("Updating the server …"):
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
            f"{format_number_of(found.waiting, 'session')} assigned, and may still buy. "
            if found.waiting
            else ""
        )
        show_missing(
            "No sessions counted yet",
            f"{waiting}A session is counted an hour after its assignment, once the decisions of "
            "the "
            "pricing service (`python -m phantom_core serve pricing`) are in the lake.",
        )
        return
    st.progress(
        share_of_plan(found),
        f"{format_count(found.sessions)} of {format_count(found.planned_sessions)} planned "
        "sessions",
    )
    if found.waiting:
        st.caption(
            f"{format_number_of(found.waiting, 'more session')} assigned within the last hour, "
            "which "
            "may still buy."
        )
    if found.is_uneven:
        st.error(
            "**Sample ratio mismatch**: the sizes of the arms differ from the plan by more than "
            "chance. Sessions of one arm are lost or duplicated; do not rely on the figures below "
            "until the cause is fixed.",
            icon=":material/balance:",
        )
    if found.mixed:
        st.warning(
            f"{format_number_of(found.mixed, 'session')} saw two arms; excluded.",
            icon=":material/shuffle:",
        )
    _cautions(found)
    for comparison in found.comparisons:
        _comparison(one, found, comparison)
    _arms(one, found)


def _cautions(found: ExperimentReport) -> None:
    if found.human_basis == "weighted":
        st.warning(
            "**Human conversion is a rough guess**: too few labelled purchases tell humans from "
            "agents, so the guardrail also counts purchases that agents no longer make. Load "
            "labels of sessions that buy.",
            icon=":material/group:",
        )
    if found.interference.is_large:
        st.warning(
            f"**Interference**: {format_percent(found.interference.share)} of the purchases come "
            f"after a visit of the same actor to another arm "
            f"({format_number_of(found.interference.actors, 'actor')} met two). Effects are likely "
            "to be understated.",
            icon=":material/shuffle:",
        )


def _comparison(one: Experiment, found: ExperimentReport, comparison: Comparison) -> None:
    st.markdown(f"##### {escape(comparison.arm)} vs {escape(found.arms[0].name)}")
    if not comparison.course:
        st.info(
            f"Not enough data: at least {FEWEST_SESSIONS} sessions in each arm and "
            f"{FEWEST_PURCHASES} expected purchases in each are needed.",
            icon=":material/hourglass:",
        )
        return
    outcomes = {
        "better": "**Significantly better**",
        "worse": "**Significantly worse**",
        "open": "**No significant difference yet**",
    }
    since = (
        f" since {format_count(comparison.decided_sessions)} sessions"
        if comparison.decided_sessions
        else ""
    )
    effect, human = comparison.effect, comparison.human
    st.markdown(
        f"{outcomes[comparison.verdict]}{since}: {effect.value:+.1%} (between {_end(effect.low)} "
        f"and {_end(effect.high)})."
    )
    both = found.planned_sessions * (
        found.arms[0].share + next(arm.share for arm in found.arms if arm.name == comparison.arm)
    )
    with st.grid(2, min_column_width=380, gap="medium") as grid:
        with grid.cell():
            show_chart(
                effect_chart(comparison, both, one.plan.effect),
                f"{METRICS[one.plan.metric].capitalize()}: {effect.value:+.1%}",
                "Always-valid intervals: you may peek, and stop at any time.",
                key=f"effect_{comparison.arm}",
                download=f"phantom-{one.experiment_id}-{comparison.arm}",
            )
        with grid.cell():
            show_chart(
                human_chart(comparison, one.plan.tolerated_drop),
                f"Human conversion: {human.value:+.1%}",
                "The experiment stops automatically once the whole interval is below the "
                "guardrail.",
                key=f"human_{comparison.arm}",
                download=f"phantom-{one.experiment_id}-{comparison.arm}-humans",
            )
    _segments(one, comparison)


def _segments(one: Experiment, comparison: Comparison) -> None:
    table = segments_table(comparison)
    if table.empty:
        return
    st.markdown("###### Breakdown by segment")
    st.caption("Always-valid intervals; the error rate of 5 % is divided among the segments.")
    st.dataframe(
        table,
        hide_index=True,
        key=f"segments_{comparison.arm}",
        column_config={
            "by": "Segment by",
            "segment": "Segment",
            "sessions": st.column_config.NumberColumn("Sessions", format="localized"),
            "effect": st.column_config.NumberColumn("Effect", format="percent"),
            "low": st.column_config.NumberColumn("Low", format="percent"),
            "high": st.column_config.NumberColumn("High", format="percent"),
        },
    )
    csv_button(
        "Download segments as CSV",
        table,
        f"{one.experiment_id}-{comparison.arm}-segments.csv",
        f"segments_csv_{comparison.arm}",
    )


def _arms(one: Experiment, found: ExperimentReport) -> None:
    table = arms_table(found, one.plan.arms)
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        key="experiment_arms_table",
        column_config={
            "arm": "Arm",
            "plays": "Serves",
            "share": st.column_config.NumberColumn("Share", format="percent"),
            "sessions": st.column_config.NumberColumn("Sessions", format="localized"),
            "agents": st.column_config.NumberColumn("Expected agents", format="%.0f"),
            "buy": st.column_config.NumberColumn("Conversion", format="percent"),
            "humans_buy": st.column_config.NumberColumn("Human conversion", format="percent"),
            "revenue": st.column_config.NumberColumn("Revenue per session", format="%.2f"),
        },
    )
    with st.container(horizontal=True):
        csv_button(
            "Download arms as CSV", table, f"{one.experiment_id}-arms.csv", "experiment_arms_csv"
        )
        csv_button(
            "Download course as CSV",
            course_table(found),
            f"{one.experiment_id}-course.csv",
            "experiment_course_csv",
        )
        st.download_button(
            "Download all as JSON",
            json.dumps(found.to_json()).encode(),
            f"{one.experiment_id}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="experiment_json",
        )


def _end(value: float) -> str:
    return f"{value:+.1%}" if abs(value) < 10 else "∞" if value > 0 else "−∞"
