"""Calibrate: measure a market on the lake's events, quotes and what is known of who was an
agent.
"""

from typing import Final

import duckdb
import numpy as np

from phantom_core.core.errors import DataError
from phantom_core.core.resampling import share_of
from phantom_core.market.calibration.add_to_cart_quotes import (
    HINT,
    AddToCartQuotes,
    SessionIndex,
    check_variation,
    read_considered,
)
from phantom_core.market.calibration.arrivals import count_hours, measure_arrivals
from phantom_core.market.calibration.calibration import AgentShare, BasePrices, Calibration
from phantom_core.market.calibration.replay_check import ReplayCheck, replay_check
from phantom_core.market.calibration.sensitivity import (
    Choices,
    Sensitivities,
    measure_sensitivities,
)
from phantom_core.market.scenario import Detector

# An intercept this unlikely under the market's curve is told.
SUSPICIOUS: Final = 0.05


def measure_market(
    connection: duckdb.DuckDBPyConnection,
    visits: SessionIndex,
    *,
    created_ms: int,
    lake_version: int,
    rng: np.random.Generator,
    detector: Detector | None = None,
) -> Calibration:
    """Measure a market; what cannot be measured is left out with the reason.

    Args:
        connection: has the views `events` and `quotes` of the lake.
        visits: its sessions, with labels and probabilities where known.
        created_ms: when this is, UTC milliseconds.
        lake_version: version of the events.
        rng: draws the resamples.
        detector: quality of the trained classifier.
    Raises:
        DataError: there is no session.
    """
    if not visits.session_key.size:
        raise DataError("There are no sessions to calibrate from.", hint="Load events first.")
    first_ms, last_ms = int(visits.start_ms.min()), int(visits.end_ms.max())
    quotes = read_considered(connection, visits)
    share, sensitivity, refusal = _agent_share(visits, quotes, rng), None, DataError("")
    replay, notes = None, _notes(visits, quotes)
    try:
        check_variation(connection)
        sensitivity = _sensitivities(visits, quotes)
        notes += _notes_of(sensitivity)
    except DataError as error:
        refusal = error
    if sensitivity is not None:
        try:
            replay = _replay(visits, quotes, first_ms, last_ms, rng)
        except DataError as error:
            notes += (f"No replay: {error.message}",)
    return Calibration(
        created_ms=created_ms,
        lake_version=lake_version,
        visits=measure_arrivals(count_hours(visits.start_ms, first_ms, last_ms), rng),
        shoppers=measure_arrivals(
            count_hours(np.clip(quotes.quote_ms, first_ms, last_ms), first_ms, last_ms), rng
        ),
        agent_share=share,
        base_prices=_base_prices(connection, quotes),
        sensitivity=sensitivity,
        refusal=refusal.message,
        hint=refusal.hint,
        detector=detector,
        replay=replay,
        notes=notes,
    )


def _agent_share(
    visits: SessionIndex, quotes: AddToCartQuotes, rng: np.random.Generator
) -> AgentShare:
    """By the model where there is one, since labelled sessions are rarely drawn at random; else by
    the labels.
    """
    weight = visits.p_agent if visits.model else visits.label
    known = ~np.isnan(weight)
    if not known.any():
        return AgentShare(
            None, None, "nobody said who is an agent: neither labels nor a trained classifier"
        )
    source = (
        f"calibrated P(agent) of classifier {visits.model}, "
        if visits.model
        else "labels, without a trained classifier, "
    )
    source += f"{int(known.sum()):,} of {known.size:,} sessions"
    labelled = ~np.isnan(visits.label)
    if visits.model and labelled.any():
        source += (
            f"; {visits.label[labelled].mean():.1%} of {int(labelled.sum()):,} labelled "
            "ones are agents"
        )
    shopped = visits.best_known[quotes.visit]
    met = ~np.isnan(shopped)
    shoppers = share_of(shopped, visits.actor[quotes.visit], rng, met) if met.any() else None
    source += "; of shoppers, labels where known" if visits.model and labelled.any() else ""
    return AgentShare(share_of(weight, visits.actor, rng, known), shoppers, source)


def choices_of(visits: SessionIndex, quotes: AddToCartQuotes) -> tuple[AddToCartQuotes, Choices]:
    """Quotes whose price ratio and chance of an agent are known, and the same as choices."""
    p_agent = visits.best_known[quotes.visit]
    usable = ~np.isnan(quotes.ratio) & ~np.isnan(p_agent)
    kept = quotes[usable]
    return kept, Choices(np.log(kept.ratio), kept.bought, p_agent[usable], visits.actor[kept.visit])


def _sensitivities(visits: SessionIndex, quotes: AddToCartQuotes) -> Sensitivities:
    if np.isnan(visits.best_known).all():
        raise DataError(
            "Sensitivities of humans and agents cannot be told apart: neither labels nor a "
            "trained classifier say who is an agent.",
            hint="Load labels or experiments, or train the classifier.",
        )
    kept, choices = choices_of(visits, quotes)
    return measure_sensitivities(
        choices, float(kept.was_randomised.mean()) if kept.visit.size else 0.0
    )


def _replay(
    visits: SessionIndex,
    quotes: AddToCartQuotes,
    first_ms: int,
    last_ms: int,
    rng: np.random.Generator,
) -> ReplayCheck:
    kept, choices = choices_of(visits, quotes)
    return replay_check(kept, choices, first_ms, last_ms, rng)


def _base_prices(
    connection: duckdb.DuckDBPyConnection, quotes: AddToCartQuotes
) -> BasePrices | None:
    [(n, low, high, median)] = connection.sql(
        "SELECT COUNT(*), MIN(base), MAX(base), MEDIAN(base) FROM "
        "(SELECT MEDIAN(base_price) AS base FROM quotes WHERE base_price > 0 GROUP BY product_id)"
    ).fetchall()
    if not n:
        return None
    known = quotes.base_price[~np.isnan(quotes.base_price)]
    return BasePrices(
        float(np.median(known)) if known.size else float(median), float(low), float(high), int(n)
    )


def _notes(visits: SessionIndex, quotes: AddToCartQuotes) -> tuple[str, ...]:
    notes = []
    guessed = np.isnan(visits.label) & ~np.isnan(visits.p_agent)
    if guessed.any() and quotes.visit.size:
        share = float(guessed[quotes.visit].mean())
        notes.append(
            f"{share:.0%} of the shoppers carry a probability, no label; where it is too sure, "
            "the two sensitivities move closer."
        )
    return tuple(notes)


def _notes_of(sensitivity: Sensitivities) -> tuple[str, ...]:
    notes = []
    if sensitivity.randomised < 1:
        notes.append(
            f"{1 - sensitivity.randomised:.0%} of the prices were not randomised: what moved them "
            f"may have moved demand as well. {HINT}"
        )
    if sensitivity.p_no_intercept < SUSPICIOUS:
        notes.append(
            "At the base price the market sells half of what is considered, this shop does not "
            f"(p = {sensitivity.p_no_intercept:.3f})."
        )
    return tuple(notes)
