"""Plan an experiment: arms, sample size, duration, and a draft to start."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.experiment_plan import PlannedArm
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.experiments.report import METRICS
from phantom_core.use_cases.approvals.plan_experiment import (
    GUARD_DROP,
    LOOK_BACK_DAYS,
    Sized,
    metric_named,
    plan_experiment,
    size_experiment,
)
from phantom_core.views.experiments.experiments import (
    describe_rules,
    servable_rules,
    sizes_table,
)
from ui.accounts.account import current_login, is_allowed
from ui.charts.experiments import sizes_chart
from ui.charts.frame import show_chart
from ui.experiments.form import ExperimentForm, draw_experiment_form
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.metrics import show_metric
from ui.frame.wording import escape, format_count, format_money, format_number_of, format_percent

_LONGEST_DAYS: Final = 365


def plan_tab(settings: Settings) -> None:
    """Draw the form, the sample size, and the button that saves a draft."""
    if saved := st.session_state.pop("experiment_kept", ""):
        st.success(
            f"Saved {escape(saved)} as a draft. Start it in the tab Watch.",
            icon=":material/check_circle:",
        )
    form = draw_experiment_form(servable_rules(settings), describe_rules)
    try:
        sized = _sized(settings, form)
    except InputError as error:
        show_missing("The sample size cannot be computed", escape(str(error)))
        return
    _figures(form, sized)
    sizes = sizes_table(
        sized.baseline, [arm.share for arm in form.arms], alpha=form.alpha, power=form.power
    )
    show_chart(
        sizes_chart(sizes, form.effect),
        "Half the effect needs four times the sessions",
        "Sample size by minimum detectable effect; the vertical line is your choice. A sequential "
        "test needs more sessions, and can be stopped at any time.",
        key="experiment_sizes",
        download="phantom-experiment-size",
    )
    _save(settings, form, sized)


def _sized(settings: Settings, form: ExperimentForm) -> Sized:
    return size_experiment(
        settings,
        form.arms,
        metric_named(form.metric),
        form.effect,
        now_ms=now_ms(),
        alpha=form.alpha,
        power=form.power,
        baseline=form.baseline,
    )


def _figures(form: ExperimentForm, sized: Sized) -> None:
    size, base = sized.size, sized.baseline
    has_days = size.days == size.days
    with st.grid(4, min_column_width=190, gap="small"):
        show_metric(
            "Sample size (sequential)",
            format_count(size.sessions),
            f"{format_count(size.sessions_once)} (fixed horizon)",
            "Sessions of all arms.",
        )
        days = f"{size.days:,.0f}" if has_days else "–"
        show_metric(
            "Duration, days",
            days,
            f"{base.per_day:,.0f} sessions a day" if has_days else "traffic unknown",
            "At the baseline traffic.",
        )
        today = (
            format_money(base.mean) if form.metric == "revenue" else format_percent(base.mean, 1)
        )
        source = (
            f"{format_number_of(sized.seen, 'session')}, {LOOK_BACK_DAYS} days"
            if sized.seen
            else "as entered"
        )
        show_metric(
            "Baseline revenue per session" if form.metric == "revenue" else "Baseline conversion",
            today,
            source,
            METRICS[metric_named(form.metric)],
        )
        show_metric(
            "Minimum detectable effect",
            format_percent(form.effect, 1),
            f"power {format_percent(form.power)}",
            "Relative to the baseline.",
        )
    if sized.guard_sessions:
        st.caption(
            f"The guardrail sees a loss of {GUARD_DROP:.0%} of human conversion after about "
            f"{format_number_of(sized.guard_sessions, 'session')} of all arms."
        )
    if has_days and size.days > _LONGEST_DAYS:
        st.warning(
            f"Not feasible: {size.days / 365.25:,.0f} years at {base.per_day:,.0f} sessions a day. "
            "Choose a larger effect or fewer arms.",
            icon=":material/hourglass:",
        )


def _save(settings: Settings, form: ExperimentForm, sized: Sized) -> None:
    allowed = is_allowed(Permission.PROPOSE)
    tip = None if allowed else "An analyst or a pricing manager can save a draft."
    if not st.button(
        "Save as draft",
        type="primary",
        icon=":material/science:",
        key="experiment_keep",
        disabled=not allowed,
        help=tip,
    ):
        return
    with friendly_errors():
        if not form.name:
            raise InputError(
                "The experiment has no name.", hint="Enter a short name, such as plus5."
            )
        plan_experiment(
            settings,
            current_login(Permission.PROPOSE),
            form.name,
            form.question,
            form.arms,
            sized,
            metric=metric_named(form.metric),
            effect=form.effect,
            now_ms=now_ms(),
            alpha=form.alpha,
            power=form.power,
            tolerated_drop=form.tolerated_drop,
        )
        st.session_state["experiment_kept"] = form.name
        st.rerun()


def describe_arms(arms: tuple[PlannedArm, ...]) -> str:
    """Arms in one line."""
    return " · ".join(
        f"**{escape(arm.name)}** {format_percent(arm.share)} {escape(describe_rules(arm.version))}"
        for arm in arms
    )
