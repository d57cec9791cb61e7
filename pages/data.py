"""Data: load files, map their columns, and see the outcome of every row."""

import streamlit as st

from ui.data.catalogue_tab import catalogue_tab
from ui.data.load_form import load_form
from ui.data.load_outcome import load_outcome
from ui.data.loads_tab import loads_tab
from ui.data.map_tab import map_tab
from ui.data.quarantine_tab import quarantine_tab
from ui.frame.demo import load_demo_button
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.job_watch import watch_job
from ui.frame.page_spec import PageSpec
from ui.frame.wording import escape

PAGE = PageSpec(title="Data", icon=":material/database:", section="Events", order=20)


require_frame()
if "load_next" in st.session_state:
    mapping, path = st.session_state.pop("load_next")
    st.session_state["load_mapping"], st.session_state["data_tab"] = mapping, "Load"
    st.session_state[f"load_path_{st.session_state.get('load_turn', 0)}"] = path
    st.toast(f"{escape(mapping)} is ready for loading.", icon=":material/check:")
st.title(PAGE.title)
load, columns, catalogue, quarantine, loads = st.tabs(
    ["Load", "Map columns", "Catalogue", "Quarantine", "Loads"], key="data_tab", bind="query-params"
)
with load, friendly_errors():
    load_form(current_settings())
    job = watch_job("ingest", "Loading")
    if job and job.state == "done":
        load_outcome(job)
    load_demo_button("data")
with columns, friendly_errors():
    map_tab(current_settings())
if catalogue.open:
    with catalogue, friendly_errors():
        catalogue_tab(current_settings())
if quarantine.open:
    with quarantine, friendly_errors():
        quarantine_tab()
if loads.open:
    with loads, friendly_errors():
        loads_tab()
