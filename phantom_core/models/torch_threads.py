"""Torch threads: one per training, since networks this small train faster in parallel."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Initial weights come from torch's only global generator.
_GLOBAL_GENERATOR = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread, and leave its setting as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def repeatable_torch(seed: int) -> Iterator[None]:
    """Torch's global generator, seeded and locked; its state is restored afterwards."""
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
