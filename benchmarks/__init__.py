"""Benchmarks, which work on their own workspaces as their owner does at the command line."""

from phantom_core.accounts.actors import Internal, become

become(Internal.SHELL)
