"""Live rules: the rule set that most sessions get now, according to the control database."""

from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.change_request import Policy
from phantom_core.approvals.releases import current_release, release_document, request_of
from phantom_core.core.settings import Settings
from phantom_core.publishing.release import parse_release
from phantom_core.rules.rule_set import RuleSet
from phantom_core.session_market.market import NO_MARKUP

LIVE: Final = "live"


@requires(Permission.READ)
def live_version(connection: sa.Connection) -> str:
    """Version that most sessions get according to the database; empty for base prices."""
    release = current_release(connection)
    return release.full_version if release else ""


@requires(Permission.READ)
def live_rules(connection: sa.Connection) -> RuleSet:
    """Rules of the live version; no mark-up for base prices."""
    version = live_version(connection)
    return parse_release(release_document(connection, version)).rules() if version else NO_MARKUP


@requires(Permission.READ)
def live_policy(connection: sa.Connection) -> Policy:
    """Whether rules or the network price the sessions of the live version."""
    version = live_version(connection)
    return request_of(connection, version).policy if version else "rules"


@requires(Permission.READ)
def open_live(settings: Settings) -> RuleSet:
    """The live rules, under the name 'live'."""
    with control_engine(settings).connect() as connection:
        return replace(live_rules(connection), name=LIVE)


@requires(Permission.READ)
def is_anything_live(settings: Settings) -> bool:
    """Whether published rules are live, not base prices."""
    with control_engine(settings).connect() as connection:
        return bool(live_version(connection))
