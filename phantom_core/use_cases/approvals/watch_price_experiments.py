"""Watch price experiments: a look now and then by whoever brings decisions into the lake, so that a
tripped guard needs nobody awake.
"""

import logging
import time
from typing import Final

from phantom_core.approvals.price_experiments import all_experiments
from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import control_of

EVERY_S: Final = 60.0
_LOGGER: Final = logging.getLogger(__name__)


class Watch:
    """Looks at running experiments when it is time.

    Args:
        settings: workspace, database and server.
        every_s: between two looks.
    """

    def __init__(self, settings: Settings, every_s: float = EVERY_S) -> None:
        self._settings, self._every_s = settings, every_s
        self._next_s = 0.0

    def look(self) -> None:
        """Look, if it is time and something runs; what goes wrong is logged and tried again."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + self._every_s
        try:
            with control_of(
                self._settings.database_url, self._settings.workspace
            ).connect() as connection:
                if not any(one.state == "running" for one in all_experiments(connection)):
                    return
            from phantom_core.use_cases.approvals.experiments import watch_experiments  # noqa: PLC0415 - statistics take seconds to import

            for status in watch_experiments(self._settings, now_ms=time.time_ns() // 1_000_000):
                if status.experiment.state == "stopped":
                    _LOGGER.warning(
                        "Experiment %s was stopped. %s",
                        status.experiment.experiment_id,
                        status.experiment.why,
                    )
        except PhantomError as error:
            _LOGGER.error("Price experiments cannot be watched: %s", error)
