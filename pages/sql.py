"""SQL: read-only queries over events, quotes, sessions with their scores, and decisions."""

import streamlit as st

from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.page_spec import PageSpec
from ui.workbench.editor import draw_editor
from ui.workbench.result import draw_result
from ui.workbench.schema import draw_schema

PAGE = PageSpec(title="SQL", icon=":material/terminal:", section="Events", order=45)

require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Read-only DuckDB SQL over the tables of this workspace. Nothing can be written, and no "
        "file outside of them can be read."
    )
    if current_snapshot().n_sessions:
        left, right = st.columns([3, 1], gap="medium")
        with right:
            draw_schema(current_settings(), current_snapshot())
        with left:
            draw_editor(current_settings(), current_snapshot())
            draw_result()
    else:
        nothing_loaded()
