"""Open browser: Streamlit does so for a script, but not for an app with routes of its own."""

import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st


@asynccontextmanager
async def open_browser(_: st.App) -> AsyncIterator[None]:
    """Show the app when its server starts, unless it runs headless; its socket is listening."""
    if not st.get_option("server.headless"):
        base = str(st.get_option("server.baseUrlPath")).strip("/")
        scheme = "https" if st.get_option("server.sslCertFile") else "http"
        webbrowser.open(f"{scheme}://localhost:{st.get_option('server.port')}/{base}")
    yield
