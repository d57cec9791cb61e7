"""Leakage: the ledger of a period, under every reference price."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from phantom_core.core.estimate import Estimate
from phantom_core.leakage.ledger import Account
from phantom_core.models.label_shift import AgentMix
from phantom_core.replay.markups import ReplayClassFigures
from phantom_core.replay.origin import UNKNOWN, Origin
from phantom_core.replay.saved import from_text, plain_json, to_text

DIMENSIONS: Final = ("day", "product", "channel", "store mode", "family", "cluster", "rule")


@dataclass(frozen=True, slots=True)
class Leakage:
    """Money lost to agents.

    Attributes:
        created_ms: when it was added up, UTC milliseconds.
        lake_version: of the events.
        model: version of the classifier that gave P(agent); empty without one.
        labelled: share of the purchases whose session has a label.
        seed: of the resamples.
        first_ms, last_ms: first and last purchase, UTC milliseconds; 0 without one.
        purchases: products bought.
        unpriced: of them without a price or a base price; they count in no leakage.
        unknown: of them in sessions of unknown class; they count in no leakage.
        revenue: in all, currency.
        agent_revenue: expected part of it that agents paid.
        accounts: one per reference price.
        rules: name of the rule set that parts by rule stand for.
        humans: prices of these rules for humans; None without quotes or classes.
        origin: who asked for it, and for which days.
        mix: share of agents among the sessions without a label, which P(agent) is corrected for;
            None where too few lack one.
        as_labelled: leakage by reference price had the mix been that of the labels, currency.
    """

    created_ms: int
    lake_version: int
    model: str
    labelled: float
    seed: int
    first_ms: int
    last_ms: int
    purchases: int
    unpriced: int
    unknown: int
    revenue: Estimate
    agent_revenue: Estimate
    accounts: tuple[Account, ...]
    rules: str
    humans: ReplayClassFigures | None
    origin: Origin = UNKNOWN
    mix: AgentMix | None = None
    as_labelled: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The ledger as plain values, null where undefined."""
        return plain_json(self)

    def to_text(self) -> str:
        """A file that `read_leakage` reads back."""
        return to_text(self)


_ADAPTER: Final = TypeAdapter(Leakage)


def read_leakage(text: str, where: str) -> Leakage:
    """Read a saved ledger.

    Raises:
        DataError: it is not a ledger.
    """
    return from_text(_ADAPTER, text, where, "Measure the leakage again.")
