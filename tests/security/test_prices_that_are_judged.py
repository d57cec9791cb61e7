"""Gates judge the prices that will be asked; what could not be measured closes one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.errors import ConflictError, NotAllowedError
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import KIND as NETWORK
from phantom_core.evidence.evidence import Evidence
from phantom_core.evidence.gates import Gate
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.models.network_pricer import NetworkPricer
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.use_cases.models.network_pricer import open_network_pricer
from phantom_core.use_cases.models.price import price_offer
from tests.conftest import made_once

ANA, MAX = "demo-analyst", "demo-manager"
NOW = 1_772_500_000_000
HARMLESS = "ELSE markup 1.00"
QUICK = Hyperparameters(width=0.5, most_epochs=4, batch_rows=512)


def _with_network(workspace: Path) -> None:
    from phantom_core.use_cases.data.demo import load_demo
    from phantom_core.use_cases.models.train_multitask import train_multitask

    settings = Settings(workspace=workspace, demo_sessions=500)
    load_demo(settings, now_ms=NOW)
    train_multitask(settings, open_lake(settings), now_ms=NOW, n_folds=3, chosen=QUICK)


@pytest.fixture(scope="session")
def networked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo set and a network with a demand curve, no classifier; never written to."""
    return made_once(tmp_path_factory, "network_only", _with_network)


@pytest.fixture
def shop(networked: Path, tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(workspace=shutil.copytree(networked, tmp_path / "shop"), redis_url="")
    for login in (ANA, MAX):
        sign_in_demo(control_database(settings), login, now_ms=NOW, hours=1_000)
    yield settings
    control_database(settings).dispose()


def propose(settings: Settings, text: str, policy: str, trial_sessions: int = 80) -> int:
    request = change_requests.propose_rules(
        settings,
        ANA,
        parse_rules(text, "rules"),
        why="Price with the network.",
        policy="model" if policy == "model" else "rules",
        share=0.1,
        now_ms=NOW,
    )
    return change_requests.submit_request(
        settings, ANA, request.request_id, now_ms=NOW, trial_sessions=trial_sessions
    ).request_id


def seen(settings: Settings, number: int) -> tuple[Evidence, dict[str, Gate]]:
    found = change_requests.review_request(settings, number)
    assert found.evidence
    return found.evidence, {gate.name: gate for gate in found.gates}


def test_harmless_rules_do_not_take_the_network_s_prices_through_the_gates(
    shop: Settings,
) -> None:
    number = propose(shop, HARMLESS, "model")
    evidence, gates = seen(shop, number)
    version = ModelStore(shop.workspace, NETWORK).open().manifest.version
    assert f"Prices of network {version} were measured on" in gates["measured prices"].says
    # The network was hardly trained and prices far from the base price, which gates now see.
    assert evidence.highest_markup > 1.1
    assert evidence.largest_step > 0.1
    assert not gates["first release"].is_open
    with pytest.raises(ConflictError, match="A gate is closed"):
        change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)
    with pytest.raises(NotAllowedError, match="may raise prices"):
        publish_request(
            shop, MAX, number, now_ms=NOW, emergency="The network knows it better than we do."
        )


def test_what_is_judged_is_what_the_network_asks(shop: Settings) -> None:
    """Mark-ups of the replay are those of the engine that prices one offer."""
    evidence, _ = seen(shop, propose(shop, HARMLESS, "model"))
    assert evidence.replay.found
    judged = {round(one.markup_ratio, 2) for one in evidence.replay.found.rules.bars}
    with open_lake(shop).connect(("events", "quotes")) as connection:
        session_id, product_id = connection.execute(
            "SELECT e.session_id, q.product_id FROM quotes q JOIN events e "
            "ON e.session_key = q.session_key WHERE e.event_ms < q.event_ms "
            "ORDER BY q.event_ms, q.event_id LIMIT 1"
        ).fetchall()[0]
    asked = price_offer(shop, open_lake(shop), session_id, product_id).curve.best_ratio
    assert min(abs(asked - one) for one in judged) < 0.05
    within = read_price_limits(shop).guard_rails
    assert all(within.contains(one) for one in judged)


