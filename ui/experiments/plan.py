"""Plan an experiment: what is compared, how long it takes, and a draft to start."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.experiment_plan import PlannedArm
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.experiments.report import METRICS
from phantom_core.use_cases.approvals.plan_experiment import (
    LOOK_BACK_DAYS,
    Sized,
    metric_named,
    plan_experiment,
    size_experiment,
)
from phantom_core.views.experiments.experiments import describe_rules, servable_rules, sizes_table
from ui.accounts.account import current_login, is_allowed
from ui.charts.experiments import sizes_chart
from ui.charts.frame import show_chart
from ui.experiments.form import ExperimentForm, draw_experiment_form
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.metrics import show_metric
from ui.frame.wording import format_count, format_money, format_number_of, format_percent

_FOREVER_DAYS: Final = 365


def plan_tab(settings: Settings) -> None:
    """Ask, work out, keep."""
    if kept := st.session_state.pop("experiment_kept", ""):
        st.success(
            f"{kept} is kept as a draft. Start it on the tab Watch.", icon=":material/check_circle:"
        )
    asked = draw_experiment_form(servable_rules(settings), describe_rules)
    try:
        sized = _sized(settings, asked)
    except InputError as error:
        show_missing("No size can be worked out yet.", str(error))
        return
    _figures(asked, sized)
    sizes = sizes_table(
        sized.baseline, [arm.share for arm in asked.arms], alpha=asked.alpha, power=asked.power
    )
    show_chart(
        sizes_chart(sizes, asked.effect), "Half the effect takes four times the sessions",
        "The upright line is the effect you asked for. Looking all the time costs sessions, and "
        "lets you stop at any moment.",
        key="experiment_sizes", download="phantom-experiment-size",
    )  # fmt: skip
    _keep(settings, asked, sized)


def _sized(settings: Settings, asked: ExperimentForm) -> Sized:
    return size_experiment(
        settings, asked.arms, metric_named(asked.metric), asked.effect, now_ms=now_ms(), alpha=asked.alpha, power=asked.power,
        baseline=asked.baseline,
    )  # fmt: skip


def _figures(asked: ExperimentForm, sized: Sized) -> None:
    size, base = sized.size, sized.baseline
    has_days = size.days == size.days
    with st.grid(4, min_column_width=190, gap="small"):
        show_metric(
            "Sessions, watching",
            format_count(size.sessions),
            f"{format_count(size.sessions_once)} looking once",
            "In all arms together.",
        )
        days = f"{size.days:,.0f}" if has_days else "–"
        show_metric(
            "Days",
            days,
            f"{base.per_day:,.0f} sessions a day" if has_days else "traffic unknown",
            "At the traffic of the baseline.",
        )
        today = (
            format_money(base.mean) if asked.metric == "revenue" else format_percent(base.mean, 1)
        )
        source = (
            f"{format_number_of(sized.seen, 'session')}, {LOOK_BACK_DAYS} days"
            if sized.seen
            else "as stated"
        )
        show_metric("A session brings", today, source, METRICS[metric_named(asked.metric)])
        show_metric(
            "Effect sought",
            format_percent(asked.effect, 1),
            f"seen in {format_percent(asked.power)} of cases",
            "Smallest relative effect that matters.",
        )
    if has_days and size.days > _FOREVER_DAYS:
        st.warning(
            "That is more than a year. Look for a larger effect, or compare fewer arms.",
            icon=":material/hourglass:",
        )


def _keep(settings: Settings, asked: ExperimentForm, sized: Sized) -> None:
    allowed = is_allowed(Permission.PROPOSE)
    tip = None if allowed else "An analyst or a pricing manager can keep a plan."
    if not st.button(
        "Keep as a draft",
        type="primary",
        icon=":material/science:",
        key="experiment_keep",
        disabled=not allowed,
        help=tip,
    ):
        return
    with friendly_errors():
        if not asked.name:
            raise InputError(
                "The experiment has no name.", hint="Give it a short one, such as plus5."
            )
        plan_experiment(
            settings, current_login(Permission.PROPOSE), asked.name, asked.question, asked.arms, sized, metric=metric_named(asked.metric),
            effect=asked.effect, now_ms=now_ms(), alpha=asked.alpha, power=asked.power, tolerated_drop=asked.tolerated_drop,
        )  # fmt: skip
        st.session_state["experiment_kept"] = asked.name
        st.rerun()


def arms_say(arms: tuple[PlannedArm, ...]) -> str:
    """Arms in one line."""
    return " · ".join(
        f"**{arm.name}** {format_percent(arm.share)} {describe_rules(arm.version)}" for arm in arms
    )
