"""Overview: revenue and leakage, what waits for you, what is live, and recommended next steps."""

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Role
from phantom_core.core.settings import Settings
from phantom_core.views.overview.overview import overview_view
from ui.accounts.account import current_person
from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.page_spec import PageSpec
from ui.overview.data import draw_data, draw_next_steps
from ui.overview.money import draw_money
from ui.overview.waiting import draw_live, draw_waiting

PAGE = PageSpec(title="Overview", icon=":material/dashboard:", section="", order=10)

Section = Callable[[Settings], None]


def data_section(settings: Settings) -> None:
    """Data, classifier and next steps."""
    view = overview_view(current_snapshot(), settings)
    draw_next_steps(view)
    draw_data(view)


_DECIDING: Final[tuple[Section, ...]] = (draw_waiting, draw_live, draw_money, data_section)
_EXPLORING: Final[tuple[Section, ...]] = (draw_money, draw_waiting, draw_live, data_section)
# Who decides sees first what waits; who explores, the figures.
SECTIONS: Final[Mapping[str, tuple[Section, ...]]] = {
    Role.MANAGER: _DECIDING,
    Role.ADMINISTRATOR: _DECIDING,
}

require_frame()
with friendly_errors():
    st.title(PAGE.title)
    if not current_snapshot().n_sessions:
        nothing_loaded()
        st.stop()
    found = current_person()
    for draw in SECTIONS.get(found.role if found else "", _EXPLORING):
        with friendly_errors():
            draw(current_settings())
