"""PHANTOM: the server of the pages, and the routes beside them."""

import streamlit as st
from starlette.middleware import Middleware

from ui.accounts.open_browser import open_browser
from ui.accounts.sign_in_routes import sign_in_routes
from ui.frame.headers import SafeHeaders
from ui.frame.script_errors import show_script_error

app = st.App(
    "main.py",
    routes=sign_in_routes(),
    lifespan=open_browser,
    middleware=[Middleware(SafeHeaders)],
    on_script_error=show_script_error,
)
