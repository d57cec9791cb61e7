"""Gates: what must hold before anybody can approve a change."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from phantom_core.approvals.evidence import Evidence

_CLOSE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """What this shop holds changes to.

    Attributes:
        lowest_markup, highest_markup: guard rails, over the base price.
        largest_step: a quote may move by this much of the base price.
        human_premium_cap: humans may pay this much more on average, over the base price.
        first_markup, first_share: of the first release.
    """

    lowest_markup: float
    highest_markup: float
    largest_step: float
    human_premium_cap: float
    first_markup: float
    first_share: float


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
    limits: Limits,
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
        answers: what the author says to warnings.
        revision: of the request now.
        base_version: what is live now.
        is_first: whether nothing was ever live.
    """
    found = [
        _fresh(evidence, revision, base_version),
        _guard_rails(evidence, limits),
        _step(evidence, limits),
        _premium(evidence, limits),
        _findings(evidence, answers),
    ]
    return (*found, _first(evidence, limits)) if is_first else tuple(found)


def human_premium(evidence: Evidence) -> tuple[float, float, float] | None:
    """What humans would pay more on average, over the base price, and its interval; None where
    nobody knows.

    Logged sessions are asked first, the simulator where they cannot tell.
    """
    human = _inside(evidence.replay.found, "rules", "human")
    premium = _inside(human, "premium") if human else None
    if premium and _number(premium["value"]) is not None:
        return _triple(premium["value"], premium["low"], premium["high"])
    proposed = _inside(evidence.trial.found, "proposed")
    if not proposed or _number(proposed.get("human_premium")) is None:
        return None
    interval = proposed["human_premium_ci"]
    assert isinstance(interval, list)
    return _triple(proposed["human_premium"], *interval)


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


def _guard_rails(evidence: Evidence, limits: Limits) -> Gate:
    is_inside = (
        limits.lowest_markup - _CLOSE <= evidence.lowest_markup
        and evidence.highest_markup <= limits.highest_markup + _CLOSE
    )
    says = f"Mark-ups from ×{evidence.lowest_markup:.2f} to ×{evidence.highest_markup:.2f}"
    return Gate(
        "guard rails",
        is_inside,
        f"{says}; allowed are ×{limits.lowest_markup:.2f} to ×{limits.highest_markup:.2f}.",
    )


def _step(evidence: Evidence, limits: Limits) -> Gate:
    says = (
        f"A price moves by up to {evidence.largest_step:.2f} of the base price; allowed is "
        f"{limits.largest_step:.2f}."
    )
    return Gate("largest step", evidence.largest_step <= limits.largest_step + _CLOSE, says)


def _premium(evidence: Evidence, limits: Limits) -> Gate:
    premium = human_premium(evidence)
    if premium is None:
        return Gate(
            "human premium",
            False,
            "Nobody can say what humans would pay: train a classifier and load quotes, then "
            "submit again.",
        )
    value, low, high = premium
    says = (
        f"Humans would pay {value:+.1%} [{low:+.1%}, {high:+.1%}] on average; allowed is "
        f"{limits.human_premium_cap:+.1%}."
    )
    return Gate("human premium", value <= limits.human_premium_cap + _CLOSE, says)


def _findings(evidence: Evidence, answers: str) -> Gate:
    errors, warnings = evidence.open_findings("error"), evidence.open_findings("warning")
    if errors:
        return Gate("no open finding", False, f"{len(errors)} to mend: {errors[0]}")
    if warnings and not answers.strip():
        return Gate("no open finding", False, f"{len(warnings)} to answer: {warnings[0]}")
    return Gate(
        "no open finding",
        True,
        f"{len(warnings)} warnings, answered by the author."
        if warnings
        else "The checks have nothing open.",
    )


def _first(evidence: Evidence, limits: Limits) -> Gate:
    is_small = (
        evidence.highest_markup <= limits.first_markup + _CLOSE
        and evidence.share <= limits.first_share + _CLOSE
    )
    says = f"Up to ×{evidence.highest_markup:.2f} for {evidence.share:.0%} of the sessions"
    return Gate(
        "first release",
        is_small,
        f"{says}; a first release has at most ×{limits.first_markup:.2f} for "
        f"{limits.first_share:.0%}.",
    )


def _inside(document: dict[str, JsonValue], *path: str) -> dict[str, JsonValue] | None:
    found: JsonValue = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _triple(*values: JsonValue) -> tuple[float, float, float]:
    value, low, high = (_number(one) for one in values)
    return value or 0.0, low or 0.0, high or 0.0
