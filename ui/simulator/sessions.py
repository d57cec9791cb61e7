"""Sessions tab: rule replay on simulated sessions, from the first click to the purchase."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.market.figures import TrialFigure
from phantom_core.session_market.market import BANDS
from phantom_core.use_cases.markets.job_simulate_sessions import SimulateSessionsRequest
from phantom_core.use_cases.rules.rule_sets import save_session_rules
from phantom_core.views.simulator.session_trials import (
    EXAMPLE,
    SessionArm,
    arms_table,
    has_classifier,
    read_session_trial,
    rules_as_text,
    session_rules,
)
from ui.accounts.account import start_job
from ui.charts.frame import show_chart
from ui.charts.sessions_trial import change_chart
from ui.frame.empty import show_missing
from ui.frame.errors import show_error
from ui.frame.handles import open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.tables import csv_button
from ui.frame.wording import NOTHING, escape, format_count, format_money, format_percent

KIND: Final = SimulateSessionsRequest.kind
_USUAL: Final = SimulateSessionsRequest()
_COLUMNS: Final = (
    ("revenue", "Revenue", "Revenue at one unit per purchase."),
    ("leakage", "Leakage", "Amount that agents paid below the reference price."),
    ("leakage_share", "Leakage share", "Leakage / revenue."),
    ("human_conversion", "Human conversion", "Expected purchases per human session."),
    (
        "agent_conversion",
        "Agent conversion",
        "Expected purchases per agent session.",
    ),
    (
        "human_premium",
        "Average premium paid by humans",
        "Mean of price / base price − 1 over the purchases of humans.",
    ),
    (
        "humans_marked_up",
        "Human quotes marked up",
        "Share of the quotes to humans above the base price.",
    ),
    (
        "agents_marked_up",
        "Agent quotes marked up",
        "Share of the quotes to agents above the base price.",
    ),
)
_MONEY: Final = ("revenue", "leakage")


def sessions_tab(settings: Settings) -> None:
    """Choose rule sets, replay them on simulated sessions, show the results."""
    st.markdown(
        "Simulated shoppers browse the shop click by click. At each quote the classifier scores "
        "the "
        "session so far, the rules set the price, and the shopper buys or leaves. All rule sets "
        "are replayed on the same shoppers."
    )
    if not has_classifier(settings):
        show_missing(
            "A classifier is required",
            "Rules may read P(agent), which comes from a trained classifier.",
            "pages/classifier.py",
            "Train a classifier",
            ":material/target:",
        )
        return
    _form(settings)
    job = watch_job(KIND, "Rule replay on simulated sessions")
    done = next((one for one in open_jobs().latest(KIND, limit=20) if one.state == "done"), None)
    if done:
        found = read_session_trial(done)
        _results(list(found.arms), found.n_sessions, found.reference_ratio)
    elif not (job and job.is_active):
        with st.container(border=True):
            st.markdown("**No runs yet**")
            st.markdown("Start with the built-in bands: ×1.3 above P(agent) 0.7, ×1.1 above 0.4.")


def _form(settings: Settings) -> None:
    options = [BANDS.name, *session_rules(settings)]
    if "next_rules" in st.session_state:
        before = st.session_state.get("session_rules", [BANDS.name])
        st.session_state["session_rules"] = list(
            dict.fromkeys([*before, st.session_state.pop("next_rules")])
        )
    st.session_state["session_rules"] = [
        name for name in st.session_state.get("session_rules", [BANDS.name]) if name in options
    ]
    busy = any(job.kind == KIND for job in open_jobs().active())
    with st.container(border=True, key="sessions_form"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.multiselect(
                "Rules",
                options,
                key="session_rules",
                persist_state="page",
                placeholder="Choose at least one",
            )
            n_sessions = st.number_input(
                "Sessions",
                200,
                100_000,
                _USUAL.sessions,
                1_000,
                key="n_sessions",
                bind="query-params",
                width=170,
                help="More sessions give narrower intervals; 2,000 take seconds.",
            )
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                settings.seed + 1,
                key="sessions_seed",
                bind="query-params",
                width=160,
            )
            why = (
                "A run is in progress."
                if busy
                else None
                if chosen
                else "Choose at least one rule set."
            )
            clicked = st.button(
                "Run",
                type="primary",
                icon=":material/play_arrow:",
                disabled=busy or not chosen,
                help=why,
            )
        _own_rules(settings, list(chosen))
    if clicked:
        files = session_rules(settings)
        rules = [name if name == BANDS.name else str(files[name]) for name in chosen]
        start_job(
            SimulateSessionsRequest(rules=tuple(rules), sessions=int(n_sessions), seed=int(seed))
        )
        st.rerun()


def _own_rules(settings: Settings, chosen: list[str]) -> None:
    with (
        st.expander(
            "Add rules, and view the chosen ones", icon=":material/rule:", key="write_rules"
        ),
        st.grid(2, min_column_width=380, gap="medium") as grid,
    ):
        with grid.cell(), st.form("session_rules_form", border=False):
            name = st.text_input("Name", "my-rules", key="session_rules_name")
            text = st.text_area("Rules", EXAMPLE, height=130, key="session_rules_text")
            sent = st.form_submit_button("Save and select rules", icon=":material/add:")
            st.caption(
                f"Rules may read p_agent and the {len(feature_names())} session features listed on "
                "the page Features."
            )
        with grid.cell():
            for one in chosen:
                st.markdown(f"**{escape(one)}**")
                st.code(rules_as_text(settings, one), language=None, wrap_lines=True)
    if not sent:
        return
    try:
        save_session_rules(settings, name.strip(), text)
    except InputError as error:
        show_error(error.message, error.hint)
        return
    st.session_state["next_rules"] = name.strip()
    st.rerun()


def _results(arms: list[SessionArm], n_sessions: int, reference_ratio: float) -> None:
    st.subheader("Results")
    st.caption(
        f"{format_count(n_sessions)} sessions, reference price ×{reference_ratio:.2f} of the base "
        "price; intervals are 95 %."
    )
    with st.container(border=True, key="sessions_conclusion"):
        for arm in arms:
            st.markdown(_conclusion(arm))
    best = min(arms, key=lambda arm: arm.change("leakage").value or 0.0)
    show_chart(
        change_chart(arms),
        f"{escape(best.name)} reduces leakage most: {_change_text(best, 'leakage')}, revenue "
        f"{_change_text(best, 'revenue')}",
        "Change against no mark-up, with 95 % intervals.",
        key="session_change",
        download="session_rules",
    )
    _table(arms)
    csv_button("Download figures as CSV", arms_table(arms), "session_rules.csv", "sessions_csv")


def _conclusion(arm: SessionArm) -> str:
    humans, agents, paid = (
        arm.figures[name].value
        for name in ("humans_marked_up", "agents_marked_up", "human_premium")
    )
    return (
        f"**{escape(arm.name)}** marks up {format_percent(agents)} of the agents' quotes and "
        f"{format_percent(humans, 1)} of the humans'. Versus no mark-up: "
        f"leakage {_moved(arm.change('leakage'))}, revenue {_moved(arm.change('revenue'))}, "
        f"average premium paid by humans {format_percent(paid, 1)}, "
        f"human conversion {_moved(arm.change('human_conversion'))}."
    )


def _change_text(arm: SessionArm, name: str) -> str:
    value = arm.change(name).value
    return NOTHING if value is None else f"{value * 100:+.1f} %".replace("-", "−")


def _moved(change: TrialFigure) -> str:
    if change.value is None or change.low is None or change.high is None:
        return NOTHING
    value, low, high = (
        f"{part * 100:+.1f}".replace("-", "−") for part in (change.value, change.low, change.high)
    )
    return f"**{value} %** ({low} to {high} %)"


def _table(arms: list[SessionArm]) -> None:
    rows = {"Rules": [arm.name for arm in arms]}
    for name, title, _ in _COLUMNS:
        rows[title] = [_cell(arm.figures[name], is_money=name in _MONEY) for arm in arms]
    helps = {title: st.column_config.TextColumn(help=meaning) for _, title, meaning in _COLUMNS}
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        column_config={"Rules": st.column_config.TextColumn(pinned=True), **helps},
    )


def _cell(figure: TrialFigure, *, is_money: bool) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return NOTHING
    if is_money:
        return (
            f"{format_money(figure.value)} ({format_money(figure.low)} to "
            f"{format_money(figure.high)})"
        )
    return (
        f"{figure.value * 100:.1f} % ({figure.low * 100:.1f} to {figure.high * 100:.1f})".replace(
            "-", "−"
        )
    )
