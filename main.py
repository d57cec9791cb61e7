"""PHANTOM: what runs for every page, its frame; app.py serves it."""

from ui.frame.frame import run_page

run_page()
