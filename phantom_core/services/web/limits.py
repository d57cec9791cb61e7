"""Limits that the services share: what one takes, the others know."""

from typing import Final

LONGEST_ID: Final = 256
"""Longest id of a session, product or experiment, characters."""
