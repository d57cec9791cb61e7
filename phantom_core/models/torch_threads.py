"""Threads of torch: one is fastest for networks this small, and several trainings side by side use
the cores better.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# The generator that gives first weights is torch's only one.
_FIRST_WEIGHTS = threading.Lock()


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
    """Torch's generator, seeded and to oneself; it is put back afterwards."""
    with _FIRST_WEIGHTS, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
