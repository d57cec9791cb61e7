"""An arm may serve only released versions, to at most the approved share of sessions."""

import pytest

from phantom_core.approvals.experiment_plan import PlannedArm
from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.experiments.experiment_size import Baseline
from phantom_core.publishing.experiments import read_experiments
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.approvals.experiments import start_experiment, stop_experiment
from phantom_core.use_cases.approvals.plan_experiment import plan_experiment, size_experiment
from phantom_core.use_cases.approvals.publish_rules import publish_request, set_share
from phantom_core.valkey.server import connect_server
from phantom_core.views.experiments.experiments import servable_rules
from tests.use_cases.test_publish_rules import ANA, MAX, NOW, approved, proposed, shop

__all__ = ["proposed", "shop"]


def plan(settings: Settings, name: str, version: str, share: float) -> None:
    arms = (PlannedArm("control", 1 - share, ""), PlannedArm("new", share, version))
    sized = size_experiment(
        settings, arms, "revenue", 0.1, now_ms=NOW, baseline=Baseline(10.0, 30.0)
    )
    plan_experiment(settings, ANA, name, "?", arms, sized, metric="revenue", effect=0.1, now_ms=NOW)


@pytest.mark.slow
def test_an_arm_is_no_larger_than_was_approved_unless_its_version_is_live_for_all(
    shop: Settings,
) -> None:
    version = publish_request(shop, MAX, approved(shop), now_ms=NOW).version
    assert servable_rules(shop) == ["live", "", version]
    plan(shop, "large", version, 0.5)
    with pytest.raises(
        ConflictError, match=r"Arm new serves .* to 50% of the sessions; approved: 10%\."
    ):
        start_experiment(shop, MAX, "large", now_ms=NOW)
    plan(shop, "small", version, 0.1)
    start_experiment(shop, MAX, "small", now_ms=NOW)
    with connect_server(shop) as client:
        found = read_experiments(client, public_keys(shop))
    assert found and [arm.version for arm in found.experiments[0].arms] == ["", version]
    stop_experiment(shop, MAX, "small", "enough", now_ms=NOW)
    set_share(shop, MAX, 1.0, why="It went well.", now_ms=NOW + 3_600_000)
    assert start_experiment(shop, MAX, "large", now_ms=NOW).state == "running"
