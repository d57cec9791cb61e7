"""A request about personal data: export it, or erase it."""

import json
from typing import Final, cast

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.use_cases.privacy.erase import (
    KEPT,
    KEPT_OF_ACCOUNT,
    ErasureReport,
    erase_personal_data,
    is_erasure_pending,
    resume_erasure,
)
from phantom_core.use_cases.privacy.export import export_personal_data
from phantom_core.use_cases.privacy.personal_data import PersonKind
from ui.accounts.account import current_login
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.wording import code_span, escape, format_count, format_number_of

_KINDS: Final = {
    "session": "Session id",
    "subject": "Name of the experiment subject",
    "account": "Login",
}


def draw_request(settings: Settings) -> None:
    """Choose a session, subject or account, and export or erase it."""
    if is_erasure_pending(settings):
        _draw_pending(settings)
        return
    kind = cast(
        PersonKind,
        st.segmented_control(
            "About", list(_KINDS), default="session", key="privacy_kind", required=True
        ),
    )
    name = st.text_input(_KINDS[kind], key="privacy_name").strip()
    with st.container(horizontal=True):
        if st.button(
            "Collect for export",
            icon=":material/download:",
            disabled=not name,
            key="privacy_export",
        ):
            _export(settings, kind, name)
        with st.popover("Erase", icon=":material/delete_forever:", disabled=not name):
            st.markdown("\n".join(f"- {one}" for one in _kept(kind)))
            if st.button(
                f"Erase this {kind} for good",
                type="primary",
                disabled=not name,
                key="privacy_erase",
            ):
                _erase(settings, kind, name)


def _kept(kind: PersonKind) -> tuple[str, ...]:
    return KEPT_OF_ACCOUNT if kind == "account" else KEPT


def _draw_pending(settings: Settings) -> None:
    st.warning(
        "An erasure runs, or was interrupted. Until it is finished, no other one and no job can "
        "be started.",
        icon=":material/pending:",
    )
    if st.button("Finish the erasure", type="primary", key="privacy_resume"):
        with friendly_errors(), st.spinner("Erasing …"):
            who = current_login(Permission.PRIVACY)
            _draw_report(resume_erasure(settings, who, now_ms=now_ms()))


def _export(settings: Settings, kind: PersonKind, name: str) -> None:
    with friendly_errors(), st.spinner("Collecting …"):
        who = current_login(Permission.PRIVACY)
        found = export_personal_data(settings, who, kind, name, now_ms=now_ms()).to_json()
        st.download_button(
            "Download as JSON",
            json.dumps(found, default=str, indent=2).encode(),
            "personal-data.json",
            "application/json",
            icon=":material/download:",
            key="privacy_download",
        )


def _erase(settings: Settings, kind: PersonKind, name: str) -> None:
    with friendly_errors(), st.spinner("Erasing …"):
        who = current_login(Permission.PRIVACY)
        report = erase_personal_data(settings, who, kind, name, now_ms=now_ms())
        # Pages of this process may have cached rows of it.
        st.cache_data.clear()
        _draw_report(report)


def _draw_report(report: ErasureReport) -> None:
    rows = sum(report.rows.values())
    st.success(
        f"Erased: {format_number_of(report.sessions, 'session')}, "
        f"{format_number_of(rows, 'row')}, {format_number_of(len(report.files), 'file')} and "
        f"{format_number_of(report.keys, 'key')} of the pricing server. The audit chain names it "
        f"{code_span(report.digest[:16])}.",
        icon=":material/check_circle:",
    )
    if report.remains:
        lines = "\n".join(f"- {escape(one)}" for one in report.remains)
        st.error(f"**{format_count(len(report.remains))} places still hold it.**\n\n{lines}")
