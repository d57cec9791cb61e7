"""Measure leakage: the ledger of a period, kept for the page and the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError, NotFoundError
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
from phantom_core.leakage.leakage import Leakage, read_leakage
from phantom_core.leakage.ledger import Dimension, explain_unavailable, total_leakage
from phantom_core.model_store.store import replace_file
from phantom_core.replay.markups import class_figures
from phantom_core.replay.period import Period
from phantom_core.replay.reference import Reference, leakage_of, reference_prices
from phantom_core.replay.resampler import Resampler
from phantom_core.rules.evaluate import Decided, check_features, evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.rules.replay_data import (
    Logged,
    connect_logged,
    read_logged,
    sessions_of,
)

LATEST: Final = "latest.json"
PURCHASES: Final = "purchases.parquet"


def measure_leakage(
    settings: Settings,
    rules: RuleSet,
    *,
    now_ms: int,
    period: Period | None = None,
    seed: int | None = None,
    progress: Progress = no_progress,
) -> Leakage:
    """Add up what agents paid less than each reference price, and keep it as the latest ledger.

    Args:
        settings: workspace and default seed.
        rules: the set that parts by rule, and who bears the correction, stand for.
        now_ms: when this is, UTC milliseconds.
        period: which days; None means all.
        seed: of the resamples; None means the settings' one.
        progress: told after every step; nothing is saved after it says stop.
    Raises:
        InputError: rules read what is not known of a session.
        DataError: nothing was bought in the period, or nobody knows who is an agent.
    """
    check_features(rules, (*feature_names(), P_AGENT))
    chosen_seed = settings.seed if seed is None else seed
    with connect_logged(settings) as connection:
        logged = read_logged(
            settings,
            connection,
            (rules,),
            period=period or Period(),
            as_of="quote",
            progress=part_progress(progress, 0, 0.6),
        )
        _check(logged)
        progress(0.6, "reference prices")
        prices = reference_prices(connection, logged.visits, logged.quotes, logged.purchases)
    rng = np.random.default_rng(chosen_seed)
    progress(0.7, "kinds of agents")
    decided = evaluate_rules(rules, logged.seen, logged.quotes.session.size)
    cuts = _dimensions(logged, rules, decided, rng)
    resampler = Resampler.of(logged.visits, logged.is_within, rng)
    found = _leakage(
        logged,
        rules,
        decided,
        prices,
        cuts,
        resampler,
        (now_ms, chosen_seed),
        part_progress(progress, 0.75, 0.95),
    )
    progress(0.95, "saving")
    _save(settings, found, purchase_table(logged, prices, cuts))
    progress(1, "measured")
    return found


def latest_leakage(settings: Settings) -> Leakage:
    """The ledger made last.

    Raises:
        NotFoundError: there is none.
        DataError: its file is damaged.
    """
    path = settings.paths.leakage / LATEST
    try:
        return read_leakage(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise NotFoundError(
            "The leakage has not been measured in this workspace yet.", hint="Measure it first."
        ) from None


def purchases_file(settings: Settings) -> Path:
    """File of the purchases behind the latest ledger."""
    return settings.paths.leakage / PURCHASES


def purchase_table(
    logged: Logged, prices: Sequence[Reference], cuts: Sequence[Dimension]
) -> pa.Table:
    """Every purchase with its session and what it leaks.

    Returns:
        session_id, start_ms, store_mode, label, family, agent_probability, time_ms, day, product,
        channel, cluster, rule, units, price, base_price (of one unit, currency), p_agent (what
        counts), leakage_constant, leakage_clean_quote, leakage_optimal (expected, currency; NULL
        where it cannot be said).
    """
    purchases, p_agent = logged.purchases, logged.visits.best_known[logged.purchases.session]
    table = sessions_of(logged, purchases.session).append_column(
        "time_ms", pa.array(purchases.event_ms)
    )
    for cut in cuts:
        if cut.name not in ("store mode", "family"):
            table = table.append_column(cut.name, pa.array(cut.keys).take(pa.array(cut.code)))
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


def _check(logged: Logged) -> None:
    if not logged.purchases.session.size:
        raise DataError(
            "Nothing was bought in this period, so nothing leaked.",
            hint="Choose other days, or load purchases.",
        )
    if np.isnan(logged.visits.best_known[logged.purchases.session]).all():
        raise DataError(
            "Nobody knows which purchases agents made: there are neither labels nor a trained "
            "classifier.",
            hint="Load labels or experiments, or train the classifier.",
        )


def _dimensions(
    logged: Logged, rules: RuleSet, decided: Decided, rng: np.random.Generator
) -> tuple[Dimension, ...]:
    purchases = logged.purchases
    clusters = find_clusters(logged.matrix, logged.visits.best_known, rng)
    return (
        by_day(purchases),
        by_name("product", purchases.product, purchases.products, "not named"),
        by_name("channel", purchases.channel, purchases.channels, "not named"),
        by_store(purchases),
        by_family(purchases, logged.matrix["family"]),
        by_cluster(purchases, clusters),
        by_rule(purchases, rules, decided),
    )


def _leakage(
    logged: Logged,
    rules: RuleSet,
    decided: Decided,
    prices: Sequence[Reference],
    cuts: Sequence[Dimension],
    resampler: Resampler,
    when: tuple[int, int],
    progress: Progress,
) -> Leakage:
    purchases, visits = logged.purchases, logged.visits
    known = visits.best_known[purchases.session]
    p_agent, actor, revenue = (
        np.nan_to_num(known),
        visits.actor[purchases.session],
        np.nan_to_num(purchases.revenue),
    )
    accounts = []
    for k, reference in enumerate(prices):
        progress(k / len(prices), f"reference price {reference.name.replace('_', ' ')}")
        # The same luck for every reference price, so that their intervals can be compared.
        rng = np.random.default_rng(when[1])
        accounts.append(
            explain_unavailable(reference)
            if reference.problem
            else total_leakage(purchases, p_agent, reference, cuts, resampler, actor, rng)
        )
    human = np.nan_to_num(1.0 - visits.best_known)
    return Leakage(
        created_ms=when[0],
        lake_version=logged.lake_version,
        model=visits.model,
        labelled=float((~np.isnan(visits.label[purchases.session])).mean()),
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
        humans=class_figures(decided.markup_ratio, human, logged.quotes, resampler)
        if logged.quotes.session.size
        else None,
    )


def _save(settings: Settings, found: Leakage, purchases: pa.Table) -> None:
    folder = settings.paths.leakage
    folder.mkdir(parents=True, exist_ok=True)
    sink = pa.BufferOutputStream()
    pq.write_table(purchases, sink)
    replace_file(folder / PURCHASES, sink.getvalue().to_pybytes())
    replace_file(folder / LATEST, found.to_text().encode())
