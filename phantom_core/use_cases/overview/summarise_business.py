"""Summarise business: revenue, leakage and conversion of a period, beside the one before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.releases import current_release
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError, InputError
from phantom_core.core.estimate import Estimate, wilson_interval
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.resampling import quantile_interval
from phantom_core.core.settings import Settings
from phantom_core.leakage.business_summary import (
    CLASSES,
    BusinessSummary,
    ClassBusiness,
    ComparedFigure,
    DayLeakage,
    LeakingSegment,
    LiveRecovery,
)
from phantom_core.leakage.class_draws import ClassDraws, Summed
from phantom_core.leakage.clusters import find_clusters
from phantom_core.leakage.dimensions import by_cluster, by_name, by_store
from phantom_core.leakage.ledger import Dimension
from phantom_core.leakage.segment_test import enough_purchases, leaking_segments
from phantom_core.model_store.result_store import ResultStore
from phantom_core.replay.origin import origin_of
from phantom_core.replay.period import Period
from phantom_core.replay.quotes import real_column
from phantom_core.replay.reference import Reference, leakage_of, reference_prices
from phantom_core.replay.resampler import Resampler
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.rules.live_rules import live_policy, live_rules
from phantom_core.use_cases.rules.replay_data import (
    ReplayData,
    connect_replay_data,
    read_replay_data,
)

DAY_MS: Final = 86_400_000
MAX_DAYS: Final = 366
_DECLARED: Final = ("is_headless_browser", "is_automation_tool")


@requires(Permission.WORK)
def summarise_business(
    settings: Settings,
    *,
    now_ms: int,
    n_days: int = 7,
    reference: str = "constant",
    seed: int | None = None,
    progress: Progress = no_progress,
) -> BusinessSummary:
    """Work out the last days up to the newest event, and as many before them; saves the result.

    Args:
        settings: workspace and default seed.
        now_ms: UTC milliseconds.
        n_days: length of the period, each of 24 hours.
        reference: price that leakage is measured against.
        seed: of the resamples; None means the settings' one.
        progress: called after every step; nothing is saved after it cancels.
    Raises:
        InputError: n_days is out of range, or the reference price is not available.
        DataError: no session, or no session of known class.
    """
    if not 1 <= n_days <= MAX_DAYS:
        raise InputError(
            f"{n_days} days were asked for, expected 1 to {MAX_DAYS}.", hint="Choose 7 or 28."
        )
    chosen_seed = settings.seed if seed is None else seed
    rules, live = _live(settings)
    with connect_replay_data(settings) as connection:
        bounds = connection.execute("SELECT MIN(event_ms), MAX(event_ms) FROM events").fetchall()[0]
        if bounds[1] is None:
            raise DataError("There are no sessions yet.", hint="Load events first.")
        end_ms = int(bounds[1]) + 1
        start_ms = end_ms - n_days * DAY_MS
        first_ms = start_ms - n_days * DAY_MS
        data = read_replay_data(
            settings,
            connection,
            (rules,) if rules else (),
            period=Period(first_ms, end_ms),
            as_of="quote",
            progress=part_progress(progress, 0, 0.7),
        )
        progress(0.7, "reference prices")
        prices = reference_prices(connection, data.sessions, data.quotes, data.purchases)
    price = _price(prices, reference)
    window = _Window(first_ms, start_ms, end_ms, has_before=int(bounds[0]) <= first_ms)
    found = _summary(data, price, window, rules, live, (now_ms, n_days, chosen_seed), progress)
    summaries(settings).save(found.to_text().encode(), summary_name(n_days))
    progress(1, "summarised")
    return found


@requires(Permission.READ)
def summaries(settings: Settings) -> ResultStore:
    """Stored summaries of a workspace, one for each length of the period."""
    return ResultStore(
        settings.paths.summaries,
        "Revenue and leakage have not been worked out yet.",
        "Start it on the page Overview.",
    )


@requires(Permission.READ)
def summary_name(n_days: int) -> str:
    """Name of the summary of a number of days."""
    return f"{n_days}-days"


class _Window:
    """The period and the one before, and which of them a moment is in."""

    def __init__(self, first_ms: int, start_ms: int, end_ms: int, *, has_before: bool) -> None:
        self.first_ms, self.start_ms, self.end_ms = first_ms, start_ms, end_ms
        self.has_before = has_before

    def columns(self, event_ms: Ints) -> Floats:
        """1 where a moment is in the period, and in the one before, shape (n, 2)."""
        now = (event_ms >= self.start_ms) & (event_ms < self.end_ms)
        before = (event_ms >= self.first_ms) & (event_ms < self.start_ms)
        return np.stack([now, before], axis=1).astype(np.float64)

    def days(self, event_ms: Ints) -> tuple[Floats, list[int]]:
        """1 where a moment is in each 24 hours, and when these begin, oldest first."""
        start_ms = self.first_ms if self.has_before else self.start_ms
        starts = list(range(start_ms, self.end_ms, DAY_MS))
        position = (event_ms - start_ms) // DAY_MS
        return (position[:, None] == np.arange(len(starts))).astype(np.float64), starts

    def compared(self, value: Floats, drawn: Floats) -> ComparedFigure:
        """A figure of both periods, columns as of `columns`."""
        now = quantile_interval(float(value[0]), drawn[:, 0])
        if not self.has_before:
            return ComparedFigure(now, None, None)
        return ComparedFigure(
            now,
            quantile_interval(float(value[1]), drawn[:, 1]),
            quantile_interval(float(value[0] - value[1]), drawn[:, 0] - drawn[:, 1]),
        )


def _live(settings: Settings) -> tuple[RuleSet | None, LiveRecovery]:
    """The live rules, and what is known of their recovery before it is worked out."""
    with control_engine(settings).connect() as connection:
        release = current_release(connection)
        if release is None or not release.version or release.is_killed:
            why = (
                "The kill switch is on." if release and release.is_killed else "No rules are live."
            )
            return None, LiveRecovery("", 0.0, None, why)
        if live_policy(connection) == "model":
            return None, LiveRecovery(
                release.version, release.share, None, "The network prices the sessions."
            )
        return live_rules(connection), LiveRecovery(release.version, release.share, None)


def _price(prices: Sequence[Reference], name: str) -> Reference:
    by_name = {one.name: one for one in prices}
    chosen = next((one for one in prices if one.name == name), None)
    if chosen is None or chosen.problem:
        why = chosen.problem if chosen else f"Expected one of {', '.join(by_name)}."
        raise InputError(
            f"The reference price '{name}' is not available: {why}", hint="Use constant."
        )
    return chosen


def _summary(
    data: ReplayData,
    price: Reference,
    window: _Window,
    rules: RuleSet | None,
    live: LiveRecovery,
    when: tuple[int, int, int],
    progress: Progress,
) -> BusinessSummary:
    now_ms, n_days, seed = when
    rng = np.random.default_rng(seed)
    draws, is_declared = _classes_of(data, rng, seed)
    purchases = data.purchases
    short = leakage_of(purchases, price)
    revenue = np.nan_to_num(purchases.revenue)
    at = window.columns(purchases.event_ms)
    progress(0.75, "leakage")
    leaked = draws.agents(purchases.session, short[:, None] * at)
    taken = draws.everybody(purchases.session, revenue[:, None] * at)
    in_day, starts = window.days(purchases.event_ms)
    by_day = draws.agents(purchases.session, short[:, None] * in_day)
    progress(0.8, "classes of shoppers")
    sessions = np.flatnonzero(data.is_within)
    began = window.columns(data.sessions.start_ms[sessions])
    classes, gap = _business(data, draws, is_declared, (sessions, began), (revenue, at), window)
    progress(0.9, "segments")
    dimensions = _dimensions(data, rng)
    segments, n_tested = _segments(draws, data, dimensions, short, revenue, at[:, 0])
    is_now = began[:, 0] > 0
    return BusinessSummary(
        created_ms=now_ms,
        lake_version=data.lake_version,
        model=data.sessions.model,
        seed=seed,
        n_days=n_days,
        start_ms=window.start_ms,
        end_ms=window.end_ms,
        reference=price.name,
        says=price.says,
        sessions=int(is_now.sum()),
        unknown=int(np.isnan(draws.p_agent[sessions][is_now]).sum()),
        leakage=window.compared(leaked.value, leaked.drawn),
        revenue=window.compared(taken.value, taken.drawn),
        days=tuple(DayLeakage(at_ms, by_day.estimate(k)) for k, at_ms in enumerate(starts)),
        classes=classes,
        conversion_gap=gap,
        segments=segments,
        n_tested=n_tested,
        live=_recovery(data, draws, price, rules, live, at[:, 0]),
        origin=origin_of(Period()),
    )


def _classes_of(
    data: ReplayData, rng: np.random.Generator, seed: int
) -> tuple[ClassDraws, NDArray[np.bool_]]:
    """How classes are drawn, and which sessions name themselves as automated.

    A session that does so and has no label is an agent.
    """
    is_declared = np.zeros(data.sessions.actor.size, np.bool_)
    for name in _DECLARED:
        is_declared |= np.nan_to_num(real_column(data.matrix[name])) > 0
    label, known = data.sessions.label, data.sessions.best_known
    p_agent = np.where(np.isnan(label) & is_declared, 1.0, known)
    if np.isnan(p_agent[data.is_within]).all():
        raise DataError(
            "It is unknown which sessions are agents: there are neither labels nor a trained "
            "classifier.",
            hint="Load labels or experiments, or train the classifier.",
        )
    resampler = Resampler.of(data.sessions, data.is_within, rng)
    return ClassDraws(p_agent, data.sessions.actor, resampler, seed), is_declared


def _business(
    data: ReplayData,
    draws: ClassDraws,
    is_declared: NDArray[np.bool_],
    sessions: tuple[Ints, Floats],
    money: tuple[Floats, Floats],
    window: _Window,
) -> tuple[tuple[ClassBusiness, ...], Estimate]:
    """What each class did, and the conversion of humans minus that of agents."""
    rows, began = sessions
    revenue, at = money
    bought = np.nan_to_num(real_column(data.matrix["purchased"]))[rows]
    figures = np.concatenate([began, began * bought[:, None]], axis=1)
    found, counts = [], []
    for name in CLASSES:
        among = np.ones(is_declared.size) if name == "humans" else _among(name, is_declared)
        add = draws.humans if name == "humans" else draws.agents
        counted = add(rows, figures * among[rows][:, None])
        counts.append(counted)
        earned = add(
            data.purchases.session,
            revenue[:, None] * at * among[data.purchases.session][:, None],
        )
        found.append(
            ClassBusiness(
                name,
                float(counted.value[0]),
                window.compared(earned.value, earned.drawn),
                _conversion(counted, window),
            )
        )
    return tuple(found), _gap(counts[0], Summed.joined(counts[1:]))


def _gap(humans: Summed, agents: Summed) -> Estimate:
    with np.errstate(invalid="ignore", divide="ignore"):
        value = humans.value[2] / humans.value[0] - agents.value[2] / agents.value[0]
        drawn = humans.drawn[:, 2] / humans.drawn[:, 0] - agents.drawn[:, 2] / agents.drawn[:, 0]
    return quantile_interval(float(value), drawn)


def _among(name: str, is_declared: NDArray[np.bool_]) -> Floats:
    return (is_declared if name == "declared agents" else ~is_declared).astype(np.float64)


def _conversion(counted: Summed, window: _Window) -> ComparedFigure:
    """Buyers over sessions of both periods; without a single buyer, resamples know no spread."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = window.compared(
            counted.value[2:] / counted.value[:2], counted.drawn[:, 2:] / counted.drawn[:, :2]
        )
    before = found.before and _with_spread(found.before, counted.value[1])
    return replace(found, now=_with_spread(found.now, counted.value[0]), before=before)


