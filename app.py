"""PHANTOM: the frame around every page."""

from ui.frame.frame import draw_frame

draw_frame().run()
