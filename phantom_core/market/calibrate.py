"""Calibrate: fit a market to the lake's events, quotes and agent labels or probabilities."""

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
    read_add_to_cart_quotes,
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

# An intercept this unlikely under the market's curve is reported.
SUSPICIOUS: Final = 0.05


def measure_market(
    connection: duckdb.DuckDBPyConnection,
    sessions: SessionIndex,
    *,
    created_ms: int,
    lake_version: int,
    rng: np.random.Generator,
    detector: Detector | None = None,
) -> Calibration:
    """Measure a market; what cannot be measured is left out with the reason.

    Args:
        connection: has the views `events` and `quotes` of the lake.
        sessions: its sessions, with labels and probabilities where known.
        created_ms: time of the calibration, UTC milliseconds.
        lake_version: version of the events.
        rng: draws the resamples.
        detector: quality of the trained classifier.
    Raises:
        DataError: there is no session.
    """
    if not sessions.session_key.size:
        raise DataError("There are no sessions to calibrate from.", hint="Load events first.")
    first_ms, last_ms = int(sessions.start_ms.min()), int(sessions.end_ms.max())
    quotes = read_add_to_cart_quotes(connection, sessions)
    share, sensitivity, rejection = _agent_share(sessions, quotes, rng), None, DataError("")
    replay, notes = None, _notes(sessions, quotes)
    try:
        check_variation(connection)
        sensitivity = _sensitivities(sessions, quotes)
        notes += _notes_of(sensitivity)
    except DataError as error:
        rejection = error
    if sensitivity is not None:
        try:
            replay = _replay(sessions, quotes, first_ms, last_ms, rng)
        except DataError as error:
            notes += (f"No replay: {error.message}",)
    return Calibration(
        created_ms=created_ms,
        lake_version=lake_version,
        visits=measure_arrivals(count_hours(sessions.start_ms, first_ms, last_ms), rng),
        shoppers=measure_arrivals(
            count_hours(np.clip(quotes.quote_ms, first_ms, last_ms), first_ms, last_ms), rng
        ),
        agent_share=share,
        base_prices=_base_prices(connection, quotes),
        sensitivity=sensitivity,
        refusal=rejection.message,
        hint=rejection.hint,
        detector=detector,
        replay=replay,
        notes=notes,
    )


def _agent_share(
    sessions: SessionIndex, quotes: AddToCartQuotes, rng: np.random.Generator
) -> AgentShare:
    """The agent share by the model where there is one, since labelled sessions are rarely drawn at
    random; else by the labels.
    """
    weight = sessions.p_agent if sessions.model else sessions.label
    known = ~np.isnan(weight)
    if not known.any():
        return AgentShare(None, None, "unknown: there are neither labels nor a trained classifier")
    source = (
        f"calibrated P(agent) of classifier {sessions.model}, "
        if sessions.model
        else "labels, without a trained classifier, "
    )
    source += f"{int(known.sum()):,} of {known.size:,} sessions"
    labelled = ~np.isnan(sessions.label)
    if sessions.model and labelled.any():
        source += (
            f"; {sessions.label[labelled].mean():.1%} of {int(labelled.sum()):,} labelled "
            "ones are agents"
        )
    p_shopper = sessions.best_known[quotes.visit]
    is_known = ~np.isnan(p_shopper)
    shoppers = (
        share_of(p_shopper, sessions.actor[quotes.visit], rng, is_known) if is_known.any() else None
    )
    source += "; of shoppers, labels where known" if sessions.model and labelled.any() else ""
    return AgentShare(share_of(weight, sessions.actor, rng, known), shoppers, source)


def choices_of(sessions: SessionIndex, quotes: AddToCartQuotes) -> tuple[AddToCartQuotes, Choices]:
    """Quotes whose price ratio and P(agent) are known, and the same rows as choices."""
    p_agent = sessions.best_known[quotes.visit]
    usable = ~np.isnan(quotes.ratio) & ~np.isnan(p_agent)
    usable_quotes = quotes[usable]
    return usable_quotes, Choices(
        np.log(usable_quotes.ratio),
        usable_quotes.bought,
        p_agent[usable],
        sessions.actor[usable_quotes.visit],
    )


def _sensitivities(sessions: SessionIndex, quotes: AddToCartQuotes) -> Sensitivities:
    if np.isnan(sessions.best_known).all():
        raise DataError(
            "Sensitivities of humans and agents cannot be separated: neither labels nor a trained "
            "classifier say which sessions are agents.",
            hint="Load labels or experiments, or train the classifier.",
        )
    usable_quotes, choices = choices_of(sessions, quotes)
    return measure_sensitivities(
        choices, float(usable_quotes.was_randomised.mean()) if usable_quotes.visit.size else 0.0
    )


def _replay(
    sessions: SessionIndex,
    quotes: AddToCartQuotes,
    first_ms: int,
    last_ms: int,
    rng: np.random.Generator,
) -> ReplayCheck:
    usable_quotes, choices = choices_of(sessions, quotes)
    return replay_check(usable_quotes, choices, first_ms, last_ms, rng)


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


def _notes(sessions: SessionIndex, quotes: AddToCartQuotes) -> tuple[str, ...]:
    notes = []
    unlabelled = np.isnan(sessions.label) & ~np.isnan(sessions.p_agent)
    if unlabelled.any() and quotes.visit.size:
        share = float(unlabelled[quotes.visit].mean())
        notes.append(
            f"{share:.0%} of the shoppers have a probability instead of a label; where it is "
            "overconfident, the two sensitivities are biased towards each other."
        )
    return tuple(notes)


def _notes_of(sensitivity: Sensitivities) -> tuple[str, ...]:
    notes = []
    if sensitivity.randomised < 1:
        notes.append(
            f"{1 - sensitivity.randomised:.0%} of the prices were not randomised: what changed "
            f"them may have changed demand as well. {HINT}"
        )
    if sensitivity.p_no_intercept < SUSPICIOUS:
        notes.append(
            "The simulated market assumes that half of the add-to-cart quotes at the base price "
            f"are bought; in this shop the share differs (p = {sensitivity.p_no_intercept:.3f})."
        )
    return tuple(notes)
