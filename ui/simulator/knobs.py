"""Knobs: what is changed in a scenario before prices are tried in it."""

from typing import Final

import streamlit as st

from phantom_core.market.scenario import Scenario
from phantom_core.views.simulator.counterfactual import MOST_STOCK, Knobs

_SHOWN: Final = {
    "share": ("agent share", ".0%"),
    "stock": ("stock", ",.0f"),
    "human_s": ("human sensitivity", ".2f"),
    "agent_s": ("agent sensitivity", ".2f"),
    "arrivals": ("arrivals", "×.2f"),
    "weight": ("leakage weight", ".2f"),
}


def set_knobs(scenario: Scenario) -> None:
    """Put all knobs where a scenario has them."""
    start = Knobs.of(scenario)
    for name in _SHOWN:
        st.session_state[name] = getattr(start, name)


def draw_knobs(scenario: Scenario) -> Knobs:
    """Ask for the knobs; say which of them were turned."""
    start = Knobs.of(scenario)
    with st.expander(
        "What if …", icon=":material/tune:", expanded=_is_turned(start), key="what_if"
    ):
        turned = _sliders(start)
        changed = turned.changed_from(start)
        with st.container(horizontal=True, vertical_alignment="center"):
            said = ", ".join(_change(name, start, turned) for name in changed)
            st.markdown(
                f"**Changed:** {said}" if said else ":small[Nothing is changed yet.]",
                width="stretch",
            )
            st.button(
                "Reset",
                icon=":material/undo:",
                disabled=not changed,
                on_click=set_knobs,
                args=(scenario,),
                key="reset_knobs",
            )
        if scenario.share_changes:
            st.caption("The share above holds until the scenario changes it.")
    return turned


def _is_turned(start: Knobs) -> bool:
    """Whether a link or an earlier look turned any."""
    return any(
        st.session_state.get(name, getattr(start, name)) != getattr(start, name) for name in _SHOWN
    ) or any(name in st.query_params for name in _SHOWN)


def _sliders(start: Knobs) -> Knobs:
    with st.grid(3, min_column_width=220, gap="medium"):
        share = st.slider(
            "Agents among the visitors",
            0.0,
            1.0,
            start.share,
            0.01,
            format="percent",
            key="share",
            bind="query-params",
        )
        arrivals = st.slider(
            "Visitors, times", 0.1, 5.0, start.arrivals, 0.1, format="×%.1f", key="arrivals", bind="query-params",
            help="Every hour's arrivals times this.",
        )  # fmt: skip
        stock = st.number_input(
            "Stock, units",
            0,
            MOST_STOCK,
            start.stock,
            10,
            key="stock",
            bind="query-params",
            help="Of all products together.",
        )
        human_s = st.slider(
            "Price sensitivity of humans", 0.1, max(10.0, start.human_s), start.human_s, 0.1, key="human_s", bind="query-params",
            help="The exponent s of P(buy) = 1 / (1 + (price / base price)^s).",
        )  # fmt: skip
        agent_s = st.slider(
            "Price sensitivity of agents", 0.1, max(10.0, start.agent_s), start.agent_s, 0.1, key="agent_s", bind="query-params",
            help="The larger, the more a small mark-up drives them away.",
        )  # fmt: skip
        weight = st.slider(
            "Weight of leakage", 0.0, max(2.0, start.weight), start.weight, 0.05, key="weight", bind="query-params",
            help="What one unit of leakage costs in the reward: reward = revenue − weight × "
                 "leakage.",
        )  # fmt: skip
    return Knobs(share, int(stock), human_s, agent_s, arrivals, weight)


def _change(name: str, start: Knobs, turned: Knobs) -> str:
    title, form = _SHOWN[name]
    prefix, form = ("×", form[1:]) if form.startswith("×") else ("", form)
    before, after = (
        f"{prefix}{getattr(where, name):{form}}".replace("%", " %") for where in (start, turned)
    )
    return f"{title} {before} → {after}"
