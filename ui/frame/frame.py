"""The frame: name, menu and demo note, and what makes sure that no page is shown without them."""

from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.navigation.page import Page

from ui.accounts.account_bar import account_bar
from ui.frame.demo import demo_note
from ui.frame.handles import keep_watch

_HERE: Final = Path(__file__).parent
_FRAMED: Final = "framed"


def draw_frame() -> Page:
    """Draw everything around a page; returns the page that was chosen."""
    st.session_state[_FRAMED] = True
    st.set_page_config(page_title="PHANTOM", page_icon=str(_HERE / "mark.svg"), layout="wide")
    st.logo(str(_HERE / "logo.svg"), size="large")
    st.html(_HERE / "style.css")
    page = st.navigation(_pages(), position="top")
    account_bar()
    keep_watch()
    demo_note()
    return page


def require_frame() -> None:
    """Hand over to main.py where a page was started without it.

    Streamlit serves a folder called pages/ by itself until an app has called st.navigation once:
    whoever opens a shared link before anyone opened the app would see the bare page.
    """
    if _FRAMED not in st.session_state:
        st.navigation(_pages(), position="hidden")
        st.rerun()


def _pages() -> dict[str, list[Page]]:
    return {
        "": [
            st.Page(
                "pages/overview.py", title="Overview", icon=":material/dashboard:", default=True
            )
        ],
        "Events": [
            st.Page("pages/data.py", title="Data", icon=":material/database:"),
            st.Page("pages/sessions.py", title="Sessions", icon=":material/timeline:"),
            st.Page("pages/features.py", title="Features", icon=":material/equalizer:"),
        ],
        "Models": [
            st.Page("pages/classifier.py", title="Agent classifier", icon=":material/target:"),
            st.Page("pages/demand.py", title="Demand and price", icon=":material/sell:"),
            st.Page("pages/explain.py", title="Explain", icon=":material/psychology:"),
        ],
        "Pricing": [
            st.Page("pages/rules.py", title="Rules", icon=":material/rule:"),
            st.Page("pages/leakage.py", title="Margin leakage", icon=":material/water_drop:"),
            st.Page("pages/simulator.py", title="Simulator", icon=":material/candlestick_chart:"),
        ],
        "Production": [
            st.Page("pages/approvals.py", title="Approvals", icon=":material/fact_check:"),
            st.Page("pages/live.py", title="Live", icon=":material/podium:"),
            st.Page("pages/monitoring.py", title="Monitoring", icon=":material/monitor_heart:"),
            st.Page("pages/experiments.py", title="Experiments", icon=":material/science:"),
        ],
        "Control": [
            st.Page("pages/audit.py", title="Audit", icon=":material/history_edu:"),
            st.Page("pages/jobs.py", title="Jobs", icon=":material/work_history:"),
            st.Page("pages/people.py", title="People", icon=":material/group:"),
        ],
    }
