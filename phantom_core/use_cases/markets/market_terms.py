"""Market terms: this shop's price sensitivities and agents' share, where they can be measured."""

import numpy as np

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.market.calibrate import measure_market
from phantom_core.market.calibration.add_to_cart_quotes import RELATIONS
from phantom_core.model_store.store import ModelStore
from phantom_core.session_market.terms import MarketTerms
from phantom_core.use_cases.markets.calibrate import build_session_index
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.models.train_classifier import KIND


@requires(Permission.READ)
def market_terms(settings: Settings, *, now_ms: int) -> MarketTerms:
    """The terms on which a trial counts money: calibrated on the workspace, else invented.

    Args:
        settings: workspace, seed and leakage terms.
        now_ms: UTC milliseconds.
    """
    try:
        return _measured(settings, now_ms)
    except (DataError, NotFoundError):
        return MarketTerms(settings.leakage_terms)


def _measured(settings: Settings, now_ms: int) -> MarketTerms:
    """Measure them.

    Raises:
        DataError, NotFoundError: they are not identified here.
    """
    lake = open_lake(settings)
    matrix = FeatureStore(lake).matrix()
    has_model = ModelStore(settings.workspace, KIND).in_use()
    sessions = build_session_index(matrix, score_sessions(settings, lake) if has_model else None)
    with lake.connect(RELATIONS) as connection:
        found = measure_market(
            connection,
            sessions,
            created_ms=now_ms,
            lake_version=lake.version(),
            rng=np.random.default_rng(settings.seed),
        )
    if found.sensitivity is None:
        raise DataError(found.refusal, hint=found.hint)
    share = found.agent_share.visits
    human, agent = found.sensitivity.human, found.sensitivity.agent
    return MarketTerms(
        settings.leakage_terms,
        human.value.value,
        agent.value.value,
        float(np.clip(share.value, 0.01, 0.99)) if share else None,
        f"{human.quotes + agent.quotes:,.0f} quotes of this workspace",
    )
