"""Number of examples of property tests: a quarter, or all with PHANTOM_TEST_PROFILE=full."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

IS_FULL: Final = os.environ.get("PHANTOM_TEST_PROFILE", "quick") == "full"
USUAL: Final = 100
FEWEST: Final = 3


def examples(full: int, *suppressed: HealthCheck) -> settings:
    """Settings with a number of examples, or a quarter of it.

    Args:
        full: count with PHANTOM_TEST_PROFILE=full.
        suppressed: checks of Hypothesis that do not apply.
    """
    return settings(
        max_examples=_count(full),
        deadline=None,
        suppress_health_check=(HealthCheck.too_slow, *suppressed),
    )


def load_profile() -> None:
    """Load the default profile; how fast a busy machine is decides no test."""
    settings.register_profile(
        "phantom",
        max_examples=_count(USUAL),
        deadline=None,
        suppress_health_check=(HealthCheck.too_slow,),
    )
    settings.load_profile("phantom")


def _count(full: int) -> int:
    return full if IS_FULL else max(FEWEST, full // 4)
