"""Theme: light or dark, as the reader's system has it."""

from typing import Final, Literal

import streamlit as st

Theme = Literal["light", "dark"]
# Text of axes, with a contrast of at least 4.5 : 1 on either background.
AXIS_COLOURS: Final[dict[Theme, str]] = {"light": "#565f66", "dark": "#a8b1b7"}


def theme_name() -> Theme:
    """The theme of this browser; light where it has not said."""
    return "dark" if st.context.theme.type == "dark" else "light"
