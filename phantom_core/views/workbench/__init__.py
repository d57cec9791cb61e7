"""Workbench: SQL over the lake that reads, and does nothing else."""
