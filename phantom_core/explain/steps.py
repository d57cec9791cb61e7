"""Steps: which steps of one session speak for an agent, and which for a human."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.evaluation.kernel import END, START, KernelScore


@dataclass(frozen=True, slots=True, eq=False)
class StepEvidence:
    """The steps of one session, from its start to its end.

    Attributes:
        source: where each step comes from, n_events + 1 names.
        target: where it goes; step i goes to event i, the last one to the end.
        evidence: log-likelihood ratio of each step in nats, above 0 for an agent, shape (n_events +
            1,).
        human_count: how often humans were seen to take the step, shape (n_events + 1,).
        agent_count: how often agents were.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    evidence: NDArray[np.float64]
    human_count: NDArray[np.int64]
    agent_count: NDArray[np.int64]


def step_evidence(
    kernels: KernelScore, event_names: Sequence[str], is_agent: bool | None = None
) -> StepEvidence:
    """Weigh every step of a session.

    Args:
        kernels: of the labelled sessions.
        event_names: the session's events in order.
        is_agent: its label where the kernels were counted with it: its own steps are taken out
            first, so that a session is no evidence about itself; None for a session that was not
            counted.
    """
    names = tuple(event_names)
    others = kernels if is_agent is None else evidence_without(kernels, names, is_agent)
    ratios, _ = others.steps(pa.array([list(names)], pa.list_(pa.string())))
    source, target = (START, *names), (*names, END)
    human, agent = (
        np.array(
            [_count(others, kind, step) for step in zip(source, target, strict=True)], np.int64
        )
        for kind in (0, 1)
    )
    return StepEvidence(source, target, ratios, human, agent)


def evidence_without(
    kernels: KernelScore, event_names: Sequence[str], is_agent: bool
) -> KernelScore:
    """The kernels, had one of the sessions they were counted from not been there.

    Args:
        kernels: of sessions, this one among them.
        event_names: the session's events in order.
        is_agent: its label.
    """
    counts = kernels.counts.copy()
    for step in zip((START, *event_names), (*event_names, END), strict=True):
        found = _cell(kernels, step)
        if found:
            counts[(int(is_agent), *found)] = max(0.0, counts[(int(is_agent), *found)] - 1)
    return replace(kernels, counts=counts)


def _cell(kernels: KernelScore, step: tuple[str, str]) -> tuple[int, int] | None:
    """Row and column of a step; None for a name that was never learned."""
    source, target = step
    if source not in kernels.sources or target not in kernels.targets:
        return None
    return kernels.sources.index(source), kernels.targets.index(target)


def _count(kernels: KernelScore, kind: int, step: tuple[str, str]) -> int:
    found = _cell(kernels, step)
    return int(kernels.counts[(kind, *found)]) if found else 0
