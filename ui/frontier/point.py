"""A chosen point of the frontier: its sentence, its rules, and the way to a replay and a draft."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.estimate import format_relative_change
from phantom_core.core.settings import Settings
from phantom_core.policy_learning.frontier import PolicyFrontier, ReachedPoint
from phantom_core.rules.text import format_rules
from phantom_core.use_cases.rules.job_replay_rules import ReplayRulesRequest
from phantom_core.use_cases.rules.rule_sets import rule_set_names, save_rule_set
from phantom_core.views.frontier.frontier import point_rules, point_sentence
from ui.accounts.account import require_allowed, start_job
from ui.frame.fragments import callback
from ui.frame.job_watch import watch_job
from ui.frame.wording import escape


def choose_point(frontier: PolicyFrontier) -> ReachedPoint:
    """The dial: λ along the learned rules; first where the target's leakage is just recovered."""
    learned = frontier.of_kind("learned")
    weights = [f"{point.leakage_weight:g}" for point in learned]
    cut = frontier.target.leakage_cut
    enough = [
        at for at, point in enumerate(learned) if point.figures.by_curves.leakage.value <= -cut
    ]
    shown = st.select_slider(
        "λ: revenue given up for a unit of leakage",
        weights,
        value=weights[enough[0] if enough else -1],
        key="frontier_lambda",
        help="Below 1 it pays to discount agents, at 1 base prices are best for them, above 1 "
        "mark-ups begin to pay.",
    )
    return learned[weights.index(shown)]


def show_point(settings: Settings, frontier: PolicyFrontier, point: ReachedPoint) -> None:
    """Its sentence, its rules, and what can be done with them."""
    rules = point_rules(frontier, point)
    st.markdown(f"**{escape(point_sentence(point))}**")
    robust = point.figures.doubly_robust
    if robust is not None:
        st.caption(
            "Doubly robust, corrected by drawn prices: revenue "
            f"{format_relative_change(robust.revenue)}, leakage "
            f"{format_relative_change(robust.leakage)}."
        )
    st.code(format_rules(rules), language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Save as rule set",
            icon=":material/save:",
            on_click=callback(_save),
            args=(settings, frontier, point),
            key="frontier_save",
        )
        st.button(
            "Replay on recorded sessions",
            icon=":material/replay:",
            on_click=callback(_replay),
            args=(frontier, point),
            key="frontier_replay",
        )
        if rules.name in rule_set_names(settings):
            for page, label, icon, query in (
                ("rules", "Edit", ":material/edit:", {"rules": rules.name}),
                (
                    "approvals",
                    "Propose for approval",
                    ":material/fact_check:",
                    {"propose": rules.name},
                ),
            ):
                st.page_link(f"pages/{page}.py", label=label, icon=icon, query_params=query)
    job = watch_job(ReplayRulesRequest.kind, "Rule replay")
    if job is not None and job.state == "done":
        st.page_link(
            "pages/rules.py",
            label="Newest replay",
            icon=":material/arrow_forward:",
            query_params={"rules_tab": "Replay"},
        )


def _save(settings: Settings, frontier: PolicyFrontier, point: ReachedPoint) -> None:
    require_allowed(Permission.WORK)
    save_rule_set(settings, point_rules(frontier, point))


def _replay(frontier: PolicyFrontier, point: ReachedPoint) -> None:
    start_job(ReplayRulesRequest(rules=point_rules(frontier, point).name, rules_text=point.rules))
