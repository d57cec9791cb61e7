"""Limits: guard rails and approval gates, set by an administrator."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import (
    read_banned_features,
    read_price_limits,
    set_banned_features,
    set_limits,
)
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.use_cases.approvals.change_requests import control_database
from ui.accounts.account import current_login, is_allowed
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms

_TITLES: Final = {
    "lowest_markup": ("Minimum price", "Ratio to the base price.", 0.05),
    "highest_markup": ("Maximum price", "Ratio to the base price.", 0.05),
    "largest_step": (
        "Maximum price step",
        "Change of a quote against the live release, in base prices.",
        0.05,
    ),
    "human_premium_cap": (
        "Maximum premium for humans",
        "Average, as a share of the base price.",
        0.01,
    ),
    "first_markup": ("First release: maximum price", "Ratio to the base price.", 0.05),
    "first_share": ("First release: maximum rollout", "Share of sessions.", 0.05),
    "approvals_needed": (
        "Approvals needed",
        "By people other than the author; open requests need the larger of then and now.",
        1.0,
    ),
    "review_hours": (
        "Review of an emergency, hours",
        "Another person reviews an emergency publication within this time.",
        1.0,
    ),
    "base_price_step": (
        "Base price: maximum change per load",
        "Share of the price; a larger change waits for a second person.",
        0.05,
    ),
    "base_price_day_step": (
        "Base price: maximum change per day",
        "Share of the price a day before; a larger change waits for a second person.",
        0.05,
    ),
    "base_price_level": (
        "Base prices: maximum mean change per day",
        "Mean over all products; a larger change of all prices waits for a second person.",
        0.01,
    ),
    "base_price_month_step": (
        "Base price: maximum change in 30 days",
        "Share of the price 30 days before; a larger change waits for a second person.",
        0.05,
    ),
    "base_price_month_level": (
        "Base prices: maximum mean change in 30 days",
        "Mean over all products; a larger change of all prices waits for a second person.",
        0.01,
    ),
}


def limits_form(settings: Settings) -> None:
    """Show the limits; administrators can change them."""
    st.header("Guard rails and approval gates")
    found = read_price_limits(settings)
    is_open = is_allowed(Permission.LIMITS)
    values: dict[str, float] = {}
    with st.form("limits", border=is_open):
        columns = st.columns(4)
        for position, (name, (title, help_text, step)) in enumerate(_TITLES.items()):
            with columns[position % 4]:
                values[name] = st.number_input(
                    title,
                    value=float(getattr(found, name)),
                    step=step,
                    format="%.0f" if step >= 1 else "%.2f",
                    help=help_text,
                    disabled=not is_open,
                    key=f"limit_{name}",
                )
        banned = st.multiselect(
            "Banned features",
            sorted({*feature_names(), *read_banned_features(settings)}),
            list(read_banned_features(settings)),
            help="They must not change a price; open requests that read one are blocked.",
            disabled=not is_open,
            key="limit_banned",
        )
        if st.form_submit_button("Save limits", type="primary", disabled=not is_open):
            with friendly_errors():
                set_limits(
                    control_database(settings),
                    current_login(Permission.LIMITS),
                    values,
                    settings,
                    now_ms=now_ms(),
                )
                set_banned_features(
                    control_database(settings),
                    current_login(Permission.LIMITS),
                    banned,
                    settings,
                    now_ms=now_ms(),
                )
                st.toast("Limits saved.", icon=":material/check:")
    if not is_open:
        st.caption("Only an administrator can change these limits; every change is audited.")
