"""Server life: what runs beside the pages from the start of the server to its end."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import streamlit as st

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.watch_server import watch_server
from ui.accounts.open_browser import open_browser
from ui.frame.handles import now_ms

_RESTART_S: Final = 5.0


@asynccontextmanager
async def server_life(app: st.App) -> AsyncIterator[None]:
    """Watch the live prices, and open the browser, while the server runs."""
    with watching(Settings()):
        async with open_browser(app):
            yield


@contextmanager
def watching(settings: Settings) -> Iterator[threading.Thread | None]:
    """A thread that does due work and detects divergence; None where the settings leave it out."""
    if not settings.monitoring.watch_every_s:
        yield None
        return
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(settings, stop), daemon=True, name="watcher")
    thread.start()
    try:
        yield thread
    finally:
        stop.set()


def _watch(settings: Settings, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with acting_as(Internal.WATCHER):
                watch_server(settings, now_ms, stop, settings.monitoring.watch_every_s)
        except BaseException:
            stop.wait(_RESTART_S)
