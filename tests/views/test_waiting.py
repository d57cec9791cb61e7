"""What waits is counted for the menu, each kind on the page that deals with it."""

from phantom_core.accounts.account_actors import GUEST
from phantom_core.accounts.actors import acting_as
from phantom_core.alerts.alerts import Alerts
from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.rule_drafts import RuleDraft, save_rule_drafts
from phantom_core.views.overview.waiting import release_now, what_waits
from tests.views.workspaces import NOW_MS


def test_a_new_workspace_waits_for_nothing(settings: Settings) -> None:
    found = what_waits(settings, "", is_approver=False)
    assert set(found.by_page.values()) == {0}
    assert release_now(settings) is None


def test_open_alerts_and_own_drafts_are_counted_and_resolved_ones_are_not(
    settings: Settings,
) -> None:
    alerts = Alerts(settings)
    alerts.follow({"drift": "It drifted.", "silence": "No events."}, frozenset(), NOW_MS)
    alerts.follow({"drift": "It drifted."}, frozenset({"silence"}), NOW_MS + 1)
    save_rule_drafts(settings, {"bands": RuleDraft("mine", "ELSE markup 1.1", NOW_MS)})
    found = what_waits(settings, "", is_approver=False)
    assert found.by_page == {"approvals": 0, "monitoring": 1, "rules": 1}
    with acting_as(GUEST, settings):  # whose drafts are their own
        assert what_waits(settings, "", is_approver=False).rule_drafts == 0
