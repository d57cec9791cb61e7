"""Handles: objects that pages share between reruns and readers, cached until the data changes."""

import threading
import time

import streamlit as st

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.use_cases.approvals.watch_server import watch_server
from phantom_core.views.workspace.snapshot import Snapshot, Stamp, open_snapshot, read_stamp


def current_settings() -> Settings:
    """The installation's settings."""
    return Settings()


def workspace_lake() -> Lake:
    """The workspace's lake."""
    return open_lake(current_settings())


def open_jobs() -> Jobs:
    """The workspace's jobs."""
    return _jobs(current_settings())


def current_snapshot() -> Snapshot:
    """The current workspace: read again after a load, new labels or a new model."""
    return _snapshot(current_settings(), read_stamp(current_settings()))


def start_watcher() -> None:
    """Start the thread that does due work and detects divergence, once per server."""
    chosen = current_settings()
    if chosen.monitoring.watch_every_s:
        _watcher(chosen)


def now_ms() -> int:
    """The clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@st.cache_resource(
    show_spinner=False, max_entries=4, hash_funcs={Settings: Settings.model_dump_json}
)
def _jobs(chosen: Settings) -> Jobs:
    return Jobs(chosen)


@st.cache_resource(
    show_spinner="Reading the workspace …",
    max_entries=1,
    hash_funcs={Settings: Settings.model_dump_json},
)
def _snapshot(chosen: Settings, stamp: Stamp) -> Snapshot:
    return open_snapshot(chosen, stamp)


def _watch(chosen: Settings) -> None:
    with acting_as(Internal.WATCHER):
        watch_server(chosen, now_ms, threading.Event(), chosen.monitoring.watch_every_s)


@st.cache_resource(
    show_spinner=False, max_entries=4, hash_funcs={Settings: Settings.model_dump_json}
)
def _watcher(chosen: Settings) -> threading.Thread:
    thread = threading.Thread(
        target=_watch,
        args=(chosen,),
        daemon=True,
        name="watcher",
    )
    thread.start()
    return thread
