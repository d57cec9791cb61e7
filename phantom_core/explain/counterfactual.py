"""Counterfactual: the least change of behaviour after which a session pays the base price."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

from pydantic import JsonValue

from phantom_core.explain.actions import ACTIONS, Action, Events
from phantom_core.features.domains import P_AGENT
from phantom_core.features.online.session import LiveSession
from phantom_core.features.online.user_agents import UserAgents
from phantom_core.rules.decide import Decider, RuleDecision, Value
from phantom_core.rules.rule_set import RuleSet

# Three actions at all their amounts are some 700 sessions; advice of four is none.
MOST_ACTIONS: Final = 3
BASE_PRICE: Final = 1.0

Features = Mapping[str, Value]
ScoreSessions = Callable[[Sequence[Features]], Sequence[float]]
Chosen = tuple[tuple[Action, int], ...]


@dataclass(frozen=True, slots=True)
class PricedSession:
    """A session as rules see it.

    Attributes:
        features: what the rules read, P(agent) among it.
        markup_ratio: price over base price.
        rule: position of the rule that decides; −1 for ELSE.
    """

    features: Features
    markup_ratio: float
    rule: int


@dataclass(frozen=True, slots=True)
class Change:
    """One thing done differently.

    Attributes:
        action: its name.
        amount: how much of it.
    """

    action: Action
    amount: float

    @property
    def says(self) -> str:
        """What is different, as part of a sentence."""
        return self.action.says.format(amount=self.amount)


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """How a session would pay the base price.

    Attributes:
        session_id: the session.
        rules: name of the rules.
        now: the session as it was.
        then: after the changes; None where no change that was tried reaches the base price.
        changes: the fewest actions, and of those the smallest amounts; empty where the session
            does not pay more than the base price.
        n_tried: sessions that were tried.
    """

    session_id: str
    rules: str
    now: PricedSession
    then: PricedSession | None
    changes: tuple[Change, ...]
    n_tried: int

    @property
    def says(self) -> str:
        """The finding in one sentence."""
        if self.now.markup_ratio <= BASE_PRICE:
            return f"It pays no more than the base price now (×{self.now.markup_ratio:.2f})."
        if self.then is None:
            return (
                f"It pays ×{self.now.markup_ratio:.2f}, and none of {self.n_tried:,} changes of "
                "pace, hovers, views and searches leads to the base price."
            )
        return (
            f"It pays ×{self.now.markup_ratio:.2f}; it would pay ×{self.then.markup_ratio:.2f} "
            f"with {' and '.join(change.says for change in self.changes)}."
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Everything, flat."""
        return {
            "session": self.session_id,
            "rules": self.rules,
            "says": self.says,
            "now": _json(self.now),
            "then": None if self.then is None else _json(self.then),
            "changes": [
                {"action": change.action.name, "amount": change.amount} for change in self.changes
            ],
            "tried": self.n_tried,
        }


def find_counterfactual(
    session_id: str,
    events: Events,
    rules: RuleSet,
    score: ScoreSessions | None,
    *,
    actions: Sequence[Action] = ACTIONS,
) -> Counterfactual:
    """Search all changes of up to three actions, from the least.

    Args:
        session_id: the session.
        events: what happened, in order; at least one.
        rules: what prices follow.
        score: gives P(agent) by features; None where the rules do not read it.
        actions: what may change.
    """
    pricer = _Pricer(rules, score)
    [now] = pricer.price([events])
    n_tried = 0
    if now.markup_ratio > BASE_PRICE:
        for same_size in _changes_by_size(actions):
            sessions = [_changed(events, chosen) for chosen in same_size]
            priced = pricer.price(sessions)
            n_tried += len(priced)
            for chosen, then in zip(same_size, priced, strict=True):
                if then.markup_ratio <= BASE_PRICE:
                    changes = tuple(Change(one, one.amounts[level]) for one, level in chosen)
                    return Counterfactual(session_id, rules.name, now, then, changes, n_tried)
    return Counterfactual(session_id, rules.name, now, None, (), n_tried)


def _changes_by_size(actions: Sequence[Action]) -> Iterator[list[Chosen]]:
    """All choices of one action, of two, of three; within each the smallest amounts first."""
    for size in range(1, MOST_ACTIONS + 1):
        found = [
            tuple(zip(several, levels, strict=True))
            for several in combinations(actions, size)
            for levels in product(*(range(len(one.amounts)) for one in several))
        ]
        yield sorted(found, key=lambda chosen: sum(level for _, level in chosen))


def _changed(events: Events, chosen: Chosen) -> Events:
    for action, level in chosen:
        events = action.change(events, action.amounts[level])
    return events


class _Pricer:
    def __init__(self, rules: RuleSet, score: ScoreSessions | None) -> None:
        self._decider = Decider(rules)
        self._reads = rules.features
        self._score = score
        self._user_agents = UserAgents()

    def price(self, sessions: Sequence[Events]) -> list[PricedSession]:
        """Price each session after its last event."""
        features: list[dict[str, Value]] = [self._features(events) for events in sessions]
        if self._score is not None:
            for row, p_agent in zip(features, self._score(features), strict=True):
                row[P_AGENT] = float(p_agent)
        return [self._priced(row) for row in features]

    def _features(self, events: Events) -> dict[str, Value]:
        session = LiveSession()
        for event in events:
            session.add(event)
        return dict(session.features(self._user_agents))

    def _priced(self, features: Features) -> PricedSession:
        found: RuleDecision = self._decider.decide(features)
        read = {name: features.get(name) for name in self._reads}
        return PricedSession(read, found.markup_ratio, found.rule)


def _json(priced: PricedSession) -> dict[str, JsonValue]:
    return {
        "markup_ratio": priced.markup_ratio,
        "rule": priced.rule,
        "features": dict(priced.features),
    }
