"""Comparison: figures of the last days against the days before, and whether to raise an alert.

A figure past its limit is an alert only where chance alone does not explain it; else its status is
"watch".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from scipy import stats

from phantom_core.monitoring.alarm_budget import level_of_look
from phantom_core.monitoring.drift import FeatureDrift

Status = Literal["ok", "watch", "alert", "unknown"]
LEAST_SESSIONS: Final = 50
LEAST_PURCHASES: Final = 10
_REASONS_NAMED: Final = 3
LEAST_ROWS: Final = 100
# Of one look an hour.
LEVEL: Final = level_of_look(3_600)
# A sentence names at most this many features.
NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One figure and its limit.

    Attributes:
        name: of the figure; an alert of this name is raised once until it clears.
        status: ok; watch: past the limit, perhaps by chance; alert; unknown: too little data.
        value: the figure; None where it is undefined.
        limit: beyond which it is an alert.
        sentence: what was found, with the figures behind it.
    """

    name: str
    status: Status
    value: float | None
    limit: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Count:
    """Sessions of a period, and how many of them are hits, such as agents.

    Attributes:
        hits, n: counts.
        hits_hits, hits_n, n_n: sums over actors of the products of their counts, from which
            the variance of the rate is estimated; None where each session is an actor.
        actors: count; None where each session is one.
    """

    hits: float
    n: int
    hits_hits: float | None = None
    hits_n: float | None = None
    n_n: float | None = None
    actors: int | None = None

    @property
    def rate(self) -> float | None:
        """Share of hits; None without a session."""
        return self.hits / self.n if self.n else None

    def variance(self, rate: float) -> float:
        """Of the share of hits if its expected value is a rate, clustered by actor."""
        squares, products, sizes = (
            default if one is None else one
            for one, default in (
                (self.hits_hits, self.hits),
                (self.hits_n, self.hits),
                (self.n_n, float(self.n)),
            )
        )
        return max(0.0, squares - 2 * rate * products + rate**2 * sizes) / self.n**2


@dataclass(frozen=True, slots=True)
class Money:
    """Revenue of a period.

    Attributes:
        total: currency.
        squares: sum of the squares of what each actor paid, from which the variance of the total
            is estimated.
        purchases: sessions that bought, count.
    """

    total: float
    squares: float
    purchases: int


def rate_moved(
    name: str, what: str, before: Count, after: Count, limit: float, level: float = LEVEL
) -> Check:
    """Whether a rate moved by more than a share of itself.

    Args:
        name: of the check.
        what: the rate as a phrase.
        before: the earlier period.
        after: the later one.
        limit: relative change, such as 0.2.
        level: probability of an alert where nothing moved.

    >>> before, after = Count(100, 1_000), Count(150, 1_000)
    >>> rate_moved("detection_rate", "Detection rate", before, after, 0.2).status
    'alert'
    """
    if min(before.n, after.n) < LEAST_SESSIONS or not before.hits:
        found = f"{what}: {before.n:,} sessions in the week before and {after.n:,} in the last one"
        return Check(
            name,
            "unknown",
            None,
            limit,
            f"{found}; {LEAST_SESSIONS} in each, and some hits before, are needed to compare.",
        )
    old, new = before.hits / before.n, after.hits / after.n
    change = new / old - 1
    pooled = (before.hits + after.hits) / (before.n + after.n)
    spread = (before.variance(pooled) + after.variance(pooled)) ** 0.5
    actors = sum(one.n if one.actors is None else one.actors for one in (before, after))
    largest = float(stats.t.isf(level / 2, max(1, actors - 2)))
    # Whole sessions move a rate in steps, half of which a normal curve would leave out.
    step = (1 / before.n + 1 / after.n) / 2
    is_chance = spread > 0 and (abs(new - old) - step) / spread < largest
    status: Status = "ok" if abs(change) <= limit else "watch" if is_chance else "alert"
    doubt = ", which may be chance" if status == "watch" else ""
    sentence = f"{what} moved from {old:.1%} to {new:.1%} ({change:+.0%}) week on week{doubt}"
    return Check(
        name,
        status,
        change,
        limit,
        f"{sentence}; {before.n:,} and {after.n:,} sessions.".replace("%", " %"),
    )


