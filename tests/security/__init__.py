"""Attacks on the real app, services, databases and Redis; each one has to fail."""
