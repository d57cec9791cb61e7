"""Limits: guard rails and gates, for an administrator to set."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import read_price_limits, set_limits
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from ui.accounts.account import current_login, is_allowed
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms

_TITLES: Final = {
    "lowest_markup": ("Lowest price", "over the base price", 0.05),
    "highest_markup": ("Highest price", "over the base price", 0.05),
    "largest_step": ("Largest step", "of a quote against what is live, in base prices", 0.05),
    "human_premium_cap": (
        "Humans pay more, at most",
        "on average, as a share of the base price",
        0.01,
    ),
    "first_markup": ("First release: highest price", "over the base price", 0.05),
    "first_share": ("First release: share", "of the sessions", 0.05),
    "approvals_needed": (
        "Approvals needed",
        "by people other than the author; for requests from now on",
        1.0,
    ),
}


def limits_form(settings: Settings) -> None:
    """Show the limits; administrators change them."""
    st.subheader("Guard rails and gates")
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
                    help=help_text,
                    disabled=not is_open,
                    key=f"limit_{name}",
                )
        if st.form_submit_button("Save", type="primary", disabled=not is_open):
            with friendly_errors():
                set_limits(
                    control_database(settings),
                    current_login(Permission.LIMITS),
                    values,
                    settings,
                    now_ms=now_ms(),
                )
                st.toast("The limits are saved.", icon=":material/check:")
    if not is_open:
        st.caption("An administrator changes these; each change is in the audit chain.")
