"""Features that prices may not depend on move no price, also not through a model."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import CATEGORIES, feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.model_store.store import ModelStore
from phantom_core.models.encoding import encode_session
from phantom_core.models.inference_classifier import open_classifier
from phantom_core.models.multitask.description import open_scorer
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.publishing.live import Live
from phantom_core.rules.decide import Decider
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from phantom_core.services.pricing.decision import PriceRequest, SessionState, decide_price
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.services.pricing.published_state import PublishedState, Ready
from phantom_core.use_cases.models.banned_features import banned_features
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.rules.check_rules import check_rule_set
from tests.conftest import made_once
from tests.security.pricing_models import make
from tests.services.samples import release

N_SESSIONS = 10_000
BANDS = (
    "IF p_agent > 0.8 THEN markup 1.40\n"
    "ELIF p_agent > 0.5 THEN markup 1.20\n"
    "ELIF p_agent > 0.2 THEN markup 1.05\n"
    "ELSE markup 1.00"
)
RULES = (
    "IF item_views > 5 AND p_agent > 0.4 THEN markup 1.30\n"
    "ELIF std_price_seen > 10 THEN markup 0.95\n"
    "ELSE markup 1.00"
)
ROOM = PricedProduct("room", 100.0, stock=5.0)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    workspace = made_once(tmp_path_factory, "pricing-models", make)
    return Settings(workspace=workspace)


def sessions(seed: int) -> list[dict[str, float | str | None]]:
    """Random sessions over the range of every feature, a tenth of the values undefined."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float | str | None]] = {}
    for name in feature_names():
        values = (
            rng.choice(CATEGORIES[name], N_SESSIONS).tolist()
            if name in CATEGORIES
            else rng.gamma(1.0, 5.0, N_SESSIONS).round(3).tolist()
        )
        undefined = rng.random(N_SESSIONS) < 0.1
        drawn[name] = [None if one else value for one, value in zip(undefined, values, strict=True)]
    return [dict(zip(drawn, row, strict=True)) for row in zip(*drawn.values(), strict=True)]


def flipped(
    settings: Settings, rows: list[dict[str, float | str | None]]
) -> list[dict[str, float | str | None]]:
    """The same sessions with other values of the banned features alone."""
    banned = banned_features(settings)
    return [
        row | {name: other[name] for name in banned}
        for row, other in zip(rows, sessions(2)[: len(rows)], strict=True)
    ]


def state_of(settings: Settings, policy: str, rules: str) -> PublishedState:
    """What a pricing service has loaded: the models that are approved, and one release."""
    models = {}
    for kind, opened in ((CLASSIFIER.name, open_classifier), (NETWORK.name, open_scorer)):
        version = pricing_version(settings, kind)
        assert version
        models[kind] = opened(ModelStore(settings.workspace, kind).open(version))
    found = release("v1", rules, {CLASSIFIER.name: models[CLASSIFIER.name].version})
    return PublishedState(
        live=Live(
            epoch=1,
            version="v1",
            share=1.0,
            stable="",
            salt="s",
            is_killed=False,
            policy=policy,  # type: ignore[arg-type]
            lowest_markup=0.7,
            highest_markup=1.5,
            audit_seq=1,
            audit_hash="0" * 64,
            switched_ms=1,
        ),
        releases={
            "v1": Ready(found, Decider(found.rules()), reads_p_agent=True, reads_session=True)
        },
        models=models,
    )


def prices(
    state: PublishedState, rows: list[dict[str, float | str | None]]
) -> tuple[list[float], set[str]]:
    objective = PricingObjective(GuardRails(0.7, 1.5), 1.0, 0.5)
    found: list[float] = []
    sources: set[str] = set()
    for number, row in enumerate(rows):
        request = PriceRequest("hotel", ROOM, f"s{number}", None, 1)
        _, priced = decide_price(state, request, SessionState(None, row), objective)
        found.append(priced.price)
        sources.add(priced.source)
    return found, sources


