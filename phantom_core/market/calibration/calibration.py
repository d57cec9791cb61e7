"""A calibration: the market measured on the lake, and the scenario made from it."""

import math
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.market.calibration.arrivals import Arrivals
from phantom_core.market.calibration.replay_check import ReplayCheck
from phantom_core.market.calibration.sensitivity import Sensitivities
from phantom_core.market.scenario import Detector, Scenario, ScenarioProduct
from phantom_core.models.label_shift import AgentMix

HOURS_A_WEEK: Final = 168


@dataclass(frozen=True, slots=True)
class AgentShare:
    """Share of agents.

    Attributes:
        visits: share of all sessions; None where unknown.
        shoppers: share of the sessions that added a quoted product to the cart.
        source: where the share comes from, one phrase.
    """

    visits: Estimate | None
    shoppers: Estimate | None
    source: str


@dataclass(frozen=True, slots=True)
class BasePrices:
    """Base prices of the quoted products, one each, in currency.

    Attributes:
        typical: the median over add-to-cart quotes.
        lowest, highest: over products.
        products: count.
    """

    typical: float
    lowest: float
    highest: float
    products: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """A market measured on the lake.

    Attributes:
        created_ms: when it was measured, UTC milliseconds.
        lake_version: version of the events.
        visits: sessions by hour of the day.
        shoppers: the sessions that added a quoted product to the cart, by the hour of the quote:
            the market's arrivals.
        agent_share: of sessions and of shoppers.
        base_prices: None without a base price.
        sensitivity: None where it is not identified.
        refusal: why it is not identified, one sentence; empty where it is.
        hint: what to do about it.
        detector: recall and false alarms of the trained classifier on labelled sessions; None
            without model or labels.
        replay: simulated against actual purchases; None where the market cannot be calibrated.
        notes: caveats, a sentence each.
        mix: share of agents among the sessions without a label, which P(agent) is corrected for;
            None where too few lack one.
    """

    created_ms: int
    lake_version: int
    visits: Arrivals
    shoppers: Arrivals
    agent_share: AgentShare
    base_prices: BasePrices | None
    sensitivity: Sensitivities | None
    refusal: str = ""
    hint: str = ""
    detector: Detector | None = None
    replay: ReplayCheck | None = None
    notes: tuple[str, ...] = ()
    mix: AgentMix | None = None

    @property
    def identified(self) -> bool:
        """Whether it determines a market."""
        return self.sensitivity is not None

    def scenario(self, *, horizon_h: int = HOURS_A_WEEK, stock: int | None = None) -> Scenario:
        """The calibrated market: one typical product, offered to every shopper.

        Args:
            horizon_h: hours.
            stock: units; None means what would sell at the base price within the horizon.
        Raises:
            DataError: part of the calibration is missing.
        """
        if self.sensitivity is None:
            raise DataError(self.refusal, hint=self.hint)
        share, prices = self.agent_share.shoppers, self.base_prices
        unwatched = [hour for hour, found in enumerate(self.shoppers.by_hour) if found is None]
        if share is None or prices is None:
            raise DataError(
                "A market needs an agent share and base prices, and the lake has only one of them.",
                hint=self.hint,
            )
        if unwatched:
            raise DataError(
                f"{len(unwatched)} hours of the day were never observed, the first at "
                f"{unwatched[0]}:00 UTC.",
                hint="Load at least one whole day.",
            )
        market = Scenario(
            name="calibrated",
            title="Calibrated from the lake",
            note=f"{self.visits.days} days; {self.agent_share.source}",
            horizon_h=horizon_h,
            arrivals=tuple(round(found.value, 4) for found in self.shoppers.by_hour if found),
            agent_share=round(share.value, 4),
            human_sensitivity=round(self.sensitivity.human.value.value, 4),
            agent_sensitivity=round(self.sensitivity.agent.value.value, 4),
            detector=self.detector or Detector(),
        )
        wanted = math.ceil(0.5 * float(market.rates().sum())) if stock is None else stock
        product = ScenarioProduct(
            name="typical product", base_price=round(prices.typical, 2), stock=wanted
        )
        return market.with_(products=(product.model_dump(),))

    def to_json(self) -> dict[str, object]:
        """The calibration as JSON values."""
        return {**_ADAPTER.dump_python(self, mode="json"), "identified": self.identified}


_ADAPTER: Final = TypeAdapter(Calibration)


def write_calibration(calibration: Calibration) -> bytes:
    """Serialise a calibration; `read_calibration` reads it back to an equal one."""
    return _ADAPTER.dump_json(calibration, indent=2)


def read_calibration(content: bytes, where: str) -> Calibration:
    """Read a saved calibration.

    Args:
        content: of the file.
        where: name used in the error.
    Raises:
        DataError: it is not a calibration.
    """
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError:
        raise DataError(
            f"{where} cannot be read as a calibration.", hint="Calibrate again."
        ) from None
