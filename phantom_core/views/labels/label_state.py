"""Label state: how many labels people gave, and how well they agree."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import seeded_database
from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.labelling.agreement import cohen_kappa
from phantom_core.labels.verdicts import (
    GivenVerdict,
    current_verdicts,
    find_consensus,
    list_verdicts,
)

_SEED = 20_261


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two people agree.

    Attributes:
        one, other: their logins.
        n_sessions: labelled by both.
        n_agreed: of them, with the same label.
        kappa: agreement beyond chance; bounds are NaN where it is undefined.
    """

    one: str
    other: str
    n_sessions: int
    n_agreed: int
    kappa: Estimate


@dataclass(frozen=True, slots=True)
class LabelState:
    """Labels given so far.

    Attributes:
        n_agent, n_human: sessions on which people agree.
        n_disputed: on which they contradict each other; these have no label.
        n_skipped: where a person could not tell.
        disputed: their ids.
        by_person: current verdicts of each person, count.
        agreement: of each pair of people with sessions in common.
        said: session → verdicts of the people, newest of each.
    """

    n_agent: int
    n_human: int
    n_disputed: int
    n_skipped: int
    disputed: tuple[str, ...]
    by_person: dict[str, int]
    agreement: tuple[Agreement, ...]
    said: dict[str, dict[str, GivenVerdict]]

    def to_json(self) -> dict[str, object]:
        """The state as plain values."""
        return {
            "agent": self.n_agent,
            "human": self.n_human,
            "disputed": list(self.disputed),
            "skipped": self.n_skipped,
            "by_person": [{"who": who, "verdicts": n} for who, n in self.by_person.items()],
            "agreement": [
                {
                    "who": [one.one, one.other],
                    "sessions": one.n_sessions,
                    "agreed": one.n_agreed,
                    "kappa": _finite(one.kappa.value),
                    "kappa_ci": [_finite(one.kappa.low), _finite(one.kappa.high)],
                }
                for one in self.agreement
            ],
        }


@requires(Permission.READ)
def label_state(settings: Settings) -> LabelState:
    """Read the labels that people gave."""
    with seeded_database(settings).connect() as connection:
        given = list_verdicts(connection)
    current = current_verdicts(given)
    consensus = find_consensus(given)
    said: dict[str, dict[str, GivenVerdict]] = {}
    people: dict[str, int] = {}
    for (session_id, who), one in current.items():
        said.setdefault(session_id, {})[who] = one
        people[who] = people.get(who, 0) + 1
    labels = [one.is_agent for one in consensus.values()]
    return LabelState(
        labels.count(True),
        labels.count(False),
        labels.count(None),
        sum(one.verdict == "skip" for one in current.values()),
        tuple(name for name, one in consensus.items() if one.is_agent is None),
        dict(sorted(people.items())),
        tuple(_agreements(said, sorted(people))),
        said,
    )


def _agreements(said: dict[str, dict[str, GivenVerdict]], people: list[str]) -> list[Agreement]:
    found = []
    for one, other in combinations(people, 2):
        pairs = [
            (verdicts[one].verdict == "agent", verdicts[other].verdict == "agent")
            for verdicts in said.values()
            if one in verdicts
            and other in verdicts
            and "skip" not in (verdicts[one].verdict, verdicts[other].verdict)
        ]
        if pairs:
            table = np.array(pairs)
            kappa = cohen_kappa(table[:, 0], table[:, 1], np.random.default_rng(_SEED))
            n_agreed = int((table[:, 0] == table[:, 1]).sum())
            found.append(Agreement(one, other, len(pairs), n_agreed, kappa))
    return found


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
