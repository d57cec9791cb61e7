"""Compare measurements: the total of the ledger shown beside that of another one."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.leakage.leakage import Leakage
from phantom_core.leakage.ledger import Account
from phantom_core.use_cases.rules.measure_leakage import ledger_store
from phantom_core.views.leakage.leakage import account_of
from phantom_core.views.workspace.saved_runs import SavedRun
from ui.frame.currency import Currency
from ui.frame.errors import friendly_errors
from ui.frame.run_choice import run_title

_NONE: Final = "none"


def compare_measurements(
    settings: Settings,
    shown: SavedRun,
    account: Account,
    found: Leakage,
    runs: Sequence[SavedRun],
    currency: Currency,
) -> None:
    """Choose another stored ledger, and show both totals under the same reference price.

    Args:
        settings: workspace.
        shown: the ledger of the page.
        account: its total under the chosen reference price.
        found: the ledger itself.
        runs: all stored ledgers.
        currency: of amounts.
    """
    others = {one.name: run_title(one) for one in runs if one.name != shown.name}
    if not others:
        return
    other = st.selectbox(
        "Compare with",
        [_NONE, *others],
        format_func=lambda name: others.get(name, name),
        key="ledger_beside",
        bind="query-params",
        width=460,
    )
    if other not in others:
        return
    with friendly_errors():
        beside = ledger_store(settings).open(str(other))
        rows = [
            (run_title(shown), account, found),
            (others[str(other)], account_of(beside, account.reference), beside),
        ]
        st.dataframe(
            pd.DataFrame([_row(*row) for row in rows]),
            hide_index=True,
            placeholder="–",
            column_config={
                "title": st.column_config.TextColumn("Measurement"),
                "leakage": st.column_config.NumberColumn(
                    f"Leakage, {currency.unit}", format="localized"
                ),
                "low": st.column_config.NumberColumn("from", format="localized"),
                "high": st.column_config.NumberColumn("to", format="localized"),
                "share": st.column_config.NumberColumn("Of revenue", format="percent"),
                "revenue": st.column_config.NumberColumn(
                    f"Revenue, {currency.unit}", format="localized"
                ),
            },
        )
        st.caption(
            f"Reference price {account.reference.replace('_', ' ')}. Intervals that overlap do not "
            "show that two measurements are equal; the page Overview tests a period against the "
            "one before."
        )


def _row(title: str, account: Account, found: Leakage) -> dict[str, object]:
    is_known = not account.problem
    return {
        "title": title,
        "leakage": round(account.leakage.value) if is_known else None,
        "low": round(account.leakage.low) if is_known else None,
        "high": round(account.leakage.high) if is_known else None,
        "share": account.share_of_revenue.value if is_known else None,
        "revenue": round(found.revenue.value),
    }