def test_the_same_rules_by_themselves_pass(shop: Settings) -> None:
    number = propose(shop, HARMLESS, "rules")
    evidence, gates = seen(shop, number)
    assert (evidence.highest_markup, evidence.largest_step) == (1.0, 0.0)
    assert all(gate.is_open for gate in gates.values())
    change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)


def test_without_a_network_the_policy_cannot_be_measured(shop: Settings) -> None:
    shutil.rmtree(ModelStore(shop.workspace, NETWORK).root)
    _, gates = seen(shop, propose(shop, HARMLESS, "model"))
    assert not gates["measured prices"].is_open
    assert "network's prices cannot be measured" in gates["measured prices"].says


def test_a_network_that_changed_since_was_not_judged(shop: Settings) -> None:
    number = propose(shop, HARMLESS, "model")
    store = ModelStore(shop.workspace, NETWORK)
    shutil.rmtree(store.root)
    _, gates = seen(shop, number)
    assert "and none is in use now" in gates["evidence is fresh"].says
    assert not gates["evidence is fresh"].is_open


def test_rules_on_agents_without_a_classifier_are_no_evidence(shop: Settings) -> None:
    number = propose(shop, "IF p_agent > 0.7 THEN markup 1.10\nELSE markup 1.00", "rules")
    _, gates = seen(shop, number)
    assert "there is no classifier to measure them with" in gates["measured prices"].says
    with pytest.raises(ConflictError, match="measured prices"):
        change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)


def test_a_rule_that_no_quote_reached_counts_with_its_full_step(shop: Settings) -> None:
    """No session viewed a million items, so a replay alone would show no step at all."""
    number = propose(shop, "IF item_views > 1000000 THEN markup 1.45\nELSE markup 1.00", "rules")
    evidence, gates = seen(shop, number)
    assert evidence.largest_step == pytest.approx(0.45)
    assert "No recorded quote reached rule 1" in gates["maximum price step"].says
    assert not gates["maximum price step"].is_open


def test_without_events_nothing_is_measured(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "shop", redis_url="")
    for login in (ANA, MAX):
        sign_in_demo(control_database(settings), login, now_ms=NOW, hours=1_000)
    number = propose(settings, HARMLESS, "rules")
    _, gates = seen(settings, number)
    assert "No recorded session was replayed" in gates["measured prices"].says
    with pytest.raises(ConflictError, match="measured prices"):
        change_requests.approve_request(settings, MAX, number, 1, now_ms=NOW)


def test_a_loss_beyond_doubt_is_accepted_by_name_with_a_comment_and_recorded(
    shop: Settings,
) -> None:
    number = propose(shop, "ELSE markup 0.75", "rules", trial_sessions=600)
    _, gates = seen(shop, number)
    assert not gates["expected money"].is_open
    assert "loses money beyond doubt" in gates["expected money"].says
    with pytest.raises(ConflictError, match="expected money"):
        change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)
    approve = change_requests.approve_request
    with pytest.raises(Exception, match="A comment is missing"):
        approve(shop, MAX, number, 1, accept=["expected money"], now_ms=NOW)
    with pytest.raises(Exception, match="cannot be accepted"):
        approve(shop, MAX, number, 1, accept=["guard rails"], comment="So be it.", now_ms=NOW)
    found = approve(
        shop, MAX, number, 1, accept=["expected money"], comment="A sale of two weeks.", now_ms=NOW
    )
    assert found.state == "approved"
    _, gates = seen(shop, number)
    assert gates["expected money"].is_open
    assert f"{MAX} accepted this risk" in gates["expected money"].says


def test_a_session_of_which_nothing_is_known_is_not_priced(shop: Settings) -> None:
    from phantom_core.features.catalogue import CATEGORIES, feature_names

    pricer: NetworkPricer = open_network_pricer(shop)
    columns = {
        name: np.array([None, None], object) if name in CATEGORIES else np.array([np.nan, 1.0])
        for name in feature_names()
    }
    asked = pricer.markup_ratios(columns, ["room-000", None], np.array([100.0, np.nan]))
    assert np.isnan(asked[0])
    assert 0.7 <= asked[1] <= 1.5
