"""PHANTOM: the server of the pages, and the routes beside them."""

import streamlit as st
from starlette.middleware import Middleware

from ui.accounts.sign_in_routes import sign_in_routes
from ui.frame.headers import SafeHeaders
from ui.frame.hosts import OwnHosts
from ui.frame.script_errors import show_script_error
from ui.frame.server_life import server_life

app = st.App(
    "main.py",
    routes=sign_in_routes(),
    lifespan=server_life,
    middleware=[Middleware(SafeHeaders), Middleware(OwnHosts)],
    on_script_error=show_script_error,
)
