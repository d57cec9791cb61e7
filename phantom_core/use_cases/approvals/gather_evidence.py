"""Gather evidence: everything an approver should see of a rule set, from checks to simulation."""

import difflib
import json
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Policy, Request
from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.errors import CancelledError, DataError, PhantomError
from phantom_core.core.limits import GuardRails
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evidence.evidence import Evidence, EvidenceData, EvidencePart
from phantom_core.evidence.fidelity import fidelity_to_classifier
from phantom_core.evidence.stored_evidence import (
    StoredFidelity,
    StoredFinding,
    StoredReplay,
    StoredTrial,
    stored_replay,
    stored_trial,
)
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.store import ModelStore
from phantom_core.models.network_pricer import NetworkPricer
from phantom_core.models.saved_classifier import read_quote_classifier
from phantom_core.replay.features_at_quote import columns_of
from phantom_core.replay.network_prices import NETWORK_RULE, ROUNDING
from phantom_core.replay.replay import Replay
from phantom_core.rules.document import from_json
from phantom_core.rules.evaluate import Column, check_features
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules
from phantom_core.session_market.market import AgentScorer, ClassifierScorer
from phantom_core.session_market.optimum import paired_trial
from phantom_core.session_market.terms import MarketTerms
from phantom_core.shoppers.catalogue import product_table
from phantom_core.use_cases.markets.market_terms import market_terms
from phantom_core.use_cases.models import train_classifier
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.models.network_pricer import open_network_pricer
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.rules.check_rules import check_rule_set
from phantom_core.use_cases.rules.replay_rules import replay_rules

Found = TypeVar("Found")
_Networks = tuple[NetworkPricer | None, NetworkPricer | None]
TRIAL_SESSIONS = 1_500


@requires(Permission.PROPOSE)
def gather_evidence(
    settings: Settings,
    request: Request,
    live: RuleSet,
    *,
    live_policy: Policy = "rules",
    now_ms: int,
    trial_sessions: int = TRIAL_SESSIONS,
    progress: Progress = no_progress,
) -> Evidence:
    """Check, replay and simulate what a request proposes; an unavailable part says why.

    Args:
        settings: workspace, limits and seed.
        request: what is proposed.
        live: the rules that it would replace.
        live_policy: whether the network prices in their place now.
        now_ms: UTC milliseconds.
        trial_sessions: how many to simulate.
        progress: called after every step.
    Raises:
        InputError: the rules read features that no session has.
    """
    rules = from_json(json.loads(request.rules))
    check_features(rules, (*feature_names(), P_AGENT))
    limits = read_price_limits(settings)
    progress(0, "checking")
    findings = check_rule_set(settings, rules, limits.guard_rails)
    networks = _part(lambda: _networks(settings, request.policy, live_policy))
    replay, replayed = _replay(
        settings, rules, live, networks, now_ms, part_progress(progress, 0.05, 0.6)
    )
    text, base_text = format_rules(rules), format_rules(live)
    lowest, highest = _markup_range(rules, replayed, limits.guard_rails)
    evidence = Evidence(
        request_id=request.request_id,
        revision=request.revision,
        created_ms=now_ms,
        rules=rules,
        text=text,
        policy=request.policy,
        share=request.share,
        base_version=request.base_version,
        base_text=base_text,
        diff=_diff(base_text, text),
        highest_markup=highest,
        lowest_markup=lowest,
        largest_step=_largest_step(rules, live, replayed, request.policy, live_policy),
        findings=tuple(StoredFinding.of(one) for one in findings),
        fidelity=_part(
            lambda: _fidelity(
                settings, rules, limits.guard_rails, part_progress(progress, 0.6, 0.65)
            )
        ),
        replay=replay,
        trial=_part(
            lambda: _trial(
                settings,
                rules,
                live,
                networks,
                limits.guard_rails,
                trial_sessions,
                market_terms(settings, now_ms=now_ms),
                part_progress(progress, 0.65, 0.98),
            )
        ),
        models={kind: _version(settings, kind) for kind in MODEL_KINDS.names()},
        data=_data(settings, replayed),
        seed=settings.seed,
        limits=limits,
    )
    progress(1, "gathered")
    return evidence


def _replay(
    settings: Settings,
    rules: RuleSet,
    live: RuleSet,
    networks: EvidencePart[_Networks],
    now_ms: int,
    progress: Progress,
) -> tuple[EvidencePart[StoredReplay], Replay | None]:
    """Replay on logged sessions, and the full replay where there is one."""
    replayed: list[Replay] = []

    def found() -> StoredReplay:
        replayed.append(
            replay_rules(
                settings,
                rules,
                live,
                now_ms=now_ms,
                keep=False,
                networks=_found(networks),
                progress=progress,
            )
        )
        return stored_replay(replayed[0])

    return _part(found), next(iter(replayed), None)


