"""Gates: conditions that a change must meet before it can be approved.

They judge the prices that will be asked, by rules or by the network, as they were replayed and
simulated. What could not be measured closes a gate.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from phantom_core.core.estimate import Estimate, format_relative_change, format_signed_share
from phantom_core.core.limits import TOLERANCE, PriceLimits
from phantom_core.evidence.evidence import VERSION, Evidence
from phantom_core.evidence.stored_evidence import StoredEstimate
from phantom_core.features.domains import P_AGENT
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_kinds.multitask import NETWORK

MONEY: Final = "expected money"
HUMANS: Final = "human conversion"
REVENUE: Final = "revenue"
# Losses of what is live now that a change may cause, relative: humans are to buy as before, and a
# release that loses more revenue would be rolled back.
HUMAN_LOSS: Final = 0.02
REVENUE_LOSS: Final = 0.05
_FIXES: Final[Mapping[str, str]] = {
    "evidence is fresh": "Submit the request again to gather its evidence.",
    "guard rails": "Keep the mark-ups within the guard rails, or propose other ones on the page "
    "People.",
    "maximum price step": "Move prices in several smaller releases.",
    "human premium": "Lower the mark-ups that humans meet; the tab Learn of the page Rules finds "
    "rules within this limit.",
    HUMANS: "Learn rules that spare humans on the page Rules, or accept the risk with a comment.",
    REVENUE: "Learn rules that lose less on the page Rules, or accept the risk with a comment.",
    MONEY: "Choose another point on the page Frontier, or accept the risk with a comment.",
    "no open finding": "Edit the rules, or answer the warnings in the request.",
    "first release": "Begin with a smaller canary and smaller mark-ups; a later release can raise "
    "both.",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition.

    Attributes:
        name: of it.
        is_open: whether the change may pass.
        says: what was found, and what is allowed.
        is_acceptable: whether an approver may accept the risk of a closed one, with a comment.
    """

    name: str
    is_open: bool
    says: str
    is_acceptable: bool = False

    @property
    def fix(self) -> str:
        """What opens a closed gate; empty where it is open, or says so itself."""
        return "" if self.is_open else _FIXES.get(self.name, "")


@dataclass(frozen=True, slots=True)
class SimulatedChanges:
    """What a change does to the simulated shop; None where it is undefined.

    Attributes:
        revenue, leakage, human_conversion: against what is live now.
    """

    revenue: Estimate | None
    leakage: Estimate | None
    human_conversion: Estimate | None


def simulated_changes(evidence: Evidence) -> SimulatedChanges:
    """What the proposed prices change in the simulated shop."""
    trial = evidence.trial.found
    if trial is None:
        return SimulatedChanges(None, None, None)
    new, old = trial.difference, trial.live
    return SimulatedChanges(
        _relative(new.revenue, old.revenue),
        _relative(new.leakage, old.leakage),
        _relative(new.human_conversion, old.human_conversion),
    )


def evaluate_gates(
    evidence: Evidence,
    limits: PriceLimits,
    *,
    answers: str,
    revision: int,
    base_version: str,
    is_first: bool,
    banned: Collection[str] = (),
    network: str | None = None,
    accepted: Mapping[str, str] | None = None,
) -> tuple[Gate, ...]:
    """Every gate and how it stands.

    Args:
        evidence: of the change.
        limits: as they are now.
        answers: the author's answers to warnings.
        revision: of the request now.
        base_version: what is live now.
        is_first: whether there was no release before.
        banned: features that must not change a price now.
        network: version that is in use now; None where that is not known.
        accepted: login of the approver who accepted the risk of a gate, by its name.
    """
    found = [
        _fresh(evidence, revision, base_version, network),
        _measured(evidence),
        _guard_rails(evidence, limits),
        _step(evidence, limits),
        _premium(evidence, limits),
        _humans(evidence),
        _revenue(evidence),
        _money(evidence),
        _findings(evidence, answers, banned),
    ]
    found += [_first(evidence, limits)] if is_first else []
    return tuple(_with_acceptance(gate, accepted or {}) for gate in found)


def human_premium(evidence: Evidence) -> StoredEstimate | None:
    """Average premium over the base price paid by humans; None where it is undefined.

    From recorded sessions where they identify it, else from the simulator.
    """
    replay, trial = evidence.replay.found, evidence.trial.found
    logged = replay.rules.human.premium if replay and replay.rules.human else None
    simulated = trial.proposed.human_premium if trial else None
    return next((one for one in (logged, simulated) if one and one.value is not None), None)


