"""Contenders of benchmarks/features.py: each turns the same event files into the same 31
columns.
"""
