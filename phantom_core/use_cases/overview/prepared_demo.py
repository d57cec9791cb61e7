"""Prepared demo: what a job prepared from the demo set, for pages to show."""

from dataclasses import dataclass
from typing import Final

from phantom_core.jobs.job_request import PlainReport

LEARNED: Final = "learned"
"""Name of the rule set that is learned from the demo set."""


@dataclass(frozen=True, slots=True)
class PreparedDemo(PlainReport):
    """What was prepared.

    Attributes:
        classifier: version of the classifier.
        rules: name of the learned rule set; empty where none could be learned.
        problem: why a part is missing; empty where none is.
    """

    classifier: str
    rules: str
    problem: str