def _with_acceptance(gate: Gate, accepted: Mapping[str, str]) -> Gate:
    if gate.is_open or not gate.is_acceptable or gate.name not in accepted:
        return gate
    says = f"{gate.says} {accepted[gate.name]} accepted this risk."
    return replace(gate, is_open=True, says=says)


def _measured(evidence: Evidence) -> Gate:
    """Closed where what will be asked was not measured: no evidence is no consent."""
    name, replay, trial = "measured prices", evidence.replay, evidence.trial
    if evidence.version < VERSION:
        says = "The evidence was gathered by an earlier release: submit the request again."
        return Gate(name, False, says)
    if P_AGENT in evidence.rules.features and not evidence.models.get(CLASSIFIER.name):
        says = (
            "The rules read P(agent), and there is no classifier to measure them with: train one, "
            "then submit again."
        )
        return Gate(name, False, says)
    if replay.found is None or not (replay.found.sessions and replay.found.quotes):
        says = f"No recorded session was replayed. {replay.problem}".strip()
        return Gate(name, False, f"{says} Then submit again.")
    if trial.found is None:
        says = f"No session was simulated. {trial.problem}".strip()
        return Gate(name, False, f"{says} Then submit again.")
    network = evidence.models.get(NETWORK.name, "")
    by = f"Prices of network {network}" if evidence.policy == "model" else "Prices of the rules"
    says = (
        f"{by} were measured on {replay.found.sessions:,} recorded and {trial.found.sessions:,} "
        "simulated sessions."
    )
    return Gate(name, True, f"{says} {market_of(evidence)}".strip())


def _money(evidence: Evidence) -> Gate:
    """Closed where a change loses money beyond doubt.

    Even the most revenue and the most recovered leakage that the simulation leaves possible, the
    ends of both 95 % intervals, then add up to less than nothing.
    """
    trial = evidence.trial.found
    if trial is None:
        return Gate(MONEY, False, "What the change earns or loses could not be simulated.")
    revenue, leakage = trial.difference.revenue, trial.difference.leakage
    if (
        revenue.value is None
        or revenue.high is None
        or leakage.value is None
        or leakage.low is None
    ):
        return Gate(MONEY, False, "What the change earns or loses is undefined.")
    says = (
        f"Revenue changes by {_amount(revenue.value)} and leakage by {_amount(leakage.value)} on "
        f"{trial.sessions:,} simulated sessions"
    )
    most = revenue.high - leakage.low
    if most < 0:
        says = f"{says}; together at most {_amount(most)}: it loses money beyond doubt."
        return Gate(MONEY, False, says, is_acceptable=True)
    return Gate(MONEY, True, f"{says}; together up to {_amount(most)}.")


def _humans(evidence: Evidence) -> Gate:
    """Closed where fewer humans would buy than is tolerated."""
    change = simulated_changes(evidence).human_conversion
    if change is None:
        return Gate(HUMANS, False, "What the change does to human conversion is undefined.")
    says = f"Human conversion changes by {_against(change, -HUMAN_LOSS)}."
    return Gate(HUMANS, change.value >= -HUMAN_LOSS - TOLERANCE, says, is_acceptable=True)


def _revenue(evidence: Evidence) -> Gate:
    """Closed where revenue falls by more than is tolerated, simulated or as recorded."""
    change = simulated_changes(evidence).revenue
    if change is None:
        return Gate(REVENUE, False, "What the change does to revenue is undefined.")
    says = f"Revenue changes by {_against(change, -REVENUE_LOSS)}."
    is_open = change.value >= -REVENUE_LOSS - TOLERANCE
    replay = evidence.replay.found
    before = replay.against.value.doubly_robust if replay else None
    recorded = _relative(replay.difference, before) if replay and replay.difference else None
    if replay and replay.difference and before and before.value and recorded:
        drawn = format_relative_change(recorded)
        says = f"{says} On recorded sessions, where prices were drawn at random: {drawn}."
        high = replay.difference.high
        is_open &= high is None or high / before.value >= -REVENUE_LOSS - TOLERANCE
    return Gate(REVENUE, is_open, says, is_acceptable=True)


def market_of(evidence: Evidence) -> str:
    """Whose market the simulation is of, one sentence; empty without a simulation."""
    trial = evidence.trial.found
    return (trial.market or "Whose market was simulated is not recorded.") if trial else ""


def _relative(difference: StoredEstimate | None, before: StoredEstimate | None) -> Estimate | None:
    """A change relative to what it was; None where it is undefined."""
    if difference is None or before is None or not before.value:
        return None
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return None
    return Estimate(value / before.value, low / before.value, high / before.value)


def _against(change: Estimate, allowed: float) -> str:
    return f"{format_relative_change(change)}; allowed is {format_signed_share(allowed)}"


