"""A rollout under its guard, from its first share to its end, on a decision log and a lake."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phantom_core.alerts.alerts import Alerts
from phantom_core.approvals.ramp import RampStep
from phantom_core.approvals.releases import PublishedRelease, current_release
from phantom_core.core.settings import RolloutSettings, Settings
from phantom_core.experiments.exposures import WINDOW_MS
from phantom_core.messages.decision_log import DecisionLog, segments_folder
from phantom_core.publishing.canary import in_canary
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.guard_rollout import assess_rollout, guard_rollout
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.use_cases.approvals.watch_price_experiments import Watch
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.operations.drain_decisions import drain_decisions
from tests.security.governed import HOUR, NOW, approved, installation, submitted
from tests.services.decisions import decision

LATER = NOW + 100 * WINDOW_MS


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    """A canary on a tenth of the sessions, whose ramp leads to all of them."""
    rollout = RolloutSettings(excluded_loss=0.4)
    with installation(tmp_path / "shop", rollout=rollout) as settings:
        request = submitted(settings, share=0.1, ramp=(RampStep(1.0, 1, 500),))
        publish_request(settings, "max", approved(settings, request), now_ms=NOW)
        yield settings


def live(settings: Settings) -> PublishedRelease:
    with control_database(settings).connect() as connection:
        found = current_release(connection)
    assert found
    return found


def traffic(
    settings: Settings, n: int, *, humans: float = 0.9, agents: float = 0.9, reason: str = ""
) -> None:
    """Labelled sessions, every second an agent's; the chances to buy are those in the canary, and
    0.9 outside it. Agents search a lot. The canary's decisions fall back for a reason.
    """
    release, rng = live(settings), np.random.default_rng(5)
    log, lines, labels = DecisionLog(segments_folder(settings.workspace)), [], []
    for k in range(n):
        session, is_agent, at_ms = f"s{k}", k % 2 == 1, NOW + k * 1_000
        is_canary = in_canary(session, release.salt, release.share)
        log.append(
            decision(
                session_id=session,
                decided_ms=at_ms,
                epoch=release.epoch,
                reason=reason if is_canary and reason else None,
            )
        )
        seen = {"sessionId": session, "storeMode": "hotel", "eventName": "search"}
        lines += [{**seen, "ts": at_ms + 1 + j} for j in range(8 if is_agent else 1)]
        chance = (agents if is_agent else humans) if is_canary else 0.9
        if rng.random() < chance:
            bought = {**seen, "ts": at_ms + 60_000, "eventName": "purchase", "productId": "room"}
            lines.append(bought)
        labels.append((session, "agent" if is_agent else "human"))
    log.close()
    drain_decisions(settings)
    events = settings.workspace / "traffic.jsonl"
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with (settings.workspace / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("session", "label"), *labels])
    ingest_files(settings, [events], labels=str(settings.workspace / "labels.csv"), now_ms=LATER)


def test_without_traffic_it_waits_and_without_a_canary_there_is_nothing_to_guard(
    shop: Settings,
) -> None:
    found = guard_rollout(shop, now_ms=NOW + HOUR)
    assert found and (found.assessment.action, found.done) == ("wait", "")
    assert found.assessment.reasons[0].startswith("0 of the 500 sessions")
    other = Settings(workspace=shop.workspace / "other")
    assert assess_rollout(other, now_ms=NOW) is None


@pytest.mark.slow
def test_rules_that_cannot_be_used_are_rolled_back_by_the_process_that_drains_decisions(
    shop: Settings,
) -> None:
    traffic(shop, 2_500, reason="rules_broken")
    looked = assess_rollout(shop, now_ms=LATER)
    assert looked and looked.assessment.action == "roll back"
    assert live(shop).share == 0.1
    Watch(shop).look()
    release = live(shop)
    assert (release.kind, release.version, release.who) == ("roll back", "", "@watcher")
    assert "meet rules or a model that cannot be used" in release.why
    (alert,) = Alerts(shop).all()
    assert alert.is_open and "is rolled back. At least" in alert.sentence
    Watch(shop).look()  # nothing is live any more that could be guarded
    assert Alerts(shop).all()[0].is_open


@pytest.mark.slow
def test_a_harmless_canary_takes_the_step_of_its_ramp_when_it_is_due(shop: Settings) -> None:
    traffic(shop, 2_500, agents=0.85)
    early = guard_rollout(shop, now_ms=NOW + HOUR // 2)
    assert early and early.next_share is None and live(shop).share == 0.1
    found = guard_rollout(shop, now_ms=LATER)
    assert found and found.assessment.reasons == () and found.next_share == 1.0
    release = live(shop)
    assert (release.kind, release.share, release.who) == ("share", 1.0, "@watcher")
    assert found.to_json()["action"] == "advance"
    assert Alerts(shop).all() == ()


@pytest.mark.slow
def test_a_loss_of_humans_is_rolled_back(shop: Settings) -> None:
    traffic(shop, 2_500, humans=0.3, agents=1.0)
    found = guard_rollout(shop, now_ms=LATER)
    assert found and "fewer humans buy" in found.done
    assert live(shop).version == ""
