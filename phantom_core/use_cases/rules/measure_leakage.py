"""Measure leakage: the ledger of a period, saved for the page and the command line."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.leakage.clusters import find_clusters
from phantom_core.leakage.dimensions import (
    by_cluster,
    by_day,
    by_family,
    by_name,
    by_rule,
    by_store,
)
from phantom_core.leakage.leakage import Leakage
from phantom_core.leakage.ledger import Dimension, explain_unavailable, total_leakage
from phantom_core.leakage.ledger_store import LedgerStore
from phantom_core.replay.markups import class_figures
from phantom_core.replay.origin import origin_of
from phantom_core.replay.period import Period
from phantom_core.replay.purchases import Purchases
from phantom_core.replay.reference import Reference, leakage_of, reference_prices
from phantom_core.replay.resampler import Resampler
from phantom_core.rules.evaluate import Decided, check_features, evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.models.agent_mix import CorrectedSessions, correct_mix
from phantom_core.use_cases.rules.replay_data import (
    ReplayData,
    connect_replay_data,
    read_replay_data,
    sessions_of,
)


@requires(Permission.WORK)
def measure_leakage(
    settings: Settings,
    rules: RuleSet,
    *,
    now_ms: int,
    period: Period | None = None,
    seed: int | None = None,
    progress: Progress = no_progress,
) -> Leakage:
    """Add up what agents paid less than each reference price; saves a ledger of the actor.

    Args:
        settings: workspace and default seed.
        rules: recovery rule set, for the breakdown by rule and the impact on humans.
        now_ms: UTC milliseconds.
        period: which days; None means all.
        seed: of the resamples; None means the settings' one.
        progress: called after every step; nothing is saved after it cancels.
    Raises:
        InputError: rules read features that no session has.
        DataError: nothing was bought in the period, or no session is labelled or scored.
    """
    check_features(rules, (*feature_names(), P_AGENT))
    chosen_seed = settings.seed if seed is None else seed
    with connect_replay_data(settings) as connection:
        data = read_replay_data(
            settings,
            connection,
            (rules,),
            period=period or Period(),
            as_of="quote",
            progress=part_progress(progress, 0, 0.6),
        )
        _check(data)
        corrected = correct_mix(
            settings, data.matrix, data.sessions, np.random.default_rng(chosen_seed)
        )
        data = replace(data, sessions=corrected.sessions)
        progress(0.6, "reference prices")
        prices = reference_prices(
            connection, data.sessions, data.quotes, data.purchases, settings.leakage_terms
        )
    rng = np.random.default_rng(chosen_seed)
    progress(0.7, "kinds of agents")
    decided = evaluate_rules(rules, data.features_at_quote, data.quotes.session.size)
    dimensions = _dimensions(data, rules, decided, rng)
    resampler = Resampler.of(data.sessions, data.is_within, rng)
    found = _leakage(
        data,
        rules,
        decided,
        prices,
        dimensions,
        resampler,
        (now_ms, chosen_seed),
        corrected,
        part_progress(progress, 0.75, 0.95),
    )
    progress(0.95, "saving")
    found = replace(found, origin=origin_of(period or Period()))
    ledger_store(settings).save(found, purchase_table(data, prices, dimensions))
    progress(1, "measured")
    return found


@requires(Permission.READ)
def ledger_store(settings: Settings) -> LedgerStore:
    """The stored ledgers of a workspace."""
    return LedgerStore(settings.paths.leakage)


@requires(Permission.READ)
def latest_leakage(settings: Settings) -> Leakage:
    """The newest ledger, of any author.

    Raises:
        NotFoundError: there is none.
        DataError: its file is damaged.
    """
    return ledger_store(settings).open()


@requires(Permission.READ)
def purchases_file(settings: Settings, name: str | None = None) -> Path:
    """File of the purchases behind a ledger.

    Args:
        settings: workspace.
        name: of the ledger; None means the newest.
    Raises:
        NotFoundError: there is none.
    """
    return ledger_store(settings).purchases_file(name)


@needs_no_permission
def purchase_table(
    data: ReplayData, prices: Sequence[Reference], dimensions: Sequence[Dimension]
) -> pa.Table:
    """Every purchase with its session and its leakage.

    Returns:
        session_id, start_ms, store_mode, label, family, agent_probability, time_ms, day, product,
        channel, cluster, rule, units, price, base_price (of one unit, currency), p_agent (the best
        known), leakage_constant, leakage_clean_quote, leakage_optimal (expected, currency; NULL
        where undefined).
    """
    purchases, p_agent = data.purchases, data.sessions.best_known[data.purchases.session]
    table = sessions_of(data, purchases.session).append_column(
        "time_ms", pa.array(purchases.event_ms)
    )
    for dimension in dimensions:
        if dimension.name not in ("store mode", "family"):
            table = table.append_column(
                dimension.name, pa.array(dimension.keys).take(pa.array(dimension.code))
            )
    numbers: dict[str, Floats] = {
        "units": purchases.units,
        "price": purchases.price,
        "base_price": purchases.base_price,
        "p_agent": p_agent,
    }
    for reference in prices:
        known = purchases.is_priced & ~np.isnan(reference.ratio)
        numbers[f"leakage_{reference.name}"] = np.where(
            known, p_agent * leakage_of(purchases, reference), np.nan
        )
    for name, values in numbers.items():
        table = table.append_column(name, pa.array(values, from_pandas=True))
    return table


def _check(data: ReplayData) -> None:
    if not data.purchases.session.size:
        raise DataError(
            "Nothing was bought in this period, so nothing leaked.",
            hint="Choose other days, or load purchases.",
        )
    if np.isnan(data.sessions.best_known[data.purchases.session]).all():
        raise DataError(
            "It is unknown which purchases agents made: there are neither labels nor a trained "
            "classifier.",
            hint="Load labels or experiments, or train the classifier.",
        )


def _dimensions(
    data: ReplayData, rules: RuleSet, decided: Decided, rng: np.random.Generator
) -> tuple[Dimension, ...]:
    purchases = data.purchases
    clusters = find_clusters(data.matrix, data.sessions.best_known, rng)
    return (
        by_day(purchases),
        by_name("product", purchases.product, purchases.products, "not named"),
        by_name("channel", purchases.channel, purchases.channels, "not named"),
        by_store(purchases),
        by_family(purchases, data.matrix["family"]),
        by_cluster(purchases, clusters),
        by_rule(purchases, rules, decided),
    )


def _leakage(
    data: ReplayData,
    rules: RuleSet,
    decided: Decided,
    prices: Sequence[Reference],
    dimensions: Sequence[Dimension],
    resampler: Resampler,
    when: tuple[int, int],
    corrected: CorrectedSessions,
    progress: Progress,
) -> Leakage:
    purchases, sessions = data.purchases, data.sessions
    known = sessions.best_known[purchases.session]
    p_agent, actor, revenue = (
        np.nan_to_num(known),
        sessions.actor[purchases.session],
        np.nan_to_num(purchases.revenue),
    )
    accounts = []
    for k, reference in enumerate(prices):
        progress(k / len(prices), f"reference price {reference.name.replace('_', ' ')}")
        # The same random numbers for every reference price, so that intervals can be compared.
        rng = np.random.default_rng(when[1])
        accounts.append(
            explain_unavailable(reference)
            if reference.problem
            else total_leakage(
                purchases,
                p_agent,
                reference,
                dimensions,
                resampler,
                actor,
                rng,
                corrected.drawn_factors,
            )
        )
    human = np.nan_to_num(1.0 - sessions.best_known)
    return Leakage(
        created_ms=when[0],
        lake_version=data.lake_version,
        model=sessions.model,
        labelled=float((~np.isnan(sessions.label[purchases.session])).mean()),
        seed=when[1],
        first_ms=int(purchases.event_ms.min()),
        last_ms=int(purchases.event_ms.max()),
        purchases=int(purchases.session.size),
        unpriced=int((~purchases.is_priced).sum()),
        unknown=int(np.isnan(known).sum()),
        revenue=resampler.total(revenue, purchases.session),
        agent_revenue=resampler.total(p_agent * revenue, purchases.session),
        accounts=tuple(accounts),
        rules=rules.name,
        humans=class_figures(decided.markup_ratio, human, data.quotes, resampler)
        if data.quotes.session.size
        else None,
        mix=corrected.mix,
        as_labelled=_as_labelled(purchases, prices, corrected) if corrected.mix else {},
    )


def _as_labelled(
    purchases: Purchases, prices: Sequence[Reference], corrected: CorrectedSessions
) -> dict[str, float]:
    """Leakage under every reference price, had the mix been that of the labels."""
    p_agent = np.nan_to_num(corrected.as_labelled.best_known[purchases.session])
    return {
        one.name: float((p_agent * leakage_of(purchases, one)).sum())
        for one in prices
        if not one.problem
    }
