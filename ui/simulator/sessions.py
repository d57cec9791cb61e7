"""Sessions tab: rules that look at sessions, tried on generated shoppers from their first click to
their purchase.
"""

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
from ui.frame.wording import NOTHING, format_count, format_money, format_percent

KIND: Final = SimulateSessionsRequest.kind
_USUAL: Final = SimulateSessionsRequest()
_COLUMNS: Final = (
    ("revenue", "Revenue", "Money taken, one unit a purchase."),
    ("leakage", "Leakage", "What agents paid less than the reference price."),
    ("leakage_share", "Leakage share", "Leakage over revenue."),
    ("human_conversion", "Human purchases a session", "Expected purchases per session of a human."),
    (
        "agent_conversion",
        "Agent purchases a session",
        "Expected purchases per session of an agent.",
    ),
    (
        "human_premium",
        "Humans pay more",
        "Mean of price over base price, minus one, over what humans buy.",
    ),
    (
        "humans_marked_up",
        "Quotes of humans marked up",
        "Share of the quotes that humans get above the base price.",
    ),
    (
        "agents_marked_up",
        "Quotes of agents marked up",
        "Share of the quotes that agents get above the base price.",
    ),
)
_MONEY: Final = ("revenue", "leakage")


def sessions_tab(settings: Settings) -> None:
    """Choose rules, let sessions meet them, show what they change."""
    st.markdown(
        "Generated shoppers walk through the shop click by click. At each quote the classifier "
        "looks at the session so far, "
        "the rules make a price, and the shopper buys or leaves. Every rule set meets the same "
        "people."
    )
    if not has_classifier(settings):
        show_missing(
            "A classifier is needed.",
            "Rules may read P(agent), which a trained classifier gives.",
            "pages/classifier.py",
            "Train a classifier",
            ":material/target:",
        )
        return
    _form(settings)
    job = watch_job(KIND, "Sessions meet the rules")
    done = next((one for one in open_jobs().latest(KIND, limit=20) if one.state == "done"), None)
    if done:
        found = read_session_trial(done)
        _results(list(found.arms), found.n_sessions, found.reference_ratio)
    elif not (job and job.is_active):
        with st.container(border=True):
            st.markdown("**No rules have been tried yet.**")
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
                "Sessions", 200, 100_000, _USUAL.sessions, 1_000, key="n_sessions", bind="query-params", width=170,
                help="More make the intervals narrower; 2,000 take seconds.",
            )  # fmt: skip
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
                "A trial is running."
                if busy
                else None
                if chosen
                else "Choose at least one rule set."
            )
            clicked = st.button(
                "Let sessions meet them",
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
            "Write rules, and read those chosen", icon=":material/rule:", key="write_rules"
        ),
        st.grid(2, min_column_width=380, gap="medium") as grid,
    ):
        with grid.cell(), st.form("session_rules_form", border=False):
            name = st.text_input("Name", "my-rules", key="session_rules_name")
            text = st.text_area("Rules", EXAMPLE, height=130, key="session_rules_text")
            sent = st.form_submit_button("Keep and choose them", icon=":material/add:")
            st.caption(
                f"They may read p_agent and the {len(feature_names())} features of a session, as "
                "the page Features lists them."
            )
        with grid.cell():
            for one in chosen:
                st.markdown(f"**{one}**")
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
    st.subheader("What came of it")
    st.caption(
        f"{format_count(n_sessions)} sessions, reference price ×{reference_ratio:.2f} of the base "
        "price; intervals are 95 %."
    )
    with st.container(border=True, key="sessions_conclusion"):
        for arm in arms:
            st.markdown(_conclusion(arm))
    said = "What each rule set changes against no mark-up"
    show_chart(
        change_chart(arms),
        said,
        "Leakage left of zero is good, revenue left of zero is its price.",
        key="session_change",
        download="session_rules",
    )
    _table(arms)
    csv_button("Figures as CSV", arms_table(arms), "session_rules.csv", "sessions_csv")


def _conclusion(arm: SessionArm) -> str:
    humans, agents, paid = (
        arm.figures[name].value
        for name in ("humans_marked_up", "agents_marked_up", "human_premium")
    )
    return (
        f"**{arm.name}** marks up {format_percent(agents)} of the agents' quotes and "
        f"{format_percent(humans, 1)} of the humans'. Against no mark-up: "
        f"leakage {_moved(arm.change('leakage'))}, revenue {_moved(arm.change('revenue'))}, "
        f"humans pay {format_percent(paid, 1)} more, "
        f"their purchases {_moved(arm.change('human_conversion'))}."
    )


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
