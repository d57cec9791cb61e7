"""Learn tab: rules for money from recorded prices, what they change, and the way to a draft."""

from typing import Final, Literal

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.estimate import Estimate, format_signed_share
from phantom_core.core.settings import Settings
from phantom_core.policy_learning.learned_policy import LearnedPolicy
from phantom_core.rules.text import format_rules
from phantom_core.use_cases.rules.job_learn_policy import LearnPolicyRequest
from phantom_core.use_cases.rules.learn_policy import usual_constraints
from phantom_core.use_cases.rules.rule_sets import save_rule_set
from phantom_core.views.rules.learned_rules import (
    compared_table,
    learned_versions,
    learned_view,
)
from ui.accounts.account import require_allowed, start_job
from ui.charts.frame import show_chart
from ui.charts.learned_rules import compared_chart
from ui.frame.empty import show_missing
from ui.frame.fragments import callback
from ui.frame.handles import open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.linked import set_widgets
from ui.frame.metrics import show_metric
from ui.frame.tables import csv_button
from ui.frame.wording import escape, format_count, format_moment, format_percent
from ui.rules.write import NEXT

KIND: Final = LearnPolicyRequest.kind
_DEFAULT: Final = LearnPolicyRequest()
_SOURCES: Final[dict[Literal["log", "market"], str]] = {
    "log": "Recorded shoppers",
    "market": "Simulated shoppers",
}
_WHAT: Final = """\
Finds the rules with the most revenue that recover enough leakage and spare humans, from prices \
that were shown and what became of them. Every figure is measured on actors that the rules did not \
learn from.
"""


def learn_tab(settings: Settings) -> None:
    """State what rules must keep, learn them, see what they change, open them as a rule set."""
    versions = learned_versions(settings)
    with st.expander(
        "Learn rules for money", icon=":material/savings:", expanded=not versions, key="learn_form"
    ):
        st.markdown(_WHAT)
        _form(settings)
    watch_job(KIND, "Learning rules")
    if not versions:
        show_missing(
            "No learned rules yet",
            "Say above what they must keep, and learn some. It takes less than a minute for a few "
            "thousand sessions.",
        )
        return
    version = st.selectbox("Learned rules", versions, key="learned", bind="query-params", width=320)
    _shown(settings, learned_view(settings, str(version)))


def _form(settings: Settings) -> None:
    usual = usual_constraints(settings)
    busy = any(job.kind == KIND for job in open_jobs().active())
    with st.grid(3, min_column_width=220, gap="medium"):
        cut = st.number_input(
            "Recover at least, % of leakage", 0, 99, round(100 * usual.leakage_cut), key="learn_cut"
        )
        loss = st.number_input(
            "Lose at most, % of human purchases",
            0.0,
            99.0,
            100 * usual.human_conversion_loss,
            0.5,
            key="learn_loss",
        )
        premium = st.number_input(
            "Humans pay at most, % above base on average",
            0.0,
            100 * usual.human_premium,
            100 * usual.human_premium,
            0.5,
            key="learn_premium",
            help="The gate of an approval allows no more.",
        )
        lowest = st.number_input(
            "Lowest mark-up", 0.5, 1.0, usual.lowest_markup, 0.05, key="learn_lowest"
        )
        highest = st.number_input(
            "Highest mark-up", 1.0, 2.0, usual.highest_markup, 0.05, key="learn_highest"
        )
        most = st.number_input("Rules at most", 1, 32, usual.most_rules, key="learn_rules")
        source = st.selectbox(
            "Shoppers",
            list(_SOURCES),
            format_func=lambda name: _SOURCES[name],
            key="learn_source",
            help="Recorded prices count where an experiment drew them. Simulated shoppers are as "
            "sensitive to prices as this shop's were measured, or as invented ones.",
        )
    if st.button(
        "Learn rules",
        type="primary",
        icon=":material/savings:",
        disabled=busy,
        help="Rules are being learned." if busy else None,
        key="learn",
    ):
        start_job(
            LearnPolicyRequest(
                leakage_cut=cut / 100,
                human_conversion_loss=loss / 100,
                human_premium=premium / 100,
                lowest_markup=lowest,
                highest_markup=highest,
                most_rules=int(most),
                source=source,
            )
        )
        st.rerun()


