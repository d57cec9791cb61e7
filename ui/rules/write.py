"""Write tab: one rule set as text or as a table; save, upload and download it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.errors import InputError, NotAllowedError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import FEATURES
from phantom_core.rules.checks.check import count_findings
from phantom_core.rules.condition import OPERATORS
from phantom_core.rules.forms import FORMS, SUFFIXES, Form, read_form, write_form
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules
from phantom_core.use_cases.rules.rule_sets import rule_set_names, save_rule_set
from phantom_core.views.rules.rule_table import feature_names, rule_table, rules_of_table
from ui.accounts.account import require_allowed
from ui.frame.errors import show_error
from ui.frame.fragments import callback
from ui.frame.linked import set_widgets
from ui.frame.wording import escape, format_moment
from ui.rules.check import draft_findings
from ui.rules.draft import (
    OPENED,
    discard_draft,
    draft_name,
    draft_rules,
    draft_text,
    draft_version,
    drafts_aside,
    editor_key,
    is_unsaved,
    put_draft,
    restored_ms,
    saved_draft,
    table_version,
    write_draft,
)

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.elements.lib.column_types import ColumnConfig
    from streamlit.runtime.uploaded_file_manager import UploadedFile

TEXT: Final = "Text"
TABLE: Final = "Table"
NEXT: Final = "next_rules_opened"
_WAS_OPEN: Final = "rules_editor_drawn"
_MIME: Final[dict[Form, str]] = {
    "text": "text/plain",
    "json": "application/json",
    "jdm": "application/json",
}
_LABELS: Final[dict[Form, str]] = {"text": "Text", "json": "JSON", "jdm": "GoRules JDM"}
_LANGUAGE: Final = """\
```
IF interaction_velocity > 10 THEN markup 1.30 AS recon (why)
ELIF p_agent > 0.4 OR UNDEFINED AND cart_adds < 1 THEN markup 1.10
ELIF std_price_seen IS UNDEFINED THEN markup 1.05
ELSE markup 1.00
```
- First match wins; the last line is ELSE. A mark-up is price / base price.
- `>  >=  <  <=  =  !=` with a number (yes/no is 1/0); `=  !=` with a category in single quotes.
- A comparison with an undefined feature is false, unless `OR UNDEFINED` follows it.
- Constraint: mark-up must be monotone in p_agent, with `MARKUP RISES WITH p_agent` above the rules.
"""


def draws_editor(*, is_open: bool) -> bool:
    """Whether to draw the editor: also in the run that leaves its tab, which brings its last text.

    Args:
        is_open: whether its tab is shown.
    """
    was_open = st.session_state.get(_WAS_OPEN, False)
    st.session_state[_WAS_OPEN] = is_open
    return is_open or bool(was_open)


def unsaved_note() -> None:
    """Say what was restored, and list other rule sets with unsaved changes."""
    before_ms = restored_ms()
    if before_ms is not None and is_unsaved():
        st.caption(
            f":material/history: Restored your unsaved changes of {format_moment(before_ms)} UTC."
        )
    others = drafts_aside()
    if others:
        st.caption(
            ":material/edit_note: Unsaved changes in other rule sets: "
            f"{escape(', '.join(others))}. Open them above to continue."
        )


def write_tab(settings: Settings) -> None:
    """Edit the draft."""
    unsaved_note()
    if not _tools(settings):
        _table_editor()
        _beside(settings, as_text=False)
        return
    with st.grid(2, gap="medium", min_column_width=420) as grid:
        with grid.cell():
            _text_editor()
        with grid.cell():
            _beside(settings, as_text=True)


def _tools(settings: Settings) -> bool:
    """Draw format, name, save and upload; returns whether the draft is edited as text."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        form = st.segmented_control(
            "Edit as",
            [TEXT, TABLE],
            default=TEXT,
            required=True,
            key="rules_form",
            bind="query-params",
        )
        name = st.text_input(
            "Save as", draft_name(), key=f"rules_name_{draft_version()}", width=220
        )
        if st.button("Save rule set", type="primary", icon=":material/save:", key="rules_save"):
            _save(settings, name.strip())
        if is_unsaved():
            st.button(
                "Discard changes",
                icon=":material/undo:",
                on_click=callback(discard_draft),
                key="rules_discard",
                help="Restores the saved rule set.",
            )
        with st.popover("Upload rules", icon=":material/upload_file:"):
            _upload()
        if draft_name() in rule_set_names(settings) and not is_unsaved():
            query = {"propose": draft_name()}
            st.page_link(
                "pages/approvals.py",
                label="Propose for approval",
                icon=":material/fact_check:",
                query_params=query,
            )
    return form != TABLE


def _text_editor() -> None:
    height_px = max(220, 60 + 26 * draft_text().count("\n"))
    text = st.text_area("Rules", draft_text(), height=height_px, key=editor_key())
    write_draft(text)
    try:
        draft_rules()
    except InputError as error:
        show_error(error.message, error.hint)