def _trial(
    settings: Settings,
    rules: RuleSet,
    live: RuleSet,
    networks: EvidencePart[_Networks],
    guard_rails: GuardRails,
    n_sessions: int,
    terms: MarketTerms,
    progress: Progress,
) -> StoredTrial:
    """Simulate beside the live rules and the optimum within guard rails."""
    catalogue = product_table()
    proposed, beside = (one.knowing(catalogue) if one else None for one in _found(networks))
    seed = settings.seed + 1
    found = paired_trial(
        rules,
        live,
        _scorer(settings, rules, live),
        guard_rails=guard_rails,
        n_sessions=n_sessions,
        seed=seed,
        networks=(proposed, beside),
        terms=terms,
        progress=progress,
    )
    return stored_trial(found)


def _part(find: Callable[[], Found]) -> EvidencePart[Found]:
    try:
        return EvidencePart(find())
    except CancelledError:
        raise
    except PhantomError as error:
        return EvidencePart(None, str(error))


def _fidelity(
    settings: Settings, rules: RuleSet, guard_rails: GuardRails, progress: Progress
) -> StoredFidelity:
    lake = open_lake(settings)
    matrix = FeatureStore(lake).matrix()
    version = pricing_version(settings, train_classifier.KIND)
    scores = score_sessions(settings, lake, version=version, progress=progress)
    p_agent = np.asarray(scores["agent_probability"].to_numpy(), np.float64)
    columns = columns_of(matrix) | {P_AGENT: p_agent}
    return fidelity_to_classifier(rules, columns, p_agent, guard_rails)


def _networks(settings: Settings, policy: Policy, live_policy: Policy) -> _Networks:
    """The networks that price, proposed and live.

    Raises:
        NotFoundError: a network prices, and none is in use.
        DataError: it cannot price.
    """
    if "model" not in (policy, live_policy):
        return None, None
    pricer = open_network_pricer(settings)
    return (
        pricer if policy == "model" else None,
        pricer if live_policy == "model" else None,
    )


def _found(networks: EvidencePart[_Networks]) -> _Networks:
    if networks.found is None:
        raise DataError(f"The network's prices cannot be measured. {networks.problem}")
    return networks.found


def _scorer(settings: Settings, *read_by: RuleSet) -> AgentScorer:
    """The classifier that prices; without one, P(agent) is undefined where no rule reads it."""
    store = ModelStore(settings.workspace, train_classifier.KIND)
    version = pricing_version(settings, train_classifier.KIND)
    if version is None and not any(P_AGENT in rules.features for rules in read_by):
        return _UnknownAgents()
    return ClassifierScorer(read_quote_classifier(store.open(version)))


class _UnknownAgents:
    """P(agent) where there is no classifier."""

    def __call__(self, columns: Mapping[str, Column]) -> NDArray[np.float64]:
        """NaN for each row."""
        return np.full(len(next(iter(columns.values()))), np.nan)


def _markups(rules: RuleSet) -> list[float]:
    return [*(rule.markup_ratio for rule in rules.rules), rules.otherwise]


def _markup_range(
    rules: RuleSet, replay: Replay | None, guard_rails: GuardRails
) -> tuple[float, float]:
    """Lowest and highest mark-up that a change may ask: of its rules, and of its network."""
    asked = _markups(rules)
    for one in replay.rules.rules if replay else ():
        if one.rule.startswith(NETWORK_RULE):
            asked += [guard_rails.clamp(one.markup_ratio + side) for side in (-ROUNDING, ROUNDING)]
    return min(asked), max(asked)


def _largest_step(
    rules: RuleSet, live: RuleSet, replay: Replay | None, policy: Policy, live_policy: Policy
) -> float:
    """Largest step on recorded quotes, and of what no recorded quote reached against every price.

    A rule of the live set that is proposed again unchanged makes no step where it is not reached.
    """
    if replay is None:
        return max(abs(a - b) for a in _markups(rules) for b in _markups(live))
    rounding = ROUNDING if "model" in (policy, live_policy) else 0.0
    moved = [abs(one.markup_after - one.markup_before) + rounding for one in replay.moved]
    known = {(frozenset(rule.conditions), rule.markup_ratio) for rule in live.rules}
    reached = {one.rule for one in replay.rules.rules if one.quotes}
    before = [*_markups(live), *(one.markup_ratio for one in replay.against.rules if one.quotes)]
    unseen = [
        abs(rule.markup_ratio - one)
        for position, rule in enumerate(rules.rules)
        if rules.title(position) not in reached
        and (frozenset(rule.conditions), rule.markup_ratio) not in known
        for one in before
    ]
    if rules.title(-1) not in reached and rules.otherwise != live.otherwise:
        unseen += [abs(rules.otherwise - one) for one in before]
    return max([*moved, *unseen], default=0.0)


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=100)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _version(settings: Settings, kind: str) -> str:
    return pricing_version(settings, kind) or ""


def _data(settings: Settings, replay: Replay | None) -> EvidenceData:
    lake = open_lake(settings)
    versions = lake.version(), lake.version("quotes")
    if replay is None:
        return EvidenceData(*versions)
    return EvidenceData(*versions, replay.sessions, replay.quotes, replay.first_ms, replay.last_ms)
