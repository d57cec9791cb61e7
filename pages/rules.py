"""Rules: learn mark-ups from recorded prices, write, check, replay and compare them."""

from typing import Final

import streamlit as st

from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.linked import begin_linked_page, end_linked_page
from ui.frame.page_spec import PageSpec
from ui.rules.check import check_tab
from ui.rules.compare import compare_tab
from ui.rules.draft import open_draft, restore_drafts, rule_set_choices, store_drafts
from ui.rules.learn import learn_tab
from ui.rules.replay import replay_tab
from ui.rules.write import draws_editor, opened_rule_set, write_tab

PAGE = PageSpec(title="Rules", icon=":material/rule:", section="Pricing", order=80)

WRITE: Final = "Write"
TABS: Final = ["Learn", WRITE, "Check", "Replay", "Compare"]


require_frame()
begin_linked_page()
with friendly_errors():
    st.title(PAGE.title)
    st.caption("Mark-ups on the base price as an ordered list of rules. First match wins.")
    restore_drafts(current_settings())
    open_draft(current_settings(), opened_rule_set(rule_set_choices(current_settings())))
    learn, write, check, replay, compare = st.tabs(
        TABS, default=WRITE, key="rules_tab", bind="query-params"
    )
    if draws_editor(is_open=bool(write.open)):
        with write, friendly_errors():
            write_tab(current_settings())
    if check.open:
        with check, friendly_errors():
            check_tab(current_settings())
    for tab, draw in ((learn, learn_tab), (replay, replay_tab), (compare, compare_tab)):
        if not tab.open:
            continue
        with tab, friendly_errors():
            if current_snapshot().n_sessions:
                draw(current_settings())
            else:
                nothing_loaded()
with friendly_errors():
    store_drafts(current_settings())
end_linked_page()
