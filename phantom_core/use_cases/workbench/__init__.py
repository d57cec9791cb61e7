"""Workbench: queries that are saved by name."""
