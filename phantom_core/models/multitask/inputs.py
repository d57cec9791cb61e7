"""Inputs of the network: sessions and products as numbers, NaN where undefined."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats32
from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.model_store.manifest import Manifest
from phantom_core.models.encoding import encode_features


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Rows to be scored.

    Attributes:
        session: all session features, shape (n, n_features).
        product: all product features, shape (n, n_product_features).
        log_ratio: natural logarithm of price over base price, shape (n,).
    """

    session: Floats32
    product: Floats32
    log_ratio: Floats32

    def __len__(self) -> int:
        return len(self.log_ratio)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Inputs":
        return Inputs(self.session[rows], self.product[rows], self.log_ratio[rows])

    def at_ratios(self, ratios: NDArray[np.float64]) -> "Inputs":
        """The same sessions and products at other prices, row after row.

        Args:
            ratios: price over base price, shape (n, n_prices).
        Returns:
            n · n_prices rows.
        """
        n_prices = ratios.shape[1]
        log_ratio = np.log(ratios).astype(np.float32).ravel()
        if n_prices == 1:
            return Inputs(self.session, self.product, log_ratio)
        return Inputs(
            np.repeat(self.session, n_prices, axis=0),
            np.repeat(self.product, n_prices, axis=0),
            log_ratio,
        )


def offer_inputs(offers: pa.Table) -> Inputs:
    """Inputs of offers, as `read_offers` gives them."""
    ratio = pc.fill_null(offers["price_ratio"], np.nan).to_numpy()
    return Inputs(
        encode_features(offers, feature_names()),
        encode_features(offers, product_names()),
        np.log(ratio).astype(np.float32),
    )


def session_inputs(sessions: pa.Table) -> Inputs:
    """Inputs of sessions without a product or a price.

    Args:
        sessions: has the columns of the session features.
    """
    n = sessions.num_rows
    unknown = np.full((n, len(product_names())), np.nan, np.float32)
    return Inputs(
        encode_features(sessions, feature_names()), unknown, np.full(n, np.nan, np.float32)
    )


def values_of(inputs: Inputs) -> Floats32:
    """Session, product and log price ratio as one matrix, one row each, NaN where undefined."""
    return np.hstack([inputs.session, inputs.product, inputs.log_ratio[:, None]])


def session_columns(model: Manifest) -> list[int] | None:
    """Positions of the session features that a saved network reads; None for all of them.

    Raises:
        DataError: it reads a feature that no longer exists.
    """
    wanted = [name for name in model.features if name not in product_names()]
    if unknown := sorted(set(wanted).difference(feature_names())):
        raise DataError(
            f"Model {model.version} reads '{unknown[0]}', which is no session feature here.",
            hint="Train again.",
        )
    return (
        None
        if tuple(wanted) == feature_names()
        else [feature_names().index(name) for name in wanted]
    )


def concatenate_inputs(first: Inputs, second: Inputs) -> Inputs:
    """Rows of one after rows of the other."""
    return Inputs(
        np.vstack([first.session, second.session]),
        np.vstack([first.product, second.product]),
        np.concatenate([first.log_ratio, second.log_ratio]),
    )
