"""How long each kind of data is kept."""

import pandas as pd
import streamlit as st

from phantom_core.core.settings import RetentionSettings, Settings, variable_name


def draw_retention(settings: Settings) -> None:
    """Draw the table of retention periods."""
    st.header("Retention")
    fields = [name for name in RetentionSettings.model_fields if name.endswith("_days")]
    days = [int(getattr(settings.retention, name)) for name in fields]
    st.dataframe(
        pd.DataFrame(
            {
                "data": [name.removesuffix("_days").replace("_", " ") for name in fields],
                "kept": [f"{one:,} days" if one else "until it is erased" for one in days],
                "setting": [variable_name(RetentionSettings, name) for name in fields],
            }
        ),
        hide_index=True,
        height="content",
        column_config={"data": "Data", "kept": "Kept", "setting": "Setting"},
    )
    st.caption(
        f"The schedule (`python -m phantom_core schedule`) deletes what is older every day at "
        f"{settings.retention.at} UTC, from earlier versions of the tables too."
    )
