"""Replay rules: two rule sets on the logged sessions of a period."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.models.network_pricer import NetworkPricer
from phantom_core.replay.features_at_quote import AsOf
from phantom_core.replay.markups import class_figures, recovered_by_rules, rule_uses
from phantom_core.replay.network_prices import priced_by_network
from phantom_core.replay.off_policy import off_policy_value, paired_difference
from phantom_core.replay.origin import origin_of
from phantom_core.replay.period import Period
from phantom_core.replay.purchases import units_by_quote
from phantom_core.replay.reference import Reference, reference_prices
from phantom_core.replay.replay import Replay, SetReplay, change_bars, moved_sessions
from phantom_core.replay.replay_store import ReplayStore
from phantom_core.replay.resampler import Resampler
from phantom_core.replay.revenue_model import RevenueModel, fit_revenue
from phantom_core.rules.evaluate import Decided, check_features, evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules
from phantom_core.use_cases.rules.replay_data import (
    ReplayData,
    at_purchases,
    connect_replay_data,
    read_replay_data,
    sessions_of,
)


@requires(Permission.WORK)
def replay_rules(
    settings: Settings,
    rules: RuleSet,
    against: RuleSet,
    *,
    now_ms: int,
    period: Period | None = None,
    as_of: AsOf = "quote",
    seed: int | None = None,
    keep: bool = True,
    networks: tuple[NetworkPricer | None, NetworkPricer | None] = (None, None),
    progress: Progress = no_progress,
) -> Replay:
    """Replay two rule sets; saves the result as the newest replay of the actor.

    Args:
        settings: workspace and default seed.
        rules: the rule set to evaluate.
        against: the one it is compared with, such as the live one.
        now_ms: UTC milliseconds.
        period: which days; None means all.
        as_of: up to which moment rules read a session.
        seed: of the resamples; None means the settings' one.
        keep: whether it is saved.
        networks: price in place of the two rule sets, which then apply where a network cannot.
        progress: called after every step; nothing is saved after it cancels.
    Raises:
        InputError: rules read features that no session has.
        DataError: no session or no quote in the period.
    """
    sets = (rules, against)
    for one in sets:
        check_features(one, (*feature_names(), P_AGENT))
    chosen_seed = settings.seed if seed is None else seed
    with connect_replay_data(settings) as connection:
        data = read_replay_data(
            settings,
            connection,
            sets,
            period=period or Period(),
            as_of=as_of,
            every_feature=any(networks),
            progress=part_progress(progress, 0, 0.7),
        )
        _require_quotes(data)
        progress(0.75, "reference prices")
        quoted, quote = at_purchases(data)
        prices = reference_prices(
            connection, data.sessions, data.quotes, quoted.purchases, settings.leakage_terms
        )
    rng = np.random.default_rng(chosen_seed)
    resampler = Resampler.of(data.sessions, data.is_within, rng)
    outcome = _outcome(quoted, rng)
    priced = _priced(data, sets, networks, progress)
    figures = []
    for k, made in enumerate(priced):
        progress(0.8 + 0.08 * k, f"replaying {sets[k].name}")
        replayed = _set(made.rules, made.decided, quoted, quote, prices, outcome, resampler)
        figures.append(replace(replayed, text=_text(sets[k], networks[k])))
    found = replace(
        _replay(data, priced, (figures[0], figures[1]), resampler, now_ms, chosen_seed, as_of),
        difference=_difference(data, priced, outcome, resampler),
        origin=origin_of(period or Period()),
    )
    if keep:
        progress(0.97, "saving")
        decided = (priced[0].decided, priced[1].decided)
        changed = changed_sessions(data, (priced[0].rules, priced[1].rules), decided)
        replay_store(settings).save(found, changed)
    progress(1, "replayed")
    return found


@requires(Permission.READ)
def replay_store(settings: Settings) -> ReplayStore:
    """The newest replays of a workspace."""
    return ReplayStore(settings.paths.replays)


@requires(Permission.READ)
def latest_replay(settings: Settings) -> Replay:
    """The latest replay.

    Raises:
        NotFoundError: there is none.
        DataError: its file is damaged.
    """
    return replay_store(settings).open()


@requires(Permission.READ)
def changed_sessions_file(settings: Settings, name: str | None = None) -> Path:
    """File of the sessions whose price a replay changes.

    Args:
        settings: workspace.
        name: of the replay; None means the latest.
    Raises:
        NotFoundError: there was no replay yet.
    """
    return replay_store(settings).changed_file(name)


@needs_no_permission
def changed_sessions(
    data: ReplayData, sets: tuple[RuleSet, RuleSet], decided: tuple[Decided, Decided]
) -> pa.Table:
    """Sessions with a price that differs between two rule sets, the largest change first.

    Returns:
        session_id, start_ms, store_mode, label, family, agent_probability, quotes, quotes_changed,
        markup_before, markup_after (means over the changed quotes), rule_before, rule_after (of the
        last changed quote).
    """
    after, before = decided
    visit, differs = data.quotes.session, after.markup_ratio != before.markup_ratio
    n_quotes = np.bincount(visit, minlength=data.sessions.actor.size)
    rows = np.flatnonzero(differs)
    sessions, first, count = np.unique(visit[rows], return_index=True, return_counts=True)
    last = first + count - 1
    old, new = (
        np.add.reduceat(one.markup_ratio[rows], first) / count if rows.size else np.zeros(0)
        for one in (before, after)
    )
    order = np.argsort(-np.abs(new - old), kind="stable")
    table = sessions_of(data, sessions)
    columns: dict[str, object] = {
        "quotes": n_quotes[sessions],
        "quotes_changed": count,
        "markup_before": old,
        "markup_after": new,
        "rule_before": _titles(sets[1], before.rule[rows[last]]),
        "rule_after": _titles(sets[0], after.rule[rows[last]]),
    }
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return table.take(pa.array(order))


def _require_quotes(data: ReplayData) -> None:
    if not data.quotes.session.size:
        raise DataError(
            "No prices were logged in this period, so there is nothing to replay.",
            hint="Load a quote log, or choose other days.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Priced:
    """What a rule set decides at every quote; with a network, the rules that report its prices."""

    rules: RuleSet
    decided: Decided


def _priced(
    data: ReplayData,
    sets: tuple[RuleSet, RuleSet],
    networks: tuple[NetworkPricer | None, NetworkPricer | None],
    progress: Progress,
) -> tuple[_Priced, _Priced]:
    found = [
        _Priced(one, evaluate_rules(one, data.features_at_quote, data.quotes.session.size))
        for one in sets
    ]
    for k, network in enumerate(networks):
        if network:
            by_network = priced_by_network(
                network,
                found[k].rules,
                found[k].decided,
                data.features_at_quote,
                data.quotes,
                part_progress(progress, 0.7 + 0.05 * k, 0.75 + 0.05 * k),
            )
            found[k] = _Priced(*by_network)
    return found[0], found[1]


def _text(rules: RuleSet, network: NetworkPricer | None) -> str:
    text = format_rules(rules)
    return f"Priced by network {network.version}; where it cannot:\n{text}" if network else text


def _titles(rules: RuleSet, position: np.typing.NDArray[np.int64]) -> list[str]:
    return [rules.title(k) for k in position.tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """Outcome of the quotes, and P(agent) before it: that of a whole session knows the purchase."""

    units: Floats
    p_agent: Floats
    model: RevenueModel | None


def _outcome(data: ReplayData, rng: np.random.Generator) -> _Outcome:
    label = data.sessions.label[data.quotes.session]
    p_agent = np.where(np.isnan(label), data.p_agent_then, label)
    units = units_by_quote(data.purchases, data.quotes.session.size)
    return _Outcome(
        units,
        p_agent,
        fit_revenue(data.quotes, units, p_agent, data.sessions.actor[data.quotes.session], rng),
    )


def _set(
    rules: RuleSet,
    decided: Decided,
    data: ReplayData,
    quote: np.typing.NDArray[np.int64],
    prices: tuple[Reference, ...],
    outcome: _Outcome,
    resampler: Resampler,
) -> SetReplay:
    quotes, purchases, known = data.quotes, data.purchases, data.sessions.best_known
    agent, human = np.nan_to_num(known), np.nan_to_num(1.0 - known)
    is_known = bool((agent[quotes.session] + human[quotes.session]).any())
    ratio = decided.markup_ratio
    return SetReplay(
        name=rules.name,
        text=format_rules(rules),
        human=class_figures(ratio, human, quotes, resampler) if is_known else None,
        agent=class_figures(ratio, agent, quotes, resampler) if is_known else None,
        bars=change_bars(decided, known[quotes.session]),
        rules=rule_uses(rules, decided, known[quotes.session]),
        recovered=recovered_by_rules(
            purchases, agent[purchases.session], ratio[quote], prices, resampler
        ),
        value=off_policy_value(
            quotes, outcome.units, ratio, outcome.p_agent, outcome.model, resampler
        ),
    )


def _difference(
    data: ReplayData, priced: tuple[_Priced, _Priced], outcome: _Outcome, resampler: Resampler
) -> Estimate | None:
    return paired_difference(
        data.quotes,
        outcome.units,
        (priced[0].decided.markup_ratio, priced[1].decided.markup_ratio),
        outcome.p_agent,
        outcome.model,
        resampler,
    )


def _replay(
    data: ReplayData,
    priced: tuple[_Priced, _Priced],
    sets: tuple[SetReplay, SetReplay],
    resampler: Resampler,
    now_ms: int,
    seed: int,
    as_of: AsOf,
) -> Replay:
    after, before = priced
    quotes, p_agent = data.quotes, data.sessions.best_known[data.quotes.session]
    quoted = np.unique(quotes.session)
    is_changed = np.zeros(data.sessions.actor.size)
    is_changed[quotes.session[after.decided.markup_ratio != before.decided.markup_ratio]] = 1.0
    return Replay(
        created_ms=now_ms,
        lake_version=data.lake_version,
        model=data.sessions.model,
        seed=seed,
        first_ms=int(quotes.event_ms.min()),
        last_ms=int(quotes.event_ms.max()),
        as_of=as_of,
        sessions=int(quoted.size),
        quotes=int(quotes.session.size),
        purchases=int((data.purchases.quote >= 0).sum()),
        unknown=int(np.isnan(p_agent).sum()),
        without_base=int(np.isnan(quotes.ratio).sum()),
        rules=sets[0],
        against=sets[1],
        changed=int(is_changed.sum()),
        share_changed=resampler.ratio(is_changed[quoted], np.ones(quoted.size), quoted),
        moved=moved_sessions(after.rules, after.decided, before.rules, before.decided, p_agent),
    )
