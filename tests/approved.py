"""Approvals that tests need and are not about."""

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.settings import Settings
from phantom_core.model_store.store import ModelStore
from phantom_core.use_cases.models.model_use import (
    approve_model,
    pricing_version,
    propose_policy,
    use_model,
)

ANALYST, MANAGER = "demo-analyst", "demo-manager"


def approve_model_now(settings: Settings, kind: str, version: str) -> None:
    """Let prices depend on a saved model: an analyst proposes it, and a manager approves."""
    sign_in_demo_people(settings)
    if pricing_version(settings, kind) == version == ModelStore(settings.workspace, kind).in_use():
        return
    change = use_model(
        settings, ANALYST, kind, version, why="A test.", now_ms=1, despite_doubts=True
    )
    approve_model(settings, MANAGER, change.change_id, change.payload_sha256, now_ms=1)


def approve_policy_now(
    settings: Settings, kind: str, rule: str, margin: float, gates: dict[str, dict[str, float]]
) -> None:
    """Approve a promotion policy: an analyst proposes it, and a manager approves."""
    sign_in_demo_people(settings)
    change = propose_policy(
        settings,
        ANALYST,
        kind,
        rule=rule,
        margin=margin,
        gates=gates,
        why="A test.",
        now_ms=1,
    )
    approve_model(settings, MANAGER, change.change_id, change.payload_sha256, now_ms=1)


def sign_in_demo_people(settings: Settings) -> None:
    """Make the accounts of the demo people."""
    engine = control_engine(settings)
    for login in (ANALYST, MANAGER):
        sign_in_demo(engine, login, now_ms=1, hours=1)
