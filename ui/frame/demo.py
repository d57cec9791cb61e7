"""Demo: the simulated shoppers that a new workspace starts with, labelled as demo data."""

import threading
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.demo import demo_contents, has_demo, remove_demo, wants_demo
from phantom_core.use_cases.data.job_demo import DemoRequest
from phantom_core.use_cases.overview.job_prepare_demo import PrepareDemoRequest
from ui.accounts.account import is_allowed, start_job
from ui.frame.errors import friendly_errors
from ui.frame.handles import current_settings, current_snapshot, open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.wording import format_number_of

_ASKED: Final = "remove_demo_asked"
_ONE_AT_A_TIME: Final = threading.Lock()


def demo_note(place: DeltaGenerator) -> None:
    """Start the demo data of a new workspace, show its progress, then label it as demo data.

    Args:
        place: of the label.
    """
    chosen = current_settings()
    _start_once(chosen)
    newest = open_jobs().latest(DemoRequest.kind)
    if newest and newest[0].is_active:
        watch_job(DemoRequest.kind, "Demo data")
        if not current_snapshot().n_sessions:
            st.caption(
                "A new workspace starts with simulated shoppers, so that you can explore PHANTOM. "
                "This takes a few seconds."
            )
            st.stop()
    elif has_demo(chosen.workspace):
        with place:
            _draw_badge(chosen)
        prepared = open_jobs().latest(PrepareDemoRequest.kind)
        if prepared and prepared[0].is_active:
            watch_job(PrepareDemoRequest.kind, "Preparing the demo")
    if newest and newest[0].state == "failed" and not current_snapshot().n_sessions:
        watch_job(DemoRequest.kind, "Demo data")


def load_demo_button(place: str) -> None:
    """A button that loads the demo data; hidden where it is loaded or being loaded."""
    newest = open_jobs().latest(DemoRequest.kind)
    is_whole = has_demo(current_settings().workspace) and not (
        newest and newest[0].state in ("failed", "cancelled")
    )
    busy = bool(newest) and newest[0].is_active
    if (
        not busy
        and not is_whole
        and st.button("Load demo data", icon=":material/science:", key=f"demo_{place}")
    ):
        start_job(DemoRequest())
        st.rerun()


def _start_once(chosen: Settings) -> None:
    """Load a demo set into a new workspace, then prepare what the pages show of it."""
    with _ONE_AT_A_TIME, acting_as(Internal.WORKER):  # of the installation, for every reader
        jobs = open_jobs()
        loaded = jobs.latest(DemoRequest.kind)
        if not loaded and wants_demo(chosen.workspace):
            jobs.start(DemoRequest())
        elif (
            loaded
            and loaded[0].state == "done"
            and loaded[0].who == Internal.WORKER.value
            and not jobs.latest(PrepareDemoRequest.kind)
        ):
            jobs.start(PrepareDemoRequest())


def _draw_badge(chosen: Settings) -> None:
    with (
        st.container(key="demo_note"),
        st.popover("Demo data", icon=":material/science:", type="tertiary"),
    ):
        st.markdown("The sessions are of simulated shoppers, not your own data.")
        if is_allowed(Permission.WORK):
            _removal(chosen)


def _removal(chosen: Settings) -> None:
    """Ask before the demo set is removed, and say what goes with it."""
    if st.button("Remove demo data …", icon=":material/delete:", key="remove_demo"):
        st.session_state[_ASKED] = True
    if not st.session_state.get(_ASKED):
        return
    with friendly_errors():
        found = demo_contents(chosen)
        models = f" and {format_number_of(found.models, 'saved model')}" if found.models else ""
        st.markdown(
            f"This deletes {format_number_of(found.events, 'event')}, "
            f"{format_number_of(found.quotes, 'quote')}{models} from the workspace of everybody "
            "who uses it. Your own data stays, and the demo data can be loaded again on the page "
            "Data."
        )
        if st.button(
            "Remove for everybody", type="primary", icon=":material/delete:", key="remove_demo_sure"
        ):
            st.session_state[_ASKED] = False
            with st.spinner("Removing the demo data …"):
                remove_demo(chosen)
            st.rerun()
