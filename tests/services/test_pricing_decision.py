"""One price for one request: the order, what happens where something is missing, and the guard
rails.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_core.core.limits import GuardRails
from phantom_core.events.decision import PriceDecision
from phantom_core.models.inference_classifier import InferenceClassifier
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.scorer import NetworkScorer, NetworkScores
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.publishing.canary import in_canary
from phantom_core.publishing.experiments import LiveArm, LiveExperiment
from phantom_core.publishing.statement import APPROVED_PRICES, SESSION_PRICES, Statement
from phantom_core.services.pricing.decision import (
    PriceRequest,
    PriceResult,
    SessionState,
    decide_price,
)
from phantom_core.services.pricing.options import arm_of
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.services.pricing.published_state import PublishedState
from phantom_core.services.pricing.refresh import make_ready
from tests.publishing.samples import make_live
from tests.services.samples import BANDS, BOT, FAST, PERSON, release

ROOM = PricedProduct("room", 100.0)
READY = {
    "first": make_ready(release("first", FAST.format(1.2))),
    "second": make_ready(release("second", FAST.format(1.4))),
}
APPROVED = Statement(1, {APPROVED_PRICES: 7, SESSION_PRICES: 3})
LIVE = PublishedState(live=make_live(5, "first"), releases=READY, statement=APPROVED)


@dataclass
class FakeClassifier:
    p_agent: float
    version: str = "trees-1"

    def agent_probability(self, session: Mapping[str, float | str | None]) -> float:
        if self.p_agent < 0:
            raise RuntimeError("damaged")
        return self.p_agent


@dataclass
class FakeNetwork:
    """Every shopper buys up to a price."""

    up_to: float
    has_demand: bool = True
    knows_agents: bool = False
    version: str = "net-1"

    def score(self, inputs: Inputs) -> NetworkScores:
        return NetworkScores(
            np.zeros(len(inputs)), np.where(inputs.log_ratio <= np.log(self.up_to), 0.9, 0.1)
        )

    def demand(self, inputs: Inputs, ratios: np.ndarray) -> np.ndarray:
        if self.up_to < 0:
            raise RuntimeError("damaged")
        return np.where(ratios <= self.up_to, 1.0, 0.0)


def classifier(p_agent: float) -> InferenceClassifier:
    return cast(InferenceClassifier, FakeClassifier(p_agent))


def network(up_to: float, *, has_demand: bool = True) -> NetworkScorer:
    return cast(NetworkScorer, FakeNetwork(up_to, has_demand))


def price(
    state: PublishedState,
    known: SessionState,
    session_id: str | None = "s1",
    product: PricedProduct = ROOM,
) -> tuple[PriceDecision, PriceResult]:
    return decide_price(
        state,
        PriceRequest("hotel", product, session_id, None, 1),
        known,
        PricingObjective(GuardRails(0.7, 1.5)),
    )


def told(
    state: PublishedState, known: SessionState, session_id: str | None = "s1"
) -> tuple[float, str, str | None]:
    """Price, source and reason."""
    decision, _ = price(state, known, session_id)
    return decision.price, decision.source, decision.reason


@pytest.mark.parametrize(
    "statement",
    [None, Statement(1, {}), Statement(1, {APPROVED_PRICES: 8, SESSION_PRICES: 0})],
    ids=["silent", "none approved", "another table"],
)
def test_signed_prices_that_were_not_approved_price_nothing(statement: Statement | None) -> None:
    """A signature says who wrote them; that a second person agreed, the statement does."""
    state = PublishedState(
        live=make_live(1, ""), prices={"room": 90.0}, prices_ms=7, statement=statement
    )
    found = price(state, SessionState(price=95.0))[0]
    assert (found.source, found.price) == ("base_price", 100.0)
    approved = replace(state, statement=APPROVED)
    assert price(approved, SessionState(price=95.0))[0].source == "session_price"
    assert price(approved, SessionState())[0].source == "global_price"


def test_rules_price_by_what_is_known_of_the_session() -> None:
    decision, _ = price(LIVE, SessionState(features=BOT))
    assert (
        decision.price,
        decision.source,
        decision.rule_id,
        decision.rules_version,
        decision.epoch,
    ) == (
        120.0,
        "rules",
        "recon",
        "first",
        5,
    )
    assert (decision.propensity, decision.features) == (None, BOT)
    assert price(LIVE, SessionState(features=PERSON))[0].rule_id == "ELSE"


def test_the_order_is_kill_switch_session_price_rules_global_price_base_price() -> None:
    everything = replace(LIVE, prices={"room": 90.0}, prices_ms=7)
    known = SessionState(price=95.0, features=BOT)
    killed = replace(everything, live=replace(LIVE.live, is_killed=True))
    assert told(killed, known) == (100.0, "kill_switch", None)
    assert told(everything, known) == (95.0, "session_price", None)
    assert told(everything, SessionState(features=BOT)) == (120.0, "rules", None)
    assert told(replace(everything, live=make_live(6, "")), SessionState(features=BOT)) == (
        90.0,
        "global_price",
        None,
    )
    assert told(PublishedState(), SessionState(features=BOT)) == (100.0, "base_price", None)


@pytest.mark.parametrize(
    "reason", ["redis_down", "redis_slow", "late_features", "bad_session_data"]
)
def test_what_is_missing_gives_the_base_price_and_the_reason(reason: str) -> None:
    assert told(LIVE, SessionState(reason=reason)) == (100.0, "base_price", reason)


def test_without_features_or_a_session_rules_cannot_decide() -> None:
    assert told(LIVE, SessionState()) == (100.0, "base_price", "no_features")
    assert told(replace(LIVE, live=make_live(5, "second", 0.1, "first")), SessionState(), None) == (
        100.0,
        "base_price",
        "no_session",
    )


def test_rules_that_read_nothing_need_no_session() -> None:
    flat = replace(
        LIVE,
        live=make_live(5, "flat"),
        releases={"flat": make_ready(release("flat", "ELSE markup 1.05"))},
    )
    assert told(flat, SessionState()) == (105.0, "rules", None)


def test_a_release_that_is_not_there_is_no_price_of_its_own() -> None:
    gone = replace(LIVE, live=make_live(5, "gone"))
    assert told(gone, SessionState(features=BOT)) == (100.0, "base_price", "rules_missing")
    assert told(replace(gone, problems={"gone": "damaged"}), SessionState(features=BOT)) == (
        100.0,
        "base_price",
        "rules_broken",
    )


def test_rules_read_the_probability_of_the_classifier() -> None:
    ready = {"bands": make_ready(release("bands", BANDS, {"classifier": "trees-1"}))}
    state = PublishedState(live=make_live(1, "bands"), releases=ready)
    assert told(
        replace(state, models={"classifier": classifier(0.9)}), SessionState(features=BOT)
    ) == (130.0, "rules", None)
    assert told(
        replace(state, models={"classifier": classifier(0.1)}), SessionState(features=BOT)
    ) == (100.0, "rules", None)
    assert told(state, SessionState(features=BOT)) == (100.0, "base_price", "model_missing")
    assert told(replace(state, problems={"classifier": "damaged"}), SessionState(features=BOT)) == (
        100.0,
        "base_price",
        "model_broken",
    )
    assert told(
        replace(state, models={"classifier": classifier(-1)}), SessionState(features=BOT)
    ) == (100.0, "base_price", "model_broken")


def test_rules_that_were_approved_without_a_classifier_say_what_undefined_means() -> None:
    ready = {
        "v": make_ready(release("v", "IF p_agent IS UNDEFINED THEN markup 1.1\nELSE markup 1.0"))
    }
    assert told(
        PublishedState(live=make_live(1, "v"), releases=ready), SessionState(features=BOT)
    ) == (110.0, "rules", None)


def test_the_models_price_is_the_best_one_within_the_rails() -> None:
    state = replace(
        LIVE,
        live=make_live(5, "first", policy="model", highest_markup=1.3),
        models={"multitask": network(1.25)},
    )
    decision, _ = price(state, SessionState(features=BOT))
    assert (decision.source, decision.rule_id, decision.network_version) == ("model", None, "net-1")
    assert decision.price == pytest.approx(125.0, abs=0.2)
    assert decision.purchase_probability is not None
    assert (
        told(replace(state, models={"multitask": network(2.0)}), SessionState(features=BOT))[0]
        == 130.0
    )


def test_where_the_model_cannot_price_its_rules_do() -> None:
    state = replace(LIVE, live=make_live(5, "first", policy="model"))
    assert told(state, SessionState(features=BOT)) == (120.0, "rules", "model_missing")
    assert told(replace(state, models={"multitask": network(-1)}), SessionState(features=BOT)) == (
        120.0,
        "rules",
        "model_broken",
    )
    assert told(
        replace(state, models={"multitask": network(1.0, has_demand=False)}),
        SessionState(features=BOT),
    ) == (
        120.0,
        "rules",
        "model_missing",
    )
    assert told(replace(state, models={"multitask": network(1.25)}), SessionState()) == (
        100.0,
        "base_price",
        "no_features",
    )


def test_the_canary_gets_its_share_and_every_price_its_propensity() -> None:
    state = replace(LIVE, live=make_live(5, "second", share=0.1, stable="first", salt="x"))
    decided = [price(state, SessionState(features=BOT), f"s{n}")[0] for n in range(20_000)]
    new = [one for one in decided if one.rules_version == "second"]
    assert len(new) / len(decided) == pytest.approx(0.1, abs=0.01)
    assert all((one.price, one.propensity) == (140.0, 0.1) for one in new)
    assert {(one.price, one.propensity) for one in decided if one.rules_version == "first"} == {
        (120.0, 0.9)
    }
    assert all(
        (one.rules_version == "second") == in_canary(str(one.session_id), "x", 0.1)
        for one in decided
    )


def test_a_price_that_both_versions_ask_is_certain() -> None:
    state = replace(LIVE, live=make_live(5, "second", share=0.1, stable="first", salt="x"))
    assert price(state, SessionState(features=PERSON))[0].propensity == 1.0


def test_sessions_outside_the_canary_of_a_first_release_go_on_without_rules() -> None:
    state = replace(
        LIVE, live=make_live(5, "second", share=0.5, salt="x"), prices={"room": 90.0}, prices_ms=7
    )
    decided = [price(state, SessionState(features=BOT), f"s{n}")[0] for n in range(100)]
    assert {(one.source, one.price, one.propensity) for one in decided} == {
        ("rules", 140.0, 0.5),
        ("global_price", 90.0, 0.5),
    }


ARMS = (LiveArm("control", 0.5, "live"), LiveArm("plus", 0.3, "second"), LiveArm("none", 0.2, ""))
EXPERIMENT = LiveExperiment("plus40", "e", ARMS)


def test_an_experiment_splits_sessions_by_its_shares() -> None:
    state = replace(LIVE, experiments=(EXPERIMENT,))
    decided = [price(state, SessionState(features=BOT), f"s{n}")[0] for n in range(10_000)]
    found = {(one.variant, one.price, one.source, one.propensity) for one in decided}
    assert found == {
        ("control", 120.0, "rules", 0.5),
        ("plus", 140.0, "rules", 0.3),
        ("none", 100.0, "experiment", 0.2),
    }
    shares = [sum(one.variant == arm.name for one in decided) / len(decided) for arm in ARMS]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.015)
    assert {one.price_experiment for one in decided} == {"plus40"}


def test_arms_that_ask_the_same_share_their_propensity() -> None:
    state = replace(
        LIVE,
        experiments=(EXPERIMENT,),
        live=make_live(5, "second", share=0.5, stable="first", salt="c"),
    )
    found = {
        one.propensity
        for one in (price(state, SessionState(features=BOT), f"s{n}")[0] for n in range(500))
        if one.price == 140.0
    }
    assert sorted(found, key=str) == [pytest.approx(0.25 + 0.3)]


def test_what_goes_before_an_experiment_is_not_exposed_to_it() -> None:
    state = replace(LIVE, experiments=(EXPERIMENT,))
    assert price(state, SessionState(price=99.0, features=BOT))[0].variant is None
    assert (
        price(replace(state, live=replace(LIVE.live, is_killed=True)), SessionState(features=BOT))[
            0
        ].variant
        is None
    )
    assert price(state, SessionState(), None)[0].variant is None


@given(st.text(max_size=20), st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
@settings(deadline=None)
def test_every_session_has_one_arm(session_id: str, weights: list[float]) -> None:
    arms = tuple(LiveArm(str(k), weight / sum(weights), "") for k, weight in enumerate(weights))
    assert 0 <= arm_of(LiveExperiment("e", "salt", arms), session_id) < len(arms)


@given(
    st.floats(0.001, 1e6),
    st.floats(0.0001, 1e8),
    st.floats(0.1, 1.5).flatmap(lambda low: st.tuples(st.just(low), st.floats(low, 5.0))),
)
@settings(max_examples=300, deadline=None)
def test_no_price_ever_leaves_the_guard_rails(
    base: float, asked: float, rails: tuple[float, float]
) -> None:
    low, high = rails
    found, rail = GuardRails(low, high).clamp_price(asked, base)
    assert base * low * (1 - 1e-12) - 1e-9 <= found <= base * high * (1 + 1e-12) + 1e-9
    assert (rail is None) == (base * low <= asked <= base * high)
    assert found == round(found, 2) or math.ceil(base * low * 100 - 1e-9) > math.floor(
        base * high * 100 + 1e-9
    )


@pytest.mark.parametrize(
    ("asked", "found", "rail"),
    [(50.0, 80.0, "lowest"), (200.0, 120.0, "highest"), (111.114, 111.11, None)],
)
def test_guard_rails_hold_for_session_and_global_prices(
    asked: float, found: float, rail: str | None
) -> None:
    railed = PublishedState(
        live=make_live(1, "", lowest_markup=0.8, highest_markup=1.2),
        prices={"room": asked},
        prices_ms=7,
        statement=APPROVED,
    )
    for known in (SessionState(price=asked), SessionState()):
        decision, priced = price(railed, known)
        assert (decision.price, priced.guard_rail) == (found, rail)


HIDING = make_ready(
    release(
        "hiding",
        "IF total_interactions IS UNDEFINED THEN markup 1.20 AS unknown\n"
        "ELIF p_agent > 0.5 THEN markup 1.30\nELSE markup 1.00",
        {"classifier": "trees-1"},
    )
)


@pytest.mark.parametrize(
    ("session_id", "session", "found"),
    [
        ("s", SessionState(), (120.0, "unknown", None)),
        ("s", SessionState(reason="late_features"), (120.0, "unknown", None)),
        ("s", SessionState(reason="bad_session_data"), (100.0, None, "bad_session_data")),
        ("s", SessionState(reason="redis_slow"), (100.0, None, "redis_slow")),
    ],
)
def test_rules_may_price_sessions_of_which_nothing_is_known(
    session_id: str, session: SessionState, found: tuple[float, str | None, str | None]
) -> None:
    state = PublishedState(live=make_live(5, "hiding"), releases={"hiding": HIDING})
    request = PriceRequest("hotel", ROOM, session_id, None, 1)
    decided, _ = decide_price(state, request, session, PricingObjective(GuardRails(0.7, 1.5)))
    assert (decided.price, decided.rule_id, decided.reason) == found
