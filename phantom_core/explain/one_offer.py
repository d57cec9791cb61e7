"""One offer: what the network said of a session and a product taken apart."""

from dataclasses import dataclass

import pyarrow as pa
from pydantic import JsonValue

from phantom_core.explain.columns import BY_NAME
from phantom_core.explain.contributions import Explained
from phantom_core.explain.explanation import Output
from phantom_core.explain.one_session import Contribution
from phantom_core.models.multitask.description import Description
from phantom_core.models.multitask.inputs import offer_inputs, values_of


@dataclass(frozen=True, slots=True)
class OfferExplanation:
    """Why a network said what it said of one offer.

    Attributes:
        session_id, product_id: who was shown what; no product where a log without quotes names
            none.
        quote_ms: the moment asked about, UTC milliseconds: events before it count.
        model_version: name of the network.
        output: which of its answers.
        probability: the answer, in (0, 1).
        base: log-odds before anything is known.
        log_odds: the answer before calibration: base and contributions add up to it.
        contributions: of every column, the largest first.
    """

    session_id: str
    product_id: str | None
    quote_ms: int
    model_version: str
    output: Output
    probability: float
    base: float
    log_odds: float
    contributions: tuple[Contribution, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """Everything, flat; contributions are log-odds."""
        return {
            "session": self.session_id,
            "product": self.product_id,
            "quote_ms": self.quote_ms,
            "model_version": self.model_version,
            "output": self.output,
            f"{self.output}_probability": self.probability,
            "base": self.base,
            "log_odds": self.log_odds,
            "contributions": [
                {
                    "feature": row.name,
                    "family": row.family,
                    "value": row.value,
                    "log_odds": row.log_odds,
                }
                for row in self.contributions
            ],
        }


def explain_offer(
    explained: Explained,
    output: Output,
    description: Description,
    version: str,
    session_id: str,
    offer: pa.Table,
) -> OfferExplanation:
    """Take apart what a network says of one offer.

    Args:
        explained: the answer of the network, taken apart.
        output: which answer that is.
        description: with its calibrations.
        version: name of the network.
        session_id: who was shown it.
        offer: one row with the columns of `read_offers`.
    """
    found = explained.contributions(values_of(offer_inputs(offer)))
    calibration = description.agent if output == "agent" else description.purchase
    rows = [
        Contribution(name, BY_NAME[name].family, offer[name][0].as_py(), float(value))
        for name, value in zip(found.names, found.values[0], strict=True)
    ]
    return OfferExplanation(
        session_id=session_id,
        product_id=offer["product_id"][0].as_py(),
        quote_ms=int(offer["quote_ms"][0].as_py()),
        model_version=version,
        output=output,
        probability=float(calibration.probability(found.output)[0]),
        base=found.base,
        log_odds=float(found.output[0]),
        contributions=tuple(sorted(rows, key=lambda row: -abs(row.log_odds))),
    )
