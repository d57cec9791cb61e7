"""Rules: write mark-ups as sentences, check them, try them on the log, see what they change."""

from typing import Final

import streamlit as st

from ui.empty import nothing_loaded
from ui.errors import friendly_errors
from ui.frame import require_frame
from ui.handles import settings, snapshot
from ui.linked import begin, end
from ui.rules_check import check_tab
from ui.rules_compare import compare_tab
from ui.rules_draft import open_draft, rule_set_choices
from ui.rules_replay import replay_tab
from ui.rules_write import opened, write_tab

TABS: Final = ["Write", "Check", "Replay", "Compare"]


require_frame()
begin()
with friendly_errors():
    st.title("Rules")
    st.caption("What to add to the base price, as an ordered list anybody can read; the first rule that holds decides.")
    open_draft(settings(), opened(rule_set_choices(settings())))
    write, check, replay, compare = st.tabs(TABS, key="rules_tab", bind="query-params")
    if write.open:
        with write, friendly_errors():
            write_tab(settings())
    if check.open:
        with check, friendly_errors():
            check_tab(settings())
    for tab, draw in ((replay, replay_tab), (compare, compare_tab)):
        if not tab.open:
            continue
        with tab, friendly_errors():
            if snapshot().n_sessions:
                draw(settings())
            else:
                nothing_loaded()
end()