@pytest.mark.parametrize(
    ("policy", "rules", "n_sessions"),
    [("rules", BANDS, N_SESSIONS), ("rules", RULES, N_SESSIONS), ("model", BANDS, 500)],
)
def test_no_price_moves_when_only_banned_features_change(
    settings: Settings, policy: str, rules: str, n_sessions: int
) -> None:
    state, rows = state_of(settings, policy, rules), sessions(1)[:n_sessions]
    before, sources = prices(state, rows)
    after, _ = prices(state, flipped(settings, rows))
    assert len(set(before)) > 1
    assert sources == {policy}
    assert before == after


def test_no_demand_curve_moves_when_only_banned_features_change(settings: Settings) -> None:
    version = pricing_version(settings, NETWORK.name)
    scorer, rows = (
        open_scorer(ModelStore(settings.workspace, NETWORK.name).open(version)),
        sessions(1),
    )
    before, after = (_demand(scorer, some) for some in (rows, flipped(settings, rows)))
    assert before.std() > 0
    assert np.array_equal(before, after)


def _demand(
    scorer: NetworkScorer, rows: list[dict[str, float | str | None]]
) -> NDArray[np.float64]:
    """P(agent) and P(purchase) at three prices, shape (n_sessions, 4)."""
    session = np.stack([encode_session(row, feature_names()) for row in rows])
    product = np.full((len(rows), len(product_names())), np.nan, np.float32)
    inputs = Inputs(session, product, np.zeros(len(rows), np.float32))
    ratios = np.tile([0.8, 1.0, 1.3], (len(rows), 1))
    return np.column_stack([scorer.score(inputs).p_agent, scorer.demand(inputs, ratios)])


def test_the_flip_moves_prices_of_a_classifier_that_learned_from_banned_features(
    settings: Settings,
) -> None:
    """Otherwise the test above could not fail."""
    store = ModelStore(settings.workspace, CLASSIFIER.name)
    analysis = open_classifier(store.open(store.versions()[-1]))
    rows = sessions(1)[:500]
    before = [analysis.agent_probability(row) for row in rows]
    after = [analysis.agent_probability(row) for row in flipped(settings, rows)]
    assert before != after


def bands() -> RuleSet:
    return parse_rules(BANDS, "bands")


def test_rules_that_read_a_model_of_banned_features_fail_the_check_by_their_names(
    settings: Settings, tmp_path: Path
) -> None:
    assert [one for one in check_rule_set(settings, bands()) if one.severity == "error"] == []
    shop = Settings(workspace=tmp_path / "shop")
    for name in ("lake", "models"):
        shutil.copytree(settings.workspace / name, shop.workspace / name)
    store = ModelStore(shop.workspace, CLASSIFIER.name)
    store.promote(store.versions()[-1], now_ms=1, why="An earlier release did so.")
    (found,) = [one for one in check_rule_set(shop, bands()) if one.severity == "error"]
    assert found.kind == "banned feature"
    assert "browser_family" in found.says
    assert store.versions()[-1] in found.says


def test_the_ban_is_measured_on_the_same_folds(settings: Settings) -> None:
    from phantom_core.evaluation.multitask_report import FILE, parse_report
    from phantom_core.evaluation.report import parse_report as parse_classifier

    store = ModelStore(settings.workspace, CLASSIFIER.name)
    report = parse_classifier(store.open(pricing_version(settings, CLASSIFIER.name)).read(FILE))
    assert report.ban is not None
    assert set(report.ban.features) == set(banned_features(settings))
    own = report.ranking.roc_auc.value
    assert own - report.ban.roc_auc_with == pytest.approx(report.ban.difference.value)
    assert report.ban.difference.low <= report.ban.difference.value <= report.ban.difference.high
    network = parse_report(ModelStore(settings.workspace, NETWORK.name).open().read(FILE))
    assert network.ban_purchase is not None
    assert network.ban_agent is not None
