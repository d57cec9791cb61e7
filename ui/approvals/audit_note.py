"""The watcher's newest verification of the audit chain, where people decide by it."""

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.use_cases.audit.verify_audit import last_verification
from ui.frame.wording import escape, format_moment


def audit_note(settings: Settings) -> None:
    """Draw a note where the audit chain does not hold, or it cannot be told."""
    seen = last_verification(settings)
    if seen is None or not seen.problems:
        return
    lines = "\n".join(f"- {escape(one)}" for one in seen.problems[:3])
    more = f"\n- and {len(seen.problems) - 3} more" if len(seen.problems) > 3 else ""
    st.error(
        f"**The audit chain cannot be relied on** since {format_moment(seen.since_ms)} UTC; what "
        f"is approved and live may not be what people decided.\n\n{lines}{more}",
        icon=":material/gpp_bad:",
    )
    st.page_link("pages/audit.py", label="Open the audit chain", icon=":material/history_edu:")
