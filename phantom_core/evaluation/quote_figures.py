"""Quote figures: how good P(agent) is at the moments at which prices are set, as reported."""

from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.core.estimate import Estimate

Source = Literal["quotes", "item views", "events"]
ALL: Final = "all quotes"
MONEY: Final = "weighed by considered money"


@dataclass(frozen=True, slots=True)
class QuoteFigures:
    """Ranking and calibration of probabilities at quotes, with 95 % intervals over actors."""

    roc_auc: Estimate
    ece: Estimate
    brier: Estimate


@dataclass(frozen=True, slots=True)
class QuoteSlice:
    """Some of the quotes.

    Attributes:
        name: which ones.
        n_quotes: count.
        n_sessions: count.
        agent_share: share of agents among them: the base rate.
        brier_base_rate: Brier score of predicting this share for every quote.
        ece_of_chance: what perfectly calibrated probabilities of as many sessions would show on
            average.
        at_quote: of the model that learned from sessions at their quotes.
        whole_session: of the model that learned from finished sessions, asked at the same quotes.
    """

    name: str
    n_quotes: int
    n_sessions: int
    agent_share: float
    brier_base_rate: float
    ece_of_chance: float
    at_quote: QuoteFigures
    whole_session: QuoteFigures


@dataclass(frozen=True, slots=True)
class AtQuoteReport:
    """P(agent) at the quote.

    Attributes:
        moments: what stands for the quotes.
        method: kind of calibration curve, one for each band of events so far.
        log_loss: held-out log loss of each kind tried, nats.
        n_rounds: of the trees.
        slices: all quotes, by number of events so far, and weighed by considered money; those
            with too few quotes of a kind are left out.
    """

    moments: Source
    method: str
    log_loss: dict[str, float]
    n_rounds: int
    slices: tuple[QuoteSlice, ...]

    @property
    def overall(self) -> QuoteSlice | None:
        """All quotes; None where there are too few."""
        return next((one for one in self.slices if one.name == ALL), None)
