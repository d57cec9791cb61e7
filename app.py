"""PHANTOM: the frame around every page."""

from ui.frame import draw_frame

draw_frame().run()
