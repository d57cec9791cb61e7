"""The catalogue cache: the products that requests read, refreshed by a thread."""

import logging
import threading
from collections.abc import Sequence
from typing import Final

from phantom_core.core.background import BackgroundThread
from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.metrics import CATALOGUE_HELD, count_error
from phantom_core.services.pricing.catalogue import ServedCatalogue, mark_of, read_catalogue
from phantom_core.services.pricing.product import PricedProduct

LOOK_EVERY_S: Final = 5.0
# A database has no version of its table, so it is read again at intervals.
READ_AGAIN_AFTER: Final = 12
# A large catalogue takes its time to read.
LATE_AFTER_S: Final = 120.0
_LOGGER: Final = logging.getLogger(__name__)


class CatalogueCache:
    """Products by id.

    Args:
        settings: location of the catalogue.

    Attributes:
        problem: why the source is not followed; empty where it is.
        thread: looks for changes.
    Raises:
        InputError: the catalogue cannot be used.
        UnavailableError: its database does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_database = "://" in settings.pricing.catalogue
        self._mark = mark_of(settings)
        self._served: ServedCatalogue = read_catalogue(settings)
        self.problem = self._served.problem
        CATALOGUE_HELD.set(self._served.held)
        self._looks = 0
        self.thread = BackgroundThread(
            "pricing-catalogue", "pricing", self._work, late_after_s=LATE_AFTER_S
        )
        self.thread.start()

    def __len__(self) -> int:
        return len(self._served.products)

    def find(self, product_id: str) -> PricedProduct:
        """Find a product by its id.

        Raises:
            NotFoundError: there is no product with this id and a base price.
        """
        product = self._served.products.get(product_id)
        if product is None:
            raise NotFoundError(
                f"There is no product '{product_id[:80]}'.",
                hint="Products and their base prices come from the catalogue.",
            )
        return product

    def all(self) -> Sequence[PricedProduct]:
        """Every product."""
        return list(self._served.products.values())

    @property
    def held(self) -> int:
        """Changes of base prices that wait for a second person, count."""
        return self._served.held

    @property
    def version(self) -> int:
        """Number of the approved version; 0 without one."""
        return self._served.head.number if self._served.head else 0

    def stop(self) -> None:
        """Stop the thread."""
        self.thread.stop()

    def _work(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_EVERY_S):
            self._looks += 1
            try:
                mark = mark_of(self._settings)
                is_due = self._is_database and self._looks % READ_AGAIN_AFTER == 0
                if mark != self._mark or is_due:
                    self._served, self._mark = read_catalogue(self._settings, self._served), mark
                    CATALOGUE_HELD.set(self._served.held)
                self.problem = self._served.problem
            except Exception as error:  # the previous catalogue stays in use, and says why
                if not self.problem:
                    _LOGGER.error(
                        "The catalogue cannot be reloaded, so the previous one is used: %s", error
                    )
                    count_error("pricing", "catalogue")
                self.problem = str(error)
            self.thread.succeeded()
