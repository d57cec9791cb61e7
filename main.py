"""PHANTOM: what runs for every page, its frame; app.py serves it."""

from ui.frame.frame import draw_frame

draw_frame().run()
