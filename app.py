"""PHANTOM: the frame around every page."""

from pathlib import Path

import streamlit as st

from ui.demo import demo_note
from ui.frame import chosen_page

UI = Path(__file__).parent / "ui"

st.set_page_config(page_title="PHANTOM", page_icon=str(UI / "mark.svg"), layout="wide")
st.logo(str(UI / "logo.svg"), size="large")
st.html(UI / "style.css")
page = chosen_page()
demo_note()
page.run()
