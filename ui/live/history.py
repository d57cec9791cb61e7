"""Release history, newest first."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.approvals import releases
from phantom_core.approvals.releases import Kind
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from ui.frame.tables import csv_button

_TITLES: Final[dict[Kind, str]] = {
    "publish": "published",
    "share": "rollout changed",
    "roll back": "rolled back",
    "kill": "kill switch on",
    "revive": "kill switch lifted",
    "expire": "expired",
}


def release_title(kind: Kind) -> str:
    """What a release did, in words."""
    return _TITLES[kind]


def draw_history(settings: Settings) -> None:
    """The table of releases."""
    with control_database(settings).connect() as connection:
        found = releases.release_history(connection, newest=500)
    if not found:
        return
    st.header("Release history")
    table = pd.DataFrame(
        {
            "epoch": [one.epoch for one in found],
            "what": [one.kind for one in found],
            "version": [one.version or "base prices" for one in found],
            "share": [one.share for one in found],
            "state": [one.state for one in found],
            "killed": [one.is_killed for one in found],
            "who": [one.who for one in found],
            "why": [one.why for one in found],
            "when": pd.to_datetime([one.at_ms for one in found], unit="ms", utc=True),
        }
    )
    st.dataframe(
        table.assign(what=[release_title(one.kind) for one in found]),
        hide_index=True,
        height="content" if len(found) < 10 else 360,
        column_config={
            "epoch": st.column_config.NumberColumn("Version no.", width=85),
            "what": "Action",
            "version": "Release",
            "state": "State",
            "who": "By",
            "why": "Reason",
            "share": st.column_config.NumberColumn("Rollout", format="percent", width=70),
            "killed": st.column_config.CheckboxColumn("Kill switch", width=85),
            "when": st.column_config.DatetimeColumn(
                "When, UTC", format="YYYY-MM-DD HH:mm:ss", width=160
            ),
        },
    )
    csv_button("Download releases as CSV", table, "releases.csv", key="releases_csv")
