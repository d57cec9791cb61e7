"""The frame of every page: logo, menu, account bar and demo note."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime.scriptrunner import get_script_run_ctx

from phantom_core.accounts.account_actors import GUEST, Account
from phantom_core.accounts.actors import acting_as
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import PhantomError
from ui.accounts.account import as_reader, is_allowed, note_reader, reader_check
from ui.accounts.account_bar import account_bar, require_reader
from ui.frame.demo import demo_note
from ui.frame.errors import friendly_errors
from ui.frame.handles import current_settings
from ui.frame.page_spec import all_pages, find_page
from ui.frame.theme import theme_name
from ui.frame.upload_permits import PERMITS
from ui.overview.waiting import waiting_now

_HERE: Final = Path(__file__).parent
_FRAMED: Final = "framed"
# White on the primary colour of the dark theme has a contrast of 2.6 : 1, this one of 7.5.
_DARK_BUTTONS: Final = (
    "[data-testid='stBaseButton-primary'], [data-testid='stBaseButton-primaryFormSubmit'], "
    "[data-testid='stBaseButton-primary'] *, [data-testid='stBaseButton-primaryFormSubmit'] *, "
    "[data-baseweb='tag'], [data-baseweb='tag'] * { color: #0b1413; }"
)


def run_page() -> None:
    """Draw the frame and the chosen page in it, in the name of the reader."""
    _withdraw_uploads()
    page = _draw_head()
    found = require_reader()
    note_reader()
    with acting_as(Account(found.login) if found else GUEST, current_settings()):
        _permit_uploads()
        place = account_bar(found)
        with friendly_errors():  # the first that reads the lake
            demo_note(place)
        page.run()


def _permit_uploads() -> None:
    """Let the browser upload files only while the reader may load data."""
    context = get_script_run_ctx()
    if context is not None and is_allowed(Permission.WORK):
        quota_mb = current_settings().loading.upload_quota_mb
        PERMITS.give(context.session_id, quota_mb, reader_check(Permission.WORK))


def _withdraw_uploads() -> None:
    context = get_script_run_ctx()
    if context is not None:
        PERMITS.withdraw(context.session_id)


def _draw_head() -> Page:
    """Draw logo and menu; returns the chosen page."""
    st.session_state[_FRAMED] = True
    icon = str(_HERE / "mark.svg")
    st.set_page_config(page_title="PHANTOM", page_icon=icon, layout="wide")
    st.logo(str(_HERE / "logo.svg"), size="large")
    st.html(_HERE / "style.css")
    page = st.navigation(_pages(_badges()), position="top")
    spec = find_page(page.url_path or all_pages()[0].name).spec
    st.set_page_config(page_title=f"{spec.title} · PHANTOM", page_icon=icon, layout="wide")
    _mark_section(spec.section)
    if theme_name() == "dark":
        st.html(f"<style>{_DARK_BUTTONS}</style>")
    return page


def _badges() -> Mapping[str, int]:
    """What waits for the reader, by page; nothing before the sign-in."""
    try:
        with as_reader() as found:
            return waiting_now(current_settings()).by_page if found else {}
    except PhantomError:  # which the page says, not the menu
        return {}


def _mark_section(section: str) -> None:
    """Underline the entry of the menu that holds the current page."""
    sections = list(dict.fromkeys(page.spec.section for page in all_pages()))
    if section in sections:
        number = sections.index(section) + 1
        st.html(
            "<style>[data-testid='stToolbar'] .rc-overflow > "
            f".rc-overflow-item:nth-child({number}) {{ box-shadow: inset 0 -2px 0 "
            "var(--st-primary-color, #0f766e); }</style>"
        )


def require_frame() -> None:
    """Hand over to main.py where a page was started without it.

    Streamlit serves a folder called pages/ by itself until an app has called st.navigation once,
    so a shared link that is opened first would show the page without its frame.
    """
    if _FRAMED not in st.session_state:
        st.navigation(_pages({}), position="hidden")
        st.rerun()


def _pages(badges: Mapping[str, int]) -> dict[str, list[Page]]:
    """Pages by section, as the menu shows them; the first one is the start page.

    Args:
        badges: number behind the title, by page.
    """
    found: dict[str, list[Page]] = {}
    for n, page in enumerate(all_pages()):
        spec = page.spec
        waits = badges.get(page.name, 0)
        title = f"{spec.title} ({waits})" if waits else spec.title
        shown = st.Page(page.file, title=title, icon=spec.icon, default=n == 0)
        found.setdefault(spec.section, []).append(shown)
    return found