def money_fell(name: str, before: Money, after: Money, limit: float, level: float = LEVEL) -> Check:
    """Whether revenue fell by more than a share of itself.

    Args:
        name: of the check.
        before: the earlier period.
        after: the later one.
        limit: relative fall, such as 0.05.
        level: probability of an alert where nothing fell.
    Source: the variance of a compound Poisson total is the expected sum of squares.
    """
    if before.purchases < LEAST_PURCHASES:
        found = f"Revenue: {before.purchases:,} sessions bought in the week before"
        return Check(
            name, "unknown", None, limit, f"{found}; {LEAST_PURCHASES} are needed to compare."
        )
    change = after.total / before.total - 1
    largest = float(stats.norm.isf(level))
    is_chance = (before.total - after.total) / (before.squares + after.squares) ** 0.5 < largest
    status: Status = "ok" if change >= -limit else "watch" if is_chance else "alert"
    doubt = ", which may be chance" if status == "watch" else ""
    sentence = (
        f"Revenue went from {before.total:,.0f} to {after.total:,.0f} ({change:+.0%}) week on "
        f"week{doubt}"
    ).replace("%", " %")
    return Check(
        name,
        status,
        -change,
        limit,
        f"{sentence}; {before.purchases:,} and {after.purchases:,} sessions bought.",
    )


def features_drifted(
    rows: Sequence[FeatureDrift], limit: float, reference: str, level: float = LEVEL
) -> Check:
    """Whether the distribution of any feature moved; one check for all, since they move together.

    Args:
        rows: the features against their reference, the one that moved furthest first.
        limit: of the population stability index.
        reference: what they are compared with, as a phrase.
        level: probability of an alert where nothing moved.
    """
    readable = [row for row in rows if row.reading != "too few sessions to tell"]
    if not readable:
        return Check(
            "feature_drift",
            "unknown",
            None,
            limit,
            "Features: too few sessions to detect a shift.",
        )
    far = [row for row in readable if row.psi >= limit]
    moved = [row for row in far if row.p_value <= level]
    worst = max(row.psi for row in readable)
    if not far:
        return Check(
            "feature_drift",
            "ok",
            worst,
            limit,
            f"No feature moved past PSI {limit:g} against {reference}.",
        )
    if not moved:
        first = far[0]
        return Check(
            "feature_drift",
            "watch",
            worst,
            limit,
            f"{first.name.replace('_', ' ').capitalize()} is at PSI {first.psi:.2f} against "
            f"{reference}, which may be chance: with so few sessions it is "
            f"{first.psi_of_chance:.2f} on average when nothing moved.",
        )
    named = ", ".join(f"{row.name.replace('_', ' ')} {row.psi:.2f}" for row in moved[:NAMED])
    more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
    return Check(
        "feature_drift",
        "alert",
        worst,
        limit,
        f"Features moved against {reference}, PSI: {named}{more}.",
    )


def too_old(name: str, what: str, age_days: float | None, limit_days: float, then: str) -> Check:
    """Whether something was not renewed for too long.

    Args:
        name: of the check.
        what: the thing, as the start of a sentence.
        age_days: since it was renewed; None where there is none.
        limit_days: the most that is allowed.
        then: what to do.
    """
    if age_days is None:
        return Check(name, "unknown", None, limit_days, f"{what}: there is none.")
    status: Status = "alert" if age_days > limit_days else "ok"
    advice = f" {then}" if status == "alert" else ""
    return Check(
        name,
        status,
        age_days,
        limit_days,
        f"{what} is {age_days:.1f} days old; limit: {_days(limit_days)}.{advice}",
    )


def _days(number: float) -> str:
    return f"{number:g} day" if number == 1 else f"{number:g} days"


def share_rejected(name: str, rejected: int, rows: int, limit: float) -> Check:
    """Whether too many rows go to quarantine.

    Args:
        name: of the check.
        rejected: rows in quarantine.
        rows: read in all.
        limit: share of them.
    """
    if rows < LEAST_ROWS:
        return Check(
            name,
            "unknown",
            None,
            limit,
            f"Quarantine: {rows:,} rows came in the last week; {LEAST_ROWS} are needed.",
        )
    share = rejected / rows
    sentence = (
        f"{rejected:,} of {rows:,} rows of the last week are in quarantine ({share:.1%}).".replace(
            "%", " %"
        )
    )
    return Check(name, "alert" if share > limit else "ok", share, limit, sentence)


def share_refused(name: str, received: int, by_reason: Mapping[str, int], limit: float) -> Check:
    """Whether too many events were refused over HTTP, which no quarantine holds.

    Args:
        name: of the check.
        received: events and quotes over HTTP in all.
        by_reason: refused ones by reason code.
        limit: share of them.
    """
    refused = sum(by_reason.values())
    if received < LEAST_ROWS:
        sentence = (
            f"Refused over HTTP: {received:,} events came in the last week; "
            f"{LEAST_ROWS} are needed."
        )
        return Check(name, "unknown", None, limit, sentence)
    share = refused / received
    most = sorted(by_reason.items(), key=lambda one: (-one[1], one[0]))[:_REASONS_NAMED]
    named = ": " + ", ".join(f"{n:,} {reason}" for reason, n in most) if most else ""
    sentence = (
        f"{refused:,} of {received:,} events sent over HTTP in the last week were refused "
        f"({100 * share:.1f} %){named}."
    )
    return Check(name, "alert" if share > limit else "ok", share, limit, sentence)
