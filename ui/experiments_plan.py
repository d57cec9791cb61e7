"""Plan an experiment: what is compared, how long it takes, and a draft to start."""

from typing import Final

import streamlit as st

from phantom_core.control.experiment_plan import Arm
from phantom_core.control.roles import Permission
from phantom_core.errors import InputError
from phantom_core.logged.experiment_report import METRICS
from phantom_core.settings import Settings
from phantom_core.views.experiments import playable, played, sizes_table
from phantom_core.workflows.plan_experiment import LOOK_BACK_DAYS, Sized, metric_named, plan_experiment, size_experiment
from ui.account import login, may
from ui.charts.experiments import sizes_chart
from ui.charts.frame import show
from ui.empty import missing
from ui.errors import friendly_errors
from ui.experiments_form import Asked, ask
from ui.handles import now_ms
from ui.metrics import metric
from ui.wording import count, many, money, percent

_FOREVER_DAYS: Final = 365


def plan_tab(settings: Settings) -> None:
    """Ask, work out, keep."""
    if kept := st.session_state.pop("experiment_kept", ""):
        st.success(f"{kept} is kept as a draft. Start it on the tab Watch.", icon=":material/check_circle:")
    asked = ask(playable(settings), played)
    try:
        sized = _sized(settings, asked)
    except InputError as error:
        missing("No size can be worked out yet.", str(error))
        return
    _figures(asked, sized)
    sizes = sizes_table(sized.baseline, [arm.share for arm in asked.arms], alpha=asked.alpha, power=asked.power)
    show(
        sizes_chart(sizes, asked.effect), "Half the effect takes four times the sessions",
        "The upright line is the effect you asked for. Looking all the time costs sessions, and lets you stop at any moment.",
        key="experiment_sizes", download="phantom-experiment-size",
    )  # fmt: skip
    _keep(settings, asked, sized)


def _sized(settings: Settings, asked: Asked) -> Sized:
    return size_experiment(
        settings, asked.arms, metric_named(asked.metric), asked.effect, now_ms=now_ms(), alpha=asked.alpha, power=asked.power,
        baseline=asked.baseline,
    )  # fmt: skip


def _figures(asked: Asked, sized: Sized) -> None:
    size, base = sized.size, sized.baseline
    has_days = size.days == size.days
    with st.grid(4, min_column_width=190, gap="small"):
        metric("Sessions, watching", count(size.sessions), f"{count(size.sessions_once)} looking once", "In all arms together.")
        days = f"{size.days:,.0f}" if has_days else "–"
        metric("Days", days, f"{base.per_day:,.0f} sessions a day" if has_days else "traffic unknown", "At the traffic of the baseline.")
        today = money(base.mean) if asked.metric == "revenue" else percent(base.mean, 1)
        source = f"{many(sized.seen, 'session')}, {LOOK_BACK_DAYS} days" if sized.seen else "as stated"
        metric("A session brings", today, source, METRICS[metric_named(asked.metric)])
        metric(
            "Effect sought", percent(asked.effect, 1), f"seen in {percent(asked.power)} of cases", "Smallest relative effect that matters."
        )
    if has_days and size.days > _FOREVER_DAYS:
        st.warning("That is more than a year. Look for a larger effect, or compare fewer arms.", icon=":material/hourglass:")


def _keep(settings: Settings, asked: Asked, sized: Sized) -> None:
    allowed = may(Permission.PROPOSE)
    tip = None if allowed else "An analyst or a pricing manager can keep a plan."
    if not st.button("Keep as a draft", type="primary", icon=":material/science:", key="experiment_keep", disabled=not allowed, help=tip):
        return
    with friendly_errors():
        if not asked.name:
            raise InputError("The experiment has no name.", hint="Give it a short one, such as plus5.")
        plan_experiment(
            settings, login(Permission.PROPOSE), asked.name, asked.question, asked.arms, sized, metric=metric_named(asked.metric),
            effect=asked.effect, now_ms=now_ms(), alpha=asked.alpha, power=asked.power, tolerated_drop=asked.tolerated_drop,
        )  # fmt: skip
        st.session_state["experiment_kept"] = asked.name
        st.rerun()


def arms_say(arms: tuple[Arm, ...]) -> str:
    """Arms in one line."""
    return " · ".join(f"**{arm.name}** {percent(arm.share)} {played(arm.version)}" for arm in arms)
