"""Labelling: what sessions are without, with few, and with wrong labels."""
