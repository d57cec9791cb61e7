"""Watch price experiments and rollouts: the process that drains decisions also checks them.

So a tripped guardrail stops its experiment, or rolls its canary back, without anyone looking.
"""

import logging
import time
from typing import Final

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.price_experiments import all_experiments
from phantom_core.approvals.rollout_stage import current_stage
from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import Settings

EVERY_S: Final = 60.0
_LOGGER: Final = logging.getLogger(__name__)


class Watch:
    """Checks running experiments and the live canary at intervals.

    Args:
        settings: workspace, database and server.
        every_s: seconds between two checks.
    """

    def __init__(self, settings: Settings, every_s: float = EVERY_S) -> None:
        self._settings, self._every_s = settings, every_s
        self._next_s = 0.0

    def look(self) -> None:
        """Check, if it is due and something runs; an error is logged and retried next time."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + self._every_s
        for what, check in (
            ("Price experiments", self._check_experiments),
            ("The rollout", self._check_rollout),
        ):
            try:
                check()
            except PhantomError as error:
                _LOGGER.error("%s cannot be watched: %s", what, error)

    def _check_experiments(self) -> None:
        with control_engine(self._settings).connect() as connection:
            if not any(one.state == "running" for one in all_experiments(connection)):
                return
        from phantom_core.use_cases.approvals.experiments import watch_experiments  # noqa: PLC0415 - statistics take seconds to import

        with acting_as(Internal.WATCHER):
            found = watch_experiments(self._settings, now_ms=time.time_ns() // 1_000_000)
        for status in found:
            if status.experiment.state == "stopped":
                _LOGGER.warning(
                    "Experiment %s was stopped. %s",
                    status.experiment.experiment_id,
                    status.experiment.why,
                )

    def _check_rollout(self) -> None:
        with control_engine(self._settings).connect() as connection:
            if current_stage(connection) is None:
                return
        from phantom_core.use_cases.approvals.guard_rollout import guard_rollout  # noqa: PLC0415 - statistics take seconds to import

        with acting_as(Internal.WATCHER):
            found = guard_rollout(self._settings, now_ms=time.time_ns() // 1_000_000)
        if found and found.done:
            _LOGGER.warning("Rollout of %s: %s", found.stage.version, found.done)
