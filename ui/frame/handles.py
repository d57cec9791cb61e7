"""Handles: objects that pages share between reruns and readers, cached until the data changes."""

import os
import time
from functools import lru_cache
from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.views.workspace.snapshot import Snapshot, Stamp, open_snapshot, read_stamp

STARTED_MS: Final = time.time_ns() // 1_000_000


def current_settings() -> Settings:
    """The installation's settings."""
    return _settings(
        tuple(
            (name, value)
            for name, value in os.environ.items()
            if name.upper().startswith("PHANTOM_")
        )
    )


def workspace_lake() -> Lake:
    """The workspace's lake."""
    return open_lake(current_settings())


def open_jobs() -> Jobs:
    """The workspace's jobs."""
    return _jobs(current_settings())


def current_snapshot() -> Snapshot:
    """The current workspace: read again after a load, new labels or a new model."""
    return _snapshot(current_settings(), read_stamp(current_settings()))


def now_ms() -> int:
    """The clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=4)
def _settings(variables: tuple[tuple[str, str], ...]) -> Settings:
    # Reading 140 variables takes milliseconds, and a page asks for them thirty times.
    return Settings()


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
