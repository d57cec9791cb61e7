"""PHANTOM: the server of the pages, and the routes beside them."""

import streamlit as st

from ui.accounts.open_browser import open_browser
from ui.accounts.sign_in_routes import sign_in_routes

app = st.App("main.py", routes=sign_in_routes(), lifespan=open_browser)
