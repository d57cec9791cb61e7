"""Replay: prices of two rule sets on the recorded sessions of a period."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import TypeAdapter

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.replay.features_at_quote import AsOf
from phantom_core.replay.markups import Recovered, ReplayClassFigures, RuleUse
from phantom_core.replay.off_policy import OffPolicyValue
from phantom_core.replay.origin import UNKNOWN, Origin
from phantom_core.replay.saved import from_text, plain_json, to_text
from phantom_core.rules.evaluate import Decided
from phantom_core.rules.rule_set import RuleSet


@dataclass(frozen=True, slots=True)
class Bar:
    """Quotes at one mark-up, expected number by class."""

    markup_ratio: float
    human: float
    agent: float


@dataclass(frozen=True, slots=True)
class SetReplay:
    """One rule set.

    Attributes:
        name: its name.
        text: its rules.
        human, agent: prices of each class; None where classes are unknown.
        bars: quotes by mark-up, rising.
        rules: how often each rule decided.
        recovered: leakage recovered, by reference price.
        value: off-policy revenue.
    """

    name: str
    text: str
    human: ReplayClassFigures | None
    agent: ReplayClassFigures | None
    bars: tuple[Bar, ...]
    rules: tuple[RuleUse, ...]
    recovered: tuple[Recovered, ...]
    value: OffPolicyValue


@dataclass(frozen=True, slots=True)
class Moved:
    """Quotes that a rule of one set decides, and a rule with another price of the other.

    Attributes:
        before: rule of the set compared with, and its mark-up.
        after: rule of the set replayed, and its mark-up.
        quotes: count.
        human, agent: expected number of them by class.
    """

    before: str
    markup_before: float
    after: str
    markup_after: float
    quotes: int
    human: float
    agent: float


@dataclass(frozen=True, slots=True)
class Replay:
    """Two rule sets on the same sessions.

    Attributes:
        created_ms: when it was done, UTC milliseconds.
        lake_version: of the events.
        model: version of the classifier that gave P(agent); empty without one.
        seed: of the resamples.
        first_ms, last_ms: first and last quote, UTC milliseconds.
        as_of: the moment at which rules see the session.
        sessions, quotes: that were replayed.
        purchases: products bought of these quotes.
        unknown: quotes of sessions of unknown class.
        without_base: quotes without a base price, which count in mark-ups and in nothing else.
        rules: the set replayed.
        against: the set compared with.
        changed: sessions with a price that differs between the two.
        share_changed: of all replayed.
        moved: quotes that move between rules.
        difference: off-policy revenue per session of the set replayed minus that of the other, in
            the same resamples; None where it is not identified.
        origin: who asked for it, and for which days.
    """

    created_ms: int
    lake_version: int
    model: str
    seed: int
    first_ms: int
    last_ms: int
    as_of: AsOf
    sessions: int
    quotes: int
    purchases: int
    unknown: int
    without_base: int
    rules: SetReplay
    against: SetReplay
    changed: int
    share_changed: Estimate
    moved: tuple[Moved, ...]
    difference: Estimate | None = None
    origin: Origin = UNKNOWN

    def to_json(self) -> dict[str, object]:
        """The replay as plain values, null where undefined."""
        return plain_json(self)

    def to_text(self) -> str:
        """A file that `read_replay` reads back."""
        return to_text(self)


_ADAPTER: Final = TypeAdapter(Replay)


def read_replay(text: str, where: str) -> Replay:
    """Read a saved replay.

    Raises:
        DataError: it is not a replay.
    """
    return from_text(_ADAPTER, text, where, "Replay the rules again.")


def change_bars(decided: Decided, p_agent: Floats) -> tuple[Bar, ...]:
    """Quotes by mark-up; those of unknown class are left out."""
    known = ~np.isnan(p_agent)
    ratios, at = np.unique(decided.markup_ratio[known], return_inverse=True)
    agent, human = (
        np.bincount(at, weight[known], minlength=ratios.size) for weight in (p_agent, 1.0 - p_agent)
    )
    return tuple(
        Bar(float(ratio), float(h), float(a))
        for ratio, h, a in zip(ratios, human, agent, strict=True)
    )


def moved_sessions(
    rules: RuleSet, after: Decided, against: RuleSet, before: Decided, p_agent: Floats
) -> tuple[Moved, ...]:
    """Rules by which quotes get another price, most quotes first."""
    differs = np.flatnonzero(after.markup_ratio != before.markup_ratio)
    # One number for both rules, which sorts faster than pairs; ELSE is rule −1.
    n_rules = len(rules.rules) + 1
    codes, at = np.unique(
        (before.rule[differs] + 1) * n_rules + after.rule[differs] + 1, return_inverse=True
    )
    pairs = np.stack([codes // n_rules - 1, codes % n_rules - 1])
    weight = np.nan_to_num(p_agent[differs]), np.nan_to_num(1.0 - p_agent[differs])
    n = np.bincount(at, minlength=pairs.shape[1])
    agent, human = (np.bincount(at, one, minlength=pairs.shape[1]) for one in weight)
    found = [
        Moved(
            against.title(old),
            against.markup(old),
            rules.title(new),
            rules.markup(new),
            int(n[k]),
            float(human[k]),
            float(agent[k]),
        )
        for k, (old, new) in enumerate(pairs.T.tolist())
    ]
    return tuple(sorted(found, key=lambda one: -one.quotes))