def _with_spread(share: Estimate, n: float) -> Estimate:
    """The share with the interval of Wilson where all resamples agree."""
    if share.low < share.high or not n > 0:
        return share
    return Estimate(share.value, *wilson_interval(share.value, n))


def _dimensions(data: ReplayData, rng: np.random.Generator) -> tuple[Dimension, ...]:
    purchases = data.purchases
    clusters = find_clusters(data.matrix, data.sessions.best_known, rng)
    return (
        by_name("product", purchases.product, purchases.products, "not named"),
        by_name("channel", purchases.channel, purchases.channels, "not named"),
        by_store(purchases),
        by_cluster(purchases, clusters),
    )


def _segments(
    draws: ClassDraws,
    data: ReplayData,
    dimensions: Sequence[Dimension],
    short: Floats,
    revenue: Floats,
    is_now: Floats,
) -> tuple[tuple[LeakingSegment, ...], int]:
    """Segments that leak significantly, of the period, and how many were tested.

    Args:
        draws: of the classes.
        data: purchases.
        dimensions: breakdowns.
        short: leakage of each purchase if an agent made it, currency.
        revenue: of each, currency.
        is_now: 1 for purchases of the period.
    """
    now = np.flatnonzero(is_now)
    named: list[tuple[str, str, NDArray[np.bool_]]] = []
    for dimension in dimensions:
        code = dimension.code[now]
        counts = np.bincount(code, minlength=len(dimension.keys)).tolist()
        named += [
            (dimension.name, dimension.keys[k], code == k)
            for k in enough_purchases(counts)
            if counts[k] < now.size  # the whole shop is no segment
        ]
    if not named:
        return (), 0
    within = np.stack([*(rows for _, _, rows in named), np.ones(now.size, np.bool_)], axis=1)
    session = data.purchases.session[now]
    leaked = draws.agents(session, short[now][:, None] * within)
    taken = draws.everybody(session, revenue[now][:, None] * within)
    found = leaking_segments(leaked.value, taken.value, leaked.drawn, taken.drawn, len(named))
    segments = tuple(
        LeakingSegment(
            named[one.position][0],
            named[one.position][1],
            leaked.estimate(one.position),
            float(leaked.value[one.position] / taken.value[one.position]),
            int(named[one.position][2].sum()),
            one.excess,
        )
        for one in found
    )
    return segments, len(named)


def _recovery(
    data: ReplayData,
    draws: ClassDraws,
    price: Reference,
    rules: RuleSet | None,
    live: LiveRecovery,
    is_now: Floats,
) -> LiveRecovery:
    """Leakage of the period's quoted purchases that the live rules take back, at their share."""
    if rules is None:
        return live
    purchases = data.purchases
    decided = evaluate_rules(rules, data.features_at_quote, data.quotes.session.size)
    is_quoted = purchases.quote >= 0
    ratio = np.ones(purchases.session.size)
    ratio[is_quoted] = decided.markup_ratio[purchases.quote[is_quoted]]
    recovered = leakage_of(purchases, price) - leakage_of(purchases, price, ratio)
    rows = np.where(is_quoted, recovered, 0.0) * is_now * live.share
    estimate: Estimate = draws.agents(purchases.session, rows[:, None]).estimate(0)
    return LiveRecovery(live.version, live.share, estimate)
