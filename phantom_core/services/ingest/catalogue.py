"""The catalogue of the ingest service: opened when a storefront first asks for its list pages."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from phantom_core.core.settings import Settings

if TYPE_CHECKING:
    from phantom_core.services.pricing.catalogue_cache import CatalogueCache
    from phantom_core.services.pricing.product import PricedProduct


class LazyCatalogue:
    """Products, of which a service that only stores events needs none.

    Args:
        settings: location of the catalogue.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._guard = settings, threading.Lock()
        self._cache: CatalogueCache | None = None

    def all(self) -> "Sequence[PricedProduct]":
        """Every product.

        Raises:
            InputError: the catalogue cannot be used.
            UnavailableError: its database does not answer.
        """
        return self._opened().all()

    def find(self, product_id: str) -> "PricedProduct":
        """One product.

        Raises:
            NotFoundError: no such product.
        """
        return self._opened().find(product_id)

    def stop(self) -> None:
        """Stop following the catalogue."""
        if self._cache:
            self._cache.stop()

    def _opened(self) -> "CatalogueCache":
        with self._guard:
            if self._cache is None:
                from phantom_core.services.pricing.catalogue_cache import CatalogueCache  # noqa: PLC0415 - takes a database and its libraries

                self._cache = CatalogueCache(self._settings)
            return self._cache
