"""A rule set as a policy: the mark-up of the first rule that matches the state of a shop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.market.policies.kind import POLICIES, PolicyKind, PolicyRequest
from phantom_core.market.shops import State
from phantom_core.rules.evaluate import check_features, evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules

# What a rule may read in a market whose visitors are known only by the hour.
STATE_COLUMNS: Final[Mapping[str, Callable[[State], NDArray[np.generic]]]] = {
    "demand": lambda state: state.demand,
    "inventory": lambda state: state.stock.sum(axis=1),
    "hour": lambda state: state.hour,
    "hours_left": lambda state: state.hours_left,
    "agent_fraction": lambda state: state.agent_fraction,
    "avg_velocity": lambda state: state.velocity,
    "p_agent": lambda state: state.p_agent,
    "p_purchase": lambda state: state.p_purchase,
}


@dataclass(frozen=True, slots=True)
class RulePolicy:
    """Prices by a rule set over the columns of STATE_COLUMNS.

    Attributes:
        rules: the rule set.
    Raises:
        InputError: a rule reads something that shops do not know.
    """

    rules: RuleSet

    def __post_init__(self) -> None:
        check_features(self.rules, tuple(STATE_COLUMNS))

    @property
    def name(self) -> str:
        """The rule set's own."""
        return self.rules.name

    def ratios(self, state: State) -> NDArray[np.float64]:
        """The mark-up of the first rule that matches at each shop."""
        columns = {
            name: np.asarray(STATE_COLUMNS[name](state), np.float64) for name in self.rules.features
        }
        return evaluate_rules(self.rules, columns, state.demand.size).markup_ratio


def _make(request: PolicyRequest) -> RulePolicy:
    path = Path(request.detail)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        raise NotFoundError(
            f"There is no rules file '{path}'.",
            hint="Name a text file of IF … THEN markup … lines.",
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"Rules file '{path}' is not text in UTF-8.") from None
    return RulePolicy(parse_rules(text, name=path.stem))


POLICIES.register(
    PolicyKind(
        name="rules",
        title="Rules",
        description=f"A file of rules over {', '.join(STATE_COLUMNS)}.",
        order=70,
        make=_make,
        detail="required",
        placeholder="FILE",
    )
)
