"""Handles: what pages share between reruns and between readers, kept until the data changes."""

import threading
import time

import streamlit as st

from phantom_core.control.jobs import Jobs
from phantom_core.lake.lake import Lake
from phantom_core.settings import Settings
from phantom_core.views.snapshot import Snapshot, Stamp, open_snapshot, read_stamp
from phantom_core.workflows.watch_server import watch


def settings() -> Settings:
    """The installation's settings."""
    return Settings()


def lake() -> Lake:
    """The workspace's lake."""
    return Lake(settings().workspace / "lake")


def jobs() -> Jobs:
    """The workspace's jobs."""
    return _jobs(settings())


def snapshot() -> Snapshot:
    """The workspace as it stands now: read again once another load, label or model came in, whoever brought it."""
    return _snapshot(settings(), read_stamp(settings()))


def keep_watch() -> None:
    """Have this server do what is due and notice divergence, once for all who look."""
    chosen = settings()
    if chosen.watch_every_s:
        _watcher(chosen)


def now_ms() -> int:
    """The clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={Settings: Settings.model_dump_json})
def _jobs(chosen: Settings) -> Jobs:
    return Jobs(chosen)


@st.cache_resource(show_spinner="Reading the workspace …", max_entries=1, hash_funcs={Settings: Settings.model_dump_json})
def _snapshot(chosen: Settings, stamp: Stamp) -> Snapshot:
    return open_snapshot(chosen, stamp)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={Settings: Settings.model_dump_json})
def _watcher(chosen: Settings) -> threading.Thread:
    thread = threading.Thread(target=watch, args=(chosen, now_ms, threading.Event(), chosen.watch_every_s), daemon=True, name="watcher")
    thread.start()
    return thread
