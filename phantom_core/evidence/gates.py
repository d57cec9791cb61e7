"""Gates: conditions that a change must meet before it can be approved."""

from dataclasses import dataclass

from phantom_core.core.limits import TOLERANCE, PriceLimits
from phantom_core.evidence.evidence import Evidence
from phantom_core.evidence.stored_evidence import StoredEstimate


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition.

    Attributes:
        name: of it.
        is_open: whether the change may pass.
        says: what was found, and what is allowed.
    """

    name: str
    is_open: bool
    says: str


def evaluate_gates(
    evidence: Evidence,
    limits: PriceLimits,
    *,
    answers: str,
    revision: int,
    base_version: str,
    is_first: bool,
) -> tuple[Gate, ...]:
    """Every gate and how it stands.

    Args:
        evidence: of the change.
        limits: as they are now.
        answers: the author's answers to warnings.
        revision: of the request now.
        base_version: what is live now.
        is_first: whether there was no release before.
    """
    found = [
        _fresh(evidence, revision, base_version),
        _guard_rails(evidence, limits),
        _step(evidence, limits),
        _premium(evidence, limits),
        _findings(evidence, answers),
    ]
    return (*found, _first(evidence, limits)) if is_first else tuple(found)


def human_premium(evidence: Evidence) -> StoredEstimate | None:
    """Average premium over the base price paid by humans; None where it is undefined.

    From recorded sessions where they identify it, else from the simulator.
    """
    replay, trial = evidence.replay.found, evidence.trial.found
    logged = replay.rules.human.premium if replay and replay.rules.human else None
    simulated = trial.proposed.human_premium if trial else None
    return next((one for one in (logged, simulated) if one and one.value is not None), None)


def _fresh(evidence: Evidence, revision: int, base_version: str) -> Gate:
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
        says = f"Humans would pay {value:+.1%} on average, but its confidence interval is undefined"
        return Gate(name, False, f"{says}: load quotes of more shoppers, then submit again.")
    says = (
        f"Humans would pay {value:+.1%} [{low:+.1%}, {high:+.1%}] on average; allowed is "
        f"{limits.human_premium_cap:+.1%}."
    )
    return Gate(name, value <= limits.human_premium_cap + TOLERANCE, says)


def _findings(evidence: Evidence, answers: str) -> Gate:
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
    says = f"Up to ×{evidence.highest_markup:.2f} for {evidence.share:.0%} of the sessions"
    return Gate(
        "first release",
        is_small,
        f"{says}; a first release has at most ×{limits.first_markup:.2f} for "
        f"{limits.first_share:.0%}.",
    )
