"""Knobs: changes to a scenario before it is simulated."""

from typing import Final

import streamlit as st

from phantom_core.market.scenario import Scenario
from phantom_core.views.simulator.counterfactual import MOST_STOCK, Knobs
from ui.frame.fragments import callback

_SHOWN: Final = {
    "share": ("agent share", ".0%"),
    "stock": ("stock", ",.0f"),
    "human_s": ("human sensitivity", ".2f"),
    "agent_s": ("agent sensitivity", ".2f"),
    "arrivals": ("arrivals", "×.2f"),
    "weight": ("leakage weight", ".2f"),
}


def set_knobs(scenario: Scenario) -> None:
    """Reset all knobs to the values of a scenario."""
    start = Knobs.of(scenario)
    for name in _SHOWN:
        st.session_state[name] = getattr(start, name)


def draw_knobs(scenario: Scenario) -> Knobs:
    """Draw the knobs, and list those that were changed."""
    start = Knobs.of(scenario)
    with st.expander(
        "What-if: change the scenario",
        icon=":material/tune:",
        expanded=_is_changed(start),
        key="what_if",
    ):
        knobs = _sliders(start)
        changed = knobs.changed_from(start)
        with st.container(horizontal=True, vertical_alignment="center"):
            changes = ", ".join(_change(name, start, knobs) for name in changed)
            st.markdown(
                f"**Changed:** {changes}" if changes else ":small[No changes]",
                width="stretch",
            )
            st.button(
                "Reset changes",
                icon=":material/undo:",
                disabled=not changed,
                on_click=callback(set_knobs),
                args=(scenario,),
                key="reset_knobs",
            )
        if scenario.share_changes:
            st.caption("The agent share applies until the scenario itself changes it.")
    return knobs


def _is_changed(start: Knobs) -> bool:
    """Whether a link or an earlier run changed any."""
    return any(
        st.session_state.get(name, getattr(start, name)) != getattr(start, name) for name in _SHOWN
    ) or any(name in st.query_params for name in _SHOWN)


def _sliders(start: Knobs) -> Knobs:
    with st.grid(3, min_column_width=220, gap="medium"):
        share = st.slider(
            "Agent share of visitors",
            0.0,
            1.0,
            start.share,
            0.01,
            format="percent",
            key="share",
            bind="query-params",
        )
        arrivals = st.slider(
            "Arrivals, multiplier",
            0.1,
            5.0,
            start.arrivals,
            0.1,
            format="×%.1f",
            key="arrivals",
            bind="query-params",
            help="Multiplies the arrivals of every hour.",
        )
        stock = st.number_input(
            "Stock, units",
            0,
            MOST_STOCK,
            start.stock,
            10,
            key="stock",
            bind="query-params",
            help="Total over all products.",
        )
        human_s = st.slider(
            "Price sensitivity of humans",
            0.1,
            max(10.0, start.human_s),
            start.human_s,
            0.1,
            key="human_s",
            bind="query-params",
            help="The exponent s of P(buy) = 1 / (1 + (price / base price)^s).",
        )
        agent_s = st.slider(
            "Price sensitivity of agents",
            0.1,
            max(10.0, start.agent_s),
            start.agent_s,
            0.1,
            key="agent_s",
            bind="query-params",
            help="The higher, the more purchases a mark-up costs.",
        )
        weight = st.slider(
            "Weight of leakage",
            0.0,
            max(2.0, start.weight),
            start.weight,
            0.05,
            key="weight",
            bind="query-params",
            help="Reward = revenue − weight × leakage.",
        )
    return Knobs(share, int(stock), human_s, agent_s, arrivals, weight)


def _change(name: str, start: Knobs, knobs: Knobs) -> str:
    title, form = _SHOWN[name]
    prefix, form = ("×", form[1:]) if form.startswith("×") else ("", form)
    before, after = (
        f"{prefix}{getattr(where, name):{form}}".replace("%", " %") for where in (start, knobs)
    )
    return f"{title} {before} → {after}"
