"""Prepare: a shop that can be soaked: generated sessions, and approved rules that are live."""

from typing import Final

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import acting_as
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.approvals.limits import seeded_database
from phantom_core.core.settings import Settings
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals.change_requests import (
    approve_request,
    propose_rules,
    submit_request,
)
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.use_cases.data.demo import load_demo

_ANALYST: Final = Account("demo-analyst")
_MANAGER: Final = Account("demo-manager")
_HOURS: Final = 48.0
_SESSIONS: Final = 200
_TRIAL_SESSIONS: Final = 60
# They read features alone, so that no model has to be trained before the shop opens.
_RULES: Final = """
IF total_interactions > 12 THEN markup 1.05 (long visit)
ELIF total_interactions > 4 THEN markup 1.02 (visit)
ELSE markup 1.00
"""
# All sessions follow the first release: a canary of a tenth would leave most prices untried.
WHOLE_SHOP: Final = {"PHANTOM_FIRST_SHARE": "1"}


def prepare_shop(settings: Settings, now_ms: int) -> str:
    """Load generated sessions, and let two demo people make rules live for every session.

    Args:
        settings: of a new workspace, with WHOLE_SHOP in force.
        now_ms: UTC milliseconds.
    Returns:
        The version of the rules.
    """
    load_demo(settings.model_copy(update={"demo_sessions": _SESSIONS}), now_ms=now_ms)
    engine = seeded_database(settings)
    for person in (_ANALYST, _MANAGER):
        sign_in_demo(engine, person.login, now_ms=now_ms, hours=_HOURS)
    with acting_as(_ANALYST, settings):
        draft = propose_rules(
            settings,
            _ANALYST.login,
            parse_rules(_RULES, "soak"),
            why="Prices that follow the session, for a soak.",
            now_ms=now_ms,
        )
        request = submit_request(
            settings,
            _ANALYST.login,
            draft.request_id,
            now_ms=now_ms,
            trial_sessions=_TRIAL_SESSIONS,
        )
    with acting_as(_MANAGER, settings):
        approve_request(
            settings, _MANAGER.login, request.request_id, request.revision, now_ms=now_ms
        )
        return publish_request(settings, _MANAGER.login, request.request_id, now_ms=now_ms).version
