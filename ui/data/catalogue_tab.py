"""Catalogue: base prices in force, and those that wait for a second person."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.catalogue_store import CatalogueHead
from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.catalogue import (
    WaitingPrices,
    approve_prices,
    catalogue_status,
    reject_prices,
)
from ui.accounts.account import current_login, current_person, is_allowed
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.wording import (
    escape,
    format_count,
    format_moment,
    format_number_of,
    format_percent,
)


def catalogue_tab(settings: Settings) -> None:
    """Show the catalogue in force, and decide on base prices that wait."""
    found = catalogue_status(settings)
    if found.head is None:
        st.caption("No catalogue is in force yet. Load one in the tab Load.")
        return
    _in_force(found.head, found.source)
    limits = read_price_limits(settings)
    st.caption(
        f"A load changes a base price by up to {format_percent(limits.base_price_step)}, within a "
        f"day by up to {format_percent(limits.base_price_day_step)}, and all prices together by "
        f"up to {format_percent(limits.base_price_level)} a day on average. Larger changes, "
        "removed prices and new products far from all others wait for a second person; until then "
        "the approved prices are served. Administrators set these bounds on the page People."
    )
    if not found.waiting:
        st.success("No base price waits for approval.", icon=":material/check_circle:")
    for one in found.waiting:
        _change(settings, one)


def _in_force(head: CatalogueHead, source: str) -> None:
    with st.grid(4, min_column_width=140, gap="small"):
        st.metric("Version", head.number, help=f"SHA-256 {escape(head.sha256)}")
        st.metric("Products", format_count(head.products))
        st.metric("Waiting", format_count(head.held), help="Changes of base prices.")
        st.metric("In force since (UTC)", format_moment(head.at_ms))
    st.caption(f"Source: {escape(source)}")


def _change(settings: Settings, one: WaitingPrices) -> None:
    with st.container(border=True):
        st.markdown(
            f"Waiting for approval: **{format_number_of(one.products, 'base price')}** · loaded by "
            f"{escape(one.author)} {format_moment(one.created_ms)} UTC · {len(one.approvals)} of "
            f"{one.needed} approvals"
        )
        rows = pd.DataFrame(
            {
                "Product": [price.product_id for price in one.prices],
                "Approved": [price.approved for price in one.prices],
                "Wanted": [price.wanted for price in one.prices],
                "Why it waits": [price.sentence.partition(", ")[2] for price in one.prices],
            }
        )
        st.dataframe(rows, hide_index=True, height="content" if len(rows) < 10 else 320)
        if len(one.prices) < one.products:
            st.caption(
                f"The first {format_count(len(one.prices))}; all of them: "
                "`python -m phantom_core catalogue status --json`"
            )
        _decide(settings, one)


def _decide(settings: Settings, one: WaitingPrices) -> None:
    person = current_person()
    if not is_allowed(Permission.APPROVE):
        st.caption("A pricing manager other than the author approves or rejects them.")
        return
    is_author = person is not None and person.login == one.author
    with st.container(horizontal=True, vertical_alignment="bottom"):
        comment = st.text_input("Comment", key=f"prices_comment_{one.change_id}")
        if st.button(
            "Approve base prices",
            type="primary",
            key=f"prices_approve_{one.change_id}",
            disabled=is_author,
            help="Four-eyes principle: you cannot approve your own change." if is_author else None,
        ):
            _act(
                lambda who: approve_prices(
                    settings, who, one.change_id, one.payload_sha256, comment, now_ms=now_ms()
                )
            )
        if st.button(
            "Reject base prices", key=f"prices_reject_{one.change_id}", disabled=is_author
        ):
            _act(
                lambda who: reject_prices(
                    settings, who, one.change_id, one.payload_sha256, comment, now_ms=now_ms()
                )
            )


def _act(decide: Callable[[str], object]) -> None:
    with friendly_errors():
        decide(current_login(Permission.APPROVE))
        st.rerun()