def _amount(money: float) -> str:
    return f"{money:+,.0f}".replace("-", "−")


def _fresh(evidence: Evidence, revision: int, base_version: str, network: str | None) -> Gate:
    judged = evidence.models.get(NETWORK.name, "")
    if evidence.policy == "model" and network is not None and network != judged:
        says = (
            f"It judges network {judged or 'none'}, and {network or 'none'} is in use now: submit "
            "it again."
        )
        return Gate("evidence is fresh", False, says)
    says = "The evidence is about this revision and what is live now."
    if evidence.revision != revision:
        says = f"The evidence is about revision {evidence.revision}; the request is at {revision}."
    elif evidence.base_version != base_version:
        live, base = base_version or "base prices", evidence.base_version or "base prices"
        says = f"It was written against {base}, but {live} is live now: rebase it."
    return Gate(
        "evidence is fresh",
        evidence.revision == revision and evidence.base_version == base_version,
        says,
    )


def _guard_rails(evidence: Evidence, limits: PriceLimits) -> Gate:
    allowed = limits.guard_rails
    is_within = allowed.contains(evidence.lowest_markup) and allowed.contains(
        evidence.highest_markup
    )
    says = f"Mark-ups from ×{evidence.lowest_markup:.2f} to ×{evidence.highest_markup:.2f}"
    return Gate("guard rails", is_within, f"{says}; allowed are {allowed}.")


def _step(evidence: Evidence, limits: PriceLimits) -> Gate:
    says = (
        f"A price moves by up to {evidence.largest_step:.2f} of the base price; allowed is "
        f"{limits.largest_step:.2f}."
    )
    if unseen := _unseen_rules(evidence):
        says += (
            f" No recorded quote reached {', '.join(unseen)}, which counts against every live "
            "price."
        )
    is_within = evidence.largest_step <= limits.largest_step + TOLERANCE
    return Gate("maximum price step", is_within, says)


def _premium(evidence: Evidence, limits: PriceLimits) -> Gate:
    name, premium = "human premium", human_premium(evidence)
    if premium is None or premium.value is None:
        return Gate(
            name,
            False,
            "What humans would pay is undefined: train a classifier and load quotes, then submit "
            "again.",
        )
    value, low, high = premium.value, premium.low, premium.high
    if low is None or high is None:
        says = (
            f"Humans would pay {format_signed_share(value)} on average, but its confidence "
            "interval is undefined: load quotes of more shoppers, then submit again."
        )
        return Gate(name, False, says)
    says = (
        f"Humans would pay {format_relative_change(Estimate(value, low, high))} on average; "
        f"allowed is {format_signed_share(limits.human_premium_cap)}."
    )
    if evidence.policy == "model" and (simulated := _simulated_premium(evidence)) is not None:
        says = f"{says} In the simulator {format_signed_share(simulated)}."
        value = max(value, simulated)
    return Gate(name, value <= limits.human_premium_cap + TOLERANCE, says)


def _simulated_premium(evidence: Evidence) -> float | None:
    trial = evidence.trial.found
    return trial.proposed.human_premium.value if trial else None


def _unseen_rules(evidence: Evidence) -> list[str]:
    replay = evidence.replay.found
    if replay is None:
        return []
    reached = {one.rule for one in replay.rules.rules if one.quotes}
    titles = [evidence.rules.title(position) for position in range(len(evidence.rules.rules))]
    return [title for title in titles if title not in reached]


def _findings(evidence: Evidence, answers: str, banned: Collection[str]) -> Gate:
    read = [feature for feature in evidence.rules.features if feature in banned]
    if read:
        says = f"The rules read {', '.join(read)}, which prices may not depend on here."
        return Gate("no open finding", False, says)
    errors, warnings = evidence.open_findings("error"), evidence.open_findings("warning")
    if errors:
        return Gate("no open finding", False, f"{len(errors)} to fix: {errors[0]}")
    if warnings and not answers.strip():
        return Gate("no open finding", False, f"{len(warnings)} to answer: {warnings[0]}")
    return Gate(
        "no open finding",
        True,
        f"{len(warnings)} warnings, answered by the author." if warnings else "No issues found.",
    )


def _first(evidence: Evidence, limits: PriceLimits) -> Gate:
    is_small = (
        evidence.highest_markup <= limits.first_markup + TOLERANCE
        and evidence.share <= limits.first_share + TOLERANCE
    )
    says = f"Up to ×{evidence.highest_markup:.2f} for {100 * evidence.share:.0f} % of the sessions"
    return Gate(
        "first release",
        is_small,
        f"{says}; a first release has at most ×{limits.first_markup:.2f} for "
        f"{100 * limits.first_share:.0f} %.",
    )