def _shown(settings: Settings, learned: LearnedPolicy) -> None:
    about, changes = learned.learned_from, learned.figures.by_curves
    st.caption(
        f"Learned at {format_moment(learned.created_ms)} UTC from {format_count(about.quotes)} "
        f"quotes, {format_count(about.in_cart)} of them in a cart, by "
        f"{format_count(about.actors)} actors; {format_percent(about.randomised)} of the prices "
        "were drawn by an experiment. Changes are against the base price for all."
    )
    if about.source != "log":
        st.warning(
            f"Learned from the {about.source}, not from this shop's recorded prices.",
            icon=":material/warning:",
        )
    with st.grid(4, min_column_width=200, gap="small"):
        show_metric(
            "Leakage",
            _signed(changes.leakage),
            _range(changes.leakage),
            _robust(learned, "leakage"),
        )
        show_metric(
            "Revenue",
            _signed(changes.revenue),
            _range(changes.revenue),
            _robust(learned, "revenue"),
        )
        show_metric(
            "Human conversion",
            _signed(changes.human_conversion),
            _range(changes.human_conversion),
            _robust(learned, "human_conversion"),
        )
        show_metric(
            "Average premium paid by humans",
            _signed(learned.figures.human_premium),
            _range(learned.figures.human_premium),
            "Mean of price over base price − 1, over all quotes to humans.",
        )
    table = compared_table(learned)
    show_chart(
        compared_chart(table),
        _finding(learned),
        "Change of revenue against change of leakage, with 95 % intervals over actors; up and to "
        "the left is better. By demand curves fitted to what was in carts.",
        key="compared",
        download="compared",
    )
    text = format_rules(learned.rules)
    st.markdown("**Learned rules**")
    st.code(text, language=None, wrap_lines=True)
    with st.container(horizontal=True):
        st.button(
            "Open as rule set",
            icon=":material/edit:",
            on_click=callback(_open),
            args=(settings, learned),
            key="learned_open",
            help="Saves them in the workspace, so that they can be edited, checked and submitted.",
        )
        st.download_button(
            "Download rules as text",
            text.encode(),
            f"{learned.version}.txt",
            "text/plain",
            icon=":material/download:",
            on_click="ignore",
            key="learned_text",
        )
        csv_button("Download figures as CSV", table, f"{learned.version}.csv", "learned_csv")


def _open(settings: Settings, learned: LearnedPolicy) -> None:
    """Save the rules as a rule set, and open it in the tab Write."""
    require_allowed(Permission.WORK)
    save_rule_set(settings, learned.rules)
    st.session_state[NEXT] = learned.version
    set_widgets({"rules_tab": "Write"})


def _finding(learned: LearnedPolicy) -> str:
    changes = learned.figures.by_curves
    bound = next((one for one in learned.compared if one.name == "known_classes"), None)
    beside = f"; with every class known {_signed(bound.figures.by_curves.revenue)}" if bound else ""
    return escape(
        f"{format_percent(-changes.leakage.value)} of the leakage is recovered for "
        f"{_signed(changes.revenue)} of revenue{beside}"
    )


def _signed(estimate: Estimate) -> str:
    return format_signed_share(estimate.value)


def _range(estimate: Estimate) -> str:
    low = format_signed_share(estimate.low).removesuffix(" %")
    return f"95 %: {low} to {format_signed_share(estimate.high)}"


def _robust(learned: LearnedPolicy, name: str) -> str:
    robust = learned.figures.doubly_robust
    if robust is None:
        return "No price was drawn by an experiment, so nothing corrects the demand curves."
    estimate: Estimate = getattr(robust, name)
    return f"Doubly robust, corrected by drawn prices: {_signed(estimate)}, {_range(estimate)}."
