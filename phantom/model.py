"""Model: a saved version with everything its training found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Report = TypeVar("Report")


@dataclass(frozen=True, slots=True)
class Model(Generic[Report]):
    """A saved model.

    Attributes:
        kind: "classifier" or "multitask".
        version: its name, unique in the workspace.
        in_use: whether it is the one promoted last.
        created_ms: when it was trained, UTC milliseconds.
        metrics: headline figures by name, of sessions it did not see.
        report: everything its training found out, a `ClassifierReport` or a `MultitaskReport`.
        card: its model card, Markdown.
    """

    kind: str
    version: str
    in_use: bool
    created_ms: int
    metrics: Mapping[str, float]
    report: Report
    card: str