def _table_editor() -> None:
    try:
        base = _base()
    except InputError as error:
        show_error(error.message, "Fix the text first; then it can be shown as a table.")
        return
    edited = st.data_editor(
        rule_table(base),
        hide_index=True,
        num_rows="dynamic",
        height="content",
        key=f"rules_table_{table_version()}",
        column_config=_columns(),
        placeholder="",
    )
    st.caption(
        "Each row is a condition; a rule applies when all of its conditions hold. The row without "
        "a feature is the ELSE."
    )
    _take(edited, base)


def _base() -> RuleSet:
    """Initial value of the table, which must not change while cells are edited."""
    key = f"rules_table_base_{table_version()}"
    is_new = f"rules_table_{table_version()}" not in st.session_state  # its edits are in the draft
    if key not in st.session_state or is_new:
        st.session_state[key] = draft_rules()
    base = st.session_state[key]
    assert isinstance(base, RuleSet)
    return base


def _take(edited: pd.DataFrame, base: RuleSet) -> None:
    try:
        write_draft(format_rules(rules_of_table(edited, base)), by_table=True)
    except InputError as error:
        show_error(error.message, error.hint)


def _columns() -> dict[str, ColumnConfig]:
    units = ", ".join(
        f"{feature.name} in {feature.unit}"
        for feature in FEATURES
        if feature.unit in ("s", "events/min", "currency")
    )
    return {
        "rule": st.column_config.NumberColumn(
            "Rule", min_value=1, step=1, width=60, help="Rules are evaluated in this order."
        ),
        "feature": st.column_config.SelectboxColumn(
            "Feature", options=list(feature_names()), width=190, help=f"Units: {units}."
        ),
        "operator": st.column_config.SelectboxColumn("Is", options=list(OPERATORS), width=115),
        "threshold": st.column_config.TextColumn(
            "Threshold", width=105, help="A number, or a category such as Chrome."
        ),
        "when_undefined": st.column_config.CheckboxColumn(
            "Or undefined", width=125, help="Also true where the feature is undefined."
        ),
        "markup": st.column_config.NumberColumn(
            "Mark-up", min_value=0.01, max_value=10.0, format="×%.2f", width=85
        ),
        "name": st.column_config.TextColumn("Name", width=100),
        "note": st.column_config.TextColumn("Note", width=160),
    }


def _beside(settings: Settings, *, as_text: bool) -> None:
    """Draw the other view of the draft, the issues found, and downloads."""
    try:
        rules = draft_rules()
    except InputError:
        st.markdown(_LANGUAGE)
        return
    found = count_findings(draft_findings(settings, rules, read_price_limits(settings).guard_rails))
    issues = " · ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in found.items() if n)
    icon = (
        ":material/error:"
        if found["error"]
        else ":material/check_circle:"
        if not issues
        else ":material/info:"
    )
    st.markdown(
        f"{icon} **{issues or 'No issues found'}** · features: "
        f"{escape(', '.join(rules.features)) or 'none'}"
    )
    if not as_text:
        st.code(format_rules(rules), language=None, wrap_lines=True)
    with st.container(horizontal=True):
        for form in FORMS:
            st.download_button(
                _LABELS[form],
                write_form(rules, form).encode(),
                f"{rules.name}.{SUFFIXES[form]}",
                _MIME[form],
                icon=":material/download:",
                on_click="ignore",
                key=f"rules_download_{form}",
            )
    with st.expander(
        "Rule syntax", icon=":material/school:", expanded=as_text, key="rules_language"
    ):
        st.markdown(_LANGUAGE)


def _save(settings: Settings, name: str) -> None:
    try:
        require_allowed(Permission.WORK)
        rules = read_form(draft_text(), name)
        save_rule_set(settings, rules)
    except (InputError, NotAllowedError) as error:
        show_error(error.message, error.hint)
        return
    saved_draft(name, format_rules(rules))
    st.session_state[NEXT] = name
    st.toast(f"Saved {escape(name)} in the workspace.", icon=":material/check:")
    st.rerun()


def _upload() -> None:
    upload: UploadedFile | None = st.file_uploader(
        "Rules as text, JSON or JDM", type=["txt", "rules", "json"], key="rules_file"
    )
    if not upload or st.session_state.get("rules_file_seen") == upload.file_id:
        return
    name = upload.name.replace("\\", "/").rpartition("/")[2].split(".")[0]
    try:
        rules = read_form(upload.getvalue().decode("utf-8-sig", "replace"), name)
    except InputError as error:
        show_error(error.message, error.hint)
        return
    st.session_state["rules_file_seen"] = upload.file_id
    put_draft(name, format_rules(rules))
    st.rerun()


def opened_rule_set(choices: list[str]) -> str:
    """Name of the open rule set, stored in the URL."""
    if NEXT in st.session_state:
        set_widgets({OPENED: st.session_state.pop(NEXT)})
    return str(
        st.selectbox(
            "Rule set",
            choices,
            key=OPENED,
            bind="query-params",
            width=320,
            help="Unsaved changes stay with their rule set until you save or discard them, also "
            "when you close the page.",
        )
    )
