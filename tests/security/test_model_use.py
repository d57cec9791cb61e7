"""A model moves prices once people approved it: not by training, retraining, a file or a shell."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from phantom_core.accounts.actors import Internal
from phantom_core.alerts.alerts import Alerts
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Proposal
from phantom_core.approvals.limits import set_banned_features
from phantom_core.cli import app
from phantom_core.core.errors import ConflictError, DataError, InputError, NotAllowedError
from phantom_core.core.settings import PromotionGateSettings, Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.model_store.store import ModelStore
from phantom_core.publishing.models import published_version
from phantom_core.rules.document import to_json
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.models.model_use import (
    approve_model,
    end_policy,
    model_status,
    open_approved,
    pricing_version,
    promote_by_policy,
    propose_policy,
    reject_model,
    revert_model,
    use_model,
)
from phantom_core.use_cases.models.publish_model import publish_approved
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.conftest import NOW_MS, made_once
from tests.security.people import add_people, control
from tests.security.pricing_models import BANNED, DAYS, make, poison

KIND = "classifier"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "pricing-models", make)


@pytest.fixture
def settings(original: Path, tmp_path: Path) -> Iterator[Settings]:
    """A workspace of its own, with accounts of every role."""
    made = Settings(workspace=shutil.copytree(original, tmp_path / "shop"))
    add_people(control(made))
    yield made
    stop_embedded(made)


def versions(settings: Settings) -> tuple[str, str, str]:
    first, good, poisoned, _ = ModelStore(settings.workspace, KIND).versions()
    return first, good, poisoned


def go_live(settings: Settings) -> None:
    """Rules that read the classifier wait for approval."""
    rules = parse_rules("IF p_agent > 0.5 THEN markup 1.05\nELSE markup 1.00", "bands")
    with write_transaction(control(settings)) as connection:
        request = requests.create_draft(
            connection,
            "ana",
            Proposal(name="bands", rules=json.dumps(to_json(rules)), why="Agents pay.", share=0.1),
            base_version="",
            needed=1,
            now_ms=2,
        )
        connection.execute(
            sa.text("UPDATE change_requests SET state = 'submitted' WHERE request_id = :id"),
            {"id": request.request_id},
        )
        audit.append_entry(
            connection, 2, "ana", "request.submitted", request.about, {"revision": 1}
        )


def use(settings: Settings, who: str, version: str, *, despite_doubts: bool = False) -> str:
    return use_model(
        settings, who, KIND, version, why="Better.", now_ms=NOW_MS, despite_doubts=despite_doubts
    ).state


def actions(settings: Settings) -> list[tuple[str, str]]:
    with control(settings).connect() as connection:
        return [(one.who, one.action) for one in audit.list_entries(connection)]


def test_training_leaves_a_candidate(settings: Settings) -> None:
    first, _, _ = versions(settings)
    status = model_status(settings, KIND)
    assert (status.approved, status.in_use, status.waiting) == (first, first, ())
    assert (Internal.WATCHER, "change.in_force") in actions(settings)


def test_a_retraining_publishes_what_was_approved_and_nothing_else(settings: Settings) -> None:
    first, _, _ = versions(settings)
    chosen = settings.model_copy(
        update={
            "gates": PromotionGateSettings(
                agent_auc=0.0,
                agent_precision=0.0,
                calibration_error=1.0,
                quote_auc=0.0,
                quote_calibration_error=1.0,
            ),
            "retraining": DAYS,
        }
    )
    report = RetrainRequest(kinds=(KIND,)).run(chosen, now_ms=NOW_MS + 9_000)
    assert report.verdicts[0].outcome in ("kept", "waiting")
    with connect_server(settings) as client:
        assert published_version(client, KIND) == first
    assert model_status(settings, KIND).approved == first


def test_one_manager_uses_a_model_while_nothing_live_reads_it(settings: Settings) -> None:
    _, good, _ = versions(settings)
    assert use(settings, "max", good) == "approved"
    assert pricing_version(settings, KIND) == good
    assert ModelStore(settings.workspace, KIND).in_use() == good
    assert ("max", "change.in_force") in actions(settings)
    with pytest.raises(ConflictError, match="already"):
        use(settings, "max", good)


@pytest.mark.parametrize("who", ["vera", "root", "ghost", ""])
def test_others_use_none(settings: Settings, who: str) -> None:
    _, good, _ = versions(settings)
    with pytest.raises(NotAllowedError):
        use(settings, who, good)


def test_an_analyst_proposes_and_a_manager_approves(settings: Settings) -> None:
    first, good, _ = versions(settings)
    assert use(settings, "ana", good) == "waiting"
    assert pricing_version(settings, KIND) == first
    (waiting,) = model_status(settings, KIND).waiting
    change = waiting.change
    for who in ("ana", "vera", "root", Internal.SHELL):
        with pytest.raises(NotAllowedError):
            approve_model(settings, who, change.change_id, change.payload_sha256, now_ms=NOW_MS)
    approve_model(settings, "mia", change.change_id, change.payload_sha256, now_ms=NOW_MS)
    assert pricing_version(settings, KIND) == good


def test_where_rules_read_the_model_a_manager_needs_a_second_one(settings: Settings) -> None:
    first, good, _ = versions(settings)
    go_live(settings)
    assert model_status(settings, KIND).readers
    assert use(settings, "max", good) == "waiting"
    (waiting,) = model_status(settings, KIND).waiting
    assert "on " in waiting.sentence and "held-out sessions" in waiting.sentence
    change = waiting.change
    with pytest.raises(NotAllowedError, match="own change"):
        approve_model(settings, "max", change.change_id, change.payload_sha256, now_ms=NOW_MS)
    assert pricing_version(settings, KIND) == first
    approve_model(settings, "mia", change.change_id, change.payload_sha256, now_ms=NOW_MS)
    assert pricing_version(settings, KIND) == good
    back = revert_model(settings, "max", KIND, why="Odd prices.", now_ms=NOW_MS)
    assert (back.state, pricing_version(settings, KIND)) == ("waiting", good)
    approve_model(settings, "mia", back.change_id, back.payload_sha256, now_ms=NOW_MS)
    assert pricing_version(settings, KIND) == first
    forth = revert_model(settings, "max", KIND, why="It was fine.", now_ms=NOW_MS)
    assert (forth.state, pricing_version(settings, KIND)) == ("approved", good)
    for who in ("ana", "vera", "root"):
        with pytest.raises(NotAllowedError):
            revert_model(settings, who, KIND, why="Mine.", now_ms=NOW_MS)


def test_going_back_is_no_way_to_a_model_that_nobody_else_agreed_to(settings: Settings) -> None:
    """A manager uses a poisoned model while nothing reads it, then a good one; rules follow."""
    _, good, poisoned = versions(settings)
    use(settings, "max", poisoned, despite_doubts=True)
    use(settings, "max", good, despite_doubts=True)
    go_live(settings)
    assert revert_model(settings, "max", KIND, why="Back.", now_ms=NOW_MS).state == "waiting"
    assert pricing_version(settings, KIND) == good


def test_a_worse_model_displaces_none_silently(settings: Settings) -> None:
    first, _, poisoned = versions(settings)
    with pytest.raises(ConflictError, match="significantly worse"):
        use(settings, "max", poisoned)
    poison(settings)
    with pytest.raises(ConflictError, match="labels of"):
        use(settings, "max", poisoned)
    assert use(settings, "max", poisoned, despite_doubts=True) == "approved"
    with control(settings).connect() as connection:
        (entry,) = connection.execute(
            sa.text(
                "SELECT payload FROM governed_changes WHERE state = 'approved' AND kind = 'model' "
                "AND subject = 'classifier'"
            )
        ).fetchall()
    comparison = json.loads(entry[0])["comparison"]
    assert comparison["doubt"] and comparison["labels_changed"] > 50
    assert comparison["champion"] == first


def test_a_rejected_model_is_used_by_nobody(settings: Settings) -> None:
    first, good, _ = versions(settings)
    use(settings, "ana", good)
    change = model_status(settings, KIND).waiting[0].change
    with pytest.raises(InputError, match="reason"):
        reject_model(settings, "max", change.change_id, change.payload_sha256, "", now_ms=NOW_MS)
    reject_model(settings, "max", change.change_id, change.payload_sha256, "No.", now_ms=NOW_MS)
    with pytest.raises(ConflictError):
        approve_model(settings, "mia", change.change_id, change.payload_sha256, now_ms=NOW_MS)
    assert pricing_version(settings, KIND) == first


def test_files_changed_after_the_approval_are_not_published(settings: Settings) -> None:
    first, good, _ = versions(settings)
    store = ModelStore(settings.workspace, KIND)
    folder = store.open(first).folder
    shutil.copy(store.open(good).folder / "manifest.json", folder / "manifest.json")
    assert "not the one that was approved" in publish_approved(settings, KIND, NOW_MS)
    with connect_server(settings) as client:
        assert published_version(client, KIND) == ""
    assert "not the one" in model_status(settings, KIND).problem


def test_files_changed_between_proposal_and_approval_are_noticed(settings: Settings) -> None:
    _, good, _ = versions(settings)
    use(settings, "ana", good)
    change = model_status(settings, KIND).waiting[0].change
    manifest = ModelStore(settings.workspace, KIND).open(good).folder / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(ConflictError, match="changed since"):
        approve_model(settings, "max", change.change_id, change.payload_sha256, now_ms=NOW_MS)


def test_the_file_that_names_the_model_in_use_reaches_no_price(settings: Settings) -> None:
    first, _, poisoned = versions(settings)
    (settings.paths.models(KIND) / "latest").write_text(f"{poisoned}\n")
    assert publish_approved(settings, KIND, NOW_MS) == f"Published {first}."
    assert pricing_version(settings, KIND) == first


def test_a_shell_without_a_password_promotes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, good, _ = versions(settings)
    monkeypatch.delenv("PHANTOM_USER", raising=False)
    monkeypatch.setenv("PHANTOM_PASSWORD", "wrong")
    for extra in ([], ["--as", "max"], ["--as", "@watcher"], ["--as", "demo-manager"]):
        result = CliRunner().invoke(
            app, ["promote", KIND, good, "--workspace", str(settings.workspace), *extra]
        )
        assert result.exit_code == 1
    assert pricing_version(settings, KIND) == first


def test_a_policy_needs_two_people_and_is_judged_by_its_own_terms(settings: Settings) -> None:
    first, good, _ = versions(settings)
    proposal = propose_policy(
        settings,
        "max",
        KIND,
        rule="better",
        margin=0.01,
        gates={"agent": {"roc_auc": 0.8}},
        why="Nightly.",
        now_ms=NOW_MS,
    )
    assert model_status(settings, KIND).policy == ""
    with pytest.raises(ConflictError, match="no longer in force"):
        promote_by_policy(settings, KIND, good, why="x", policy=proposal.change_id, now_ms=NOW_MS)
    approve_model(settings, "mia", proposal.change_id, proposal.payload_sha256, now_ms=NOW_MS)
    assert "significantly better" in model_status(settings, KIND).policy
    change = promote_by_policy(
        settings, KIND, good, why="It won.", policy=proposal.change_id, now_ms=NOW_MS
    )
    assert (change.state, pricing_version(settings, KIND)) == ("approved", good)
    end_policy(settings, "max", KIND, why="No longer.", now_ms=NOW_MS)
    with pytest.raises(ConflictError, match="no longer in force"):
        promote_by_policy(settings, KIND, first, why="x", policy=proposal.change_id, now_ms=NOW_MS)


def test_a_model_of_banned_features_prices_nothing(settings: Settings) -> None:
    _, good, _ = versions(settings)
    banned = (*BANNED, "item_views")
    set_banned_features(control(settings), "root", banned, settings, now_ms=NOW_MS)
    with pytest.raises(InputError, match="learns from item_views"):
        use(settings, "max", good)
    with pytest.raises(DataError, match="learns from item_views"):
        open_approved(settings, KIND)
    features = ModelStore(settings.workspace, KIND).open(good).manifest.features
    assert not set(features) & set(BANNED)


def test_a_policy_promotes_no_model_of_labels_that_changed_in_bulk(settings: Settings) -> None:
    first, _, poisoned = versions(settings)
    poison(settings)
    proposal = propose_policy(
        settings, "max", KIND, rule="better", margin=0.0, gates={}, why="Nightly.", now_ms=NOW_MS
    )
    approve_model(settings, "mia", proposal.change_id, proposal.payload_sha256, now_ms=NOW_MS)
    with pytest.raises(ConflictError, match="labels of"):
        promote_by_policy(
            settings, KIND, poisoned, why="It won.", policy=proposal.change_id, now_ms=NOW_MS
        )
    assert pricing_version(settings, KIND) == first


def test_a_retraining_on_swapped_labels_moves_no_price_even_under_a_policy(
    settings: Settings,
) -> None:
    first, _, _ = versions(settings)
    proposal = propose_policy(
        settings,
        "max",
        KIND,
        rule="not_worse",
        margin=1.0,
        gates={"agent_at_quote": {"roc_auc": 0.0}, "agent": {"roc_auc": 0.0}},
        why="Nightly.",
        now_ms=NOW_MS,
    )
    approve_model(settings, "mia", proposal.change_id, proposal.payload_sha256, now_ms=NOW_MS)
    poison(settings)
    chosen = settings.model_copy(update={"retraining": DAYS})
    outcome = RetrainRequest(kinds=(KIND,)).run(chosen, now_ms=NOW_MS + 9_000).verdicts[0]
    assert (outcome.outcome, outcome.champion) == ("waiting", first), outcome.why
    assert "labels of" in outcome.why
    assert [one.name for one in Alerts(settings).all() if one.is_open] == [f"waiting_{KIND}"]
    with connect_server(settings) as client:
        assert published_version(client, KIND) == first
