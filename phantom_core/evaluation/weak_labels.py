"""Weak labels: what a classifier learned from where labels were missing, and what that can show."""

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from phantom_core.core.estimate import Estimate

Source = Literal["weak rules", "known agents"]


@dataclass(frozen=True, slots=True)
class WeakRuleFigures:
    """What was learned of one weak rule, without labels.

    Attributes:
        name: of the rule.
        says: agent or human.
        title: the sign, in words.
        n_votes: sessions it votes on.
        precision: estimated probability that a session it votes on is what it says.
        weight: below 1 where it says in part what other rules say.
    """

    name: str
    says: str
    title: str
    n_votes: int
    precision: float
    weight: float


@dataclass(frozen=True, slots=True)
class WeakLabels:
    """The stand-in for labels, and how far the classifier does more than repeat it.

    Attributes:
        source: weak rules, or known agents among unlabelled sessions.
        n_sessions: sessions in the workspace.
        n_covered: sessions that it could say something about.
        n_given: sessions with a label, which counts in full.
        prior: share of agents: among covered sessions for weak rules, without an interval; among
            all sessions for known agents.
        rules: their figures; empty for known agents.
        features_read: features that rules read.
        roc_auc_without_read: against weak labels, of a classifier without these features: what it
            finds beyond copying the rules; None where nothing else is left, or no rule was used.
        roc_auc_given: against labels that were given, out of fold; None with fewer than 20 of
            either class.
    """

    source: Source
    n_sessions: int
    n_covered: int
    n_given: int
    prior: Estimate
    rules: tuple[WeakRuleFigures, ...]
    features_read: tuple[str, ...]
    roc_auc_without_read: Estimate | None = None
    roc_auc_given: Estimate | None = None

    def sentences(self) -> tuple[str, ...]:
        """What the classifier can and cannot know."""
        given = f"{self.n_given:,} given labels" if self.n_given else "no given labels"
        return (
            self._learned_from(given),
            "Its figures say how well it repeats these weak labels on actors that it did not see, "
            "not how well it detects agents; agents that leave none of these signs may be missed.",
            *self._beyond(),
            self._measured(),
            "It stays a candidate until a person uses it.",
        )

    def _learned_from(self, given: str) -> str:
        if self.source == "weak rules":
            return (
                f"It learned from {len(self.rules)} weak rules and {given}: the rules vote on "
                f"{self.n_covered:,} of {self.n_sessions:,} sessions, and their precision was "
                "estimated from their agreement alone."
            )
        return (
            f"It learned from known agents among unlabelled sessions ({given}). The share of "
            f"agents is about {self.prior.value:.0%} ({self.prior.low:.0%} to "
            f"{self.prior.high:.0%}), and more where known agents are easier to recognise than "
            "the others."
        )

    def _beyond(self) -> tuple[str, ...]:
        found = self.roc_auc_without_read
        if found is None:
            return ()
        return (
            f"Without the {len(self.features_read)} features that rules read, it still ranks the "
            f"weak labels with ROC-AUC {found.value:.3f} ({found.low:.3f} to {found.high:.3f}); "
            "0.5 would mean that it only copies the rules.",
        )

    def _measured(self) -> str:
        found = self.roc_auc_given
        if found is None:
            return (
                "There are too few given labels to measure it: label at least 20 sessions of "
                "humans and 20 of agents on the page Label desk."
            )
        return (
            f"Against given labels, which it did not see: ROC-AUC {found.value:.3f} "
            f"({found.low:.3f} to {found.high:.3f})."
        )

    def to_json(self) -> dict[str, JsonValue]:
        """The figures, as the command line prints them."""
        return {
            "source": self.source,
            "covered": self.n_covered,
            "given": self.n_given,
            "agent_share": self.prior.value,
            "rules": [
                {"name": one.name, "says": one.says, "votes": one.n_votes,
                 "precision": one.precision, "weight": one.weight}
                for one in self.rules
            ],
            "features_read": list(self.features_read),
            "roc_auc_without_read": _value(self.roc_auc_without_read),
            "roc_auc_given": _value(self.roc_auc_given),
            "sentences": list(self.sentences()),
        }  # fmt: skip


def _value(found: Estimate | None) -> JsonValue:
    return None if found is None else {"value": found.value, "ci": [found.low, found.high]}
