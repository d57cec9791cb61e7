"""Tables of change requests, and their database constraints."""

from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.roles import PERMISSIONS, Permission
from phantom_core.approvals.states import STEPS
from phantom_core.database.connection import METADATA
from phantom_core.database.constraints import (
    forbid_change,
    frozen,
    keep_alone,
    keep_rows,
    never_changed,
    only_one,
    only_steps,
)

_EMPTY: Final = sa.text("''")
# Shares are binary fractions, which are not exact.
_TOLERANCE: Final = "0.000001"


def may_sql(login: str, permission: Permission) -> str:
    """SQL that is true where an account is active and its role has a permission.

    Args:
        login: SQL of its login.
        permission: that the role has.
    """
    roles = ", ".join(
        f"'{role.value}'" for role, allowed in PERMISSIONS.items() if permission in allowed
    )
    return (
        f"EXISTS (SELECT 1 FROM people p WHERE p.login = {login} AND p.is_active "
        f"AND NOT p.must_change AND p.role IN ({roles}))"
    )


# The approvals of the revision `r`, none of which counts beside a rejection.
_IS_APPROVED: Final = (
    "(SELECT COUNT(*) FROM decisions d WHERE d.request_id = {row}.request_id AND d.revision = "
    "{row}.revision AND d.verdict = 'approve') >= {row}.needed AND NOT EXISTS (SELECT 1 FROM "
    "decisions d WHERE d.request_id = {row}.request_id AND d.revision = {row}.revision AND "
    "d.verdict = 'decline')"
)
_IS_EMERGENCY: Final = (
    "{row}.break_revision = {row}.revision AND EXISTS (SELECT 1 FROM emergencies e WHERE "
    "e.request_id = {row}.request_id AND e.revision = {row}.revision)"
)
_IS_REVIEWED: Final = (
    "EXISTS (SELECT 1 FROM emergency_reviews e WHERE e.request_id = {row}.request_id AND "
    "e.revision = {row}.revision)"
)

REQUESTS: Final = sa.Table(
    "change_requests",
    METADATA,
    sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("author", sa.String(128), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("answers", sa.Text, nullable=False),
    sa.Column("policy", sa.String(16), nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("base_version", sa.String(128), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("needed", sa.Integer, nullable=False),
    sa.Column("evidence", sa.String(64), nullable=False),
    sa.Column("starts_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Column("time_zone", sa.String(64), nullable=False),
    sa.Column("break_glass", sa.Text, nullable=False),
    sa.Column("break_revision", sa.Integer, nullable=False),
    sa.Column("scheduled_by", sa.String(128), nullable=False),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("live_share", sa.Float, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("ramp", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("top_share", sa.Float, nullable=False, server_default=sa.text("0")),
    # One version is live for all sessions, and at most one more for a share of them.
    only_one("one_live", "state", "state = 'live' AND live_share >= 1"),
    only_one("one_canary", "state", "state = 'live' AND live_share < 1"),
)
only_steps(REQUESTS, "state", STEPS)
keep_rows(REQUESTS)
frozen(REQUESTS, "author", "created_ms")
keep_alone(
    REQUESTS,
    "change_requests_one_live",
    "{row}.state = 'live' AND {row}.live_share >= 1",
    "another version is live for all sessions",
)
keep_alone(
    REQUESTS,
    "change_requests_one_canary",
    "{row}.state = 'live' AND {row}.live_share < 1",
    "another version is live for a share of the sessions",
)
forbid_change(
    REQUESTS,
    "change_requests_begin",
    "INSERT",
    "NEW.state <> 'draft' OR NEW.revision <> 1 OR NEW.needed < 1 OR NEW.evidence <> ''"
    " OR NEW.break_glass <> '' OR NEW.break_revision <> 0 OR NEW.version <> ''"
    " OR NEW.live_share <> 0",
    "a change request begins as a draft",
)
forbid_change(
    REQUESTS,
    "change_requests_edit",
    "UPDATE",
    "("
    + " OR ".join(
        f"OLD.{name} <> NEW.{name}"
        for name in (
            "revision",
            "name",
            "rules",
            "why",
            "answers",
            "policy",
            "share",
            "ramp",
            "top_share",
            "expires_ms",
            "base_version",
        )
    )
    + ") AND NOT (NEW.state = 'draft' AND NEW.revision > OLD.revision)",
    "an edit needs a new revision, as a draft",
)
forbid_change(
    REQUESTS,
    "change_requests_needed",
    "UPDATE",
    "NEW.needed < OLD.needed",
    "the number of approvals that a change needs never falls",
)
forbid_change(
    REQUESTS,
    "change_requests_evidence",
    "UPDATE",
    "OLD.evidence <> NEW.evidence"
    " AND NOT (OLD.evidence = '' AND OLD.state = 'draft' AND NEW.state = 'submitted'"
    " AND NEW.revision = OLD.revision)"
    " AND NOT (NEW.evidence = '' AND NEW.state = 'draft' AND NEW.revision > OLD.revision)",
    "evidence belongs to one revision",
)
forbid_change(
    REQUESTS,
    "change_requests_emergency",
    "UPDATE",
    "(OLD.break_glass <> NEW.break_glass OR OLD.break_revision <> NEW.break_revision)"
    " AND NOT (NEW.break_revision = NEW.revision AND EXISTS (SELECT 1 FROM emergencies e WHERE"
    " e.request_id = NEW.request_id AND e.revision = NEW.revision AND e.why = NEW.break_glass))",
    "an emergency publication is recorded with its reason, for ever",
)
forbid_change(
    REQUESTS,
    "change_requests_version",
    "UPDATE",
    "(OLD.version <> NEW.version AND NOT (OLD.version = '' AND NEW.state = 'live'))"
    f" OR (NEW.state = 'live' AND NEW.live_share > NEW.top_share + {_TOLERANCE}"
    " AND (OLD.state <> 'live' OR OLD.live_share <> NEW.live_share))",
    "a version is live for the share that was approved",
)
forbid_change(
    REQUESTS,
    "change_requests_publishing",
    "UPDATE",
    "EXISTS (SELECT 1 FROM releases r WHERE r.state = 'pending' AND r.request_id = NEW.request_id)",
    "this change is just being published",
)
forbid_change(
    REQUESTS,
    "change_requests_approvals",
    "UPDATE",
    "OLD.state <> NEW.state AND NEW.state IN ('approved', 'scheduled', 'live')"
    f" AND NOT ({_IS_APPROVED.format(row='NEW')})"
    f" AND NOT (NEW.state = 'live' AND {_IS_EMERGENCY.format(row='NEW')}"
    f" AND (OLD.state IN ('submitted', 'approved', 'scheduled')"
    f" OR {_IS_REVIEWED.format(row='NEW')}))",
    "this change lacks approvals",
)

DECISIONS: Final = sa.Table(
    "decisions",
    METADATA,
    sa.Column("request_id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("who", sa.String(128), primary_key=True),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.Text, nullable=False, server_default=_EMPTY),
)
never_changed(DECISIONS)
forbid_change(
    DECISIONS,
    "decisions_four_eyes",
    "INSERT",
    "EXISTS (SELECT 1 FROM change_requests r WHERE r.request_id = NEW.request_id AND r.author = "
    "NEW.who AND NEW.verdict <> 'decline')",
    "nobody approves their own change",
)
forbid_change(
    DECISIONS,
    "decisions_current",
    "INSERT",
    "NOT EXISTS (SELECT 1 FROM change_requests r WHERE r.request_id = NEW.request_id AND "
    "r.revision = NEW.revision"
    " AND r.state IN ('submitted', 'approved', 'scheduled'))",
    "this revision is not open for decisions",
)
forbid_change(
    DECISIONS,
    "decisions_who",
    "INSERT",
    f"NEW.verdict NOT IN ('approve', 'confirm', 'decline')"
    f" OR NOT {may_sql('NEW.who', Permission.APPROVE)}",
    "this account may not decide on changes",
)

EVIDENCE: Final = sa.Table(
    "evidence",
    METADATA,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("request_id", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)
never_changed(EVIDENCE)

RELEASES: Final = sa.Table(
    "releases",
    METADATA,
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("request_id", sa.Integer, nullable=False),
    sa.Column("version", sa.String(128), nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("stable", sa.String(128), nullable=False),
    sa.Column("salt", sa.String(64), nullable=False),
    sa.Column("is_killed", sa.Boolean, nullable=False),
    sa.Column("policy", sa.String(16), nullable=False),
    sa.Column("lowest_markup", sa.Float, nullable=False),
    sa.Column("highest_markup", sa.Float, nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("audit_seq", sa.BigInteger, nullable=False),
    sa.Column("audit_hash", sa.String(64), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("limits", sa.Text, nullable=False, server_default=_EMPTY),
    only_one("one_pending", "state", "state = 'pending'"),
)
only_steps(RELEASES, "state", {"pending": ("done", "failed"), "done": (), "failed": ()})
keep_rows(RELEASES)
keep_alone(
    RELEASES,
    "releases_one_pending",
    "{row}.state = 'pending'",
    "another release is being published",
)
frozen(RELEASES, *(column.name for column in RELEASES.columns if column.name != "state"))
forbid_change(
    RELEASES,
    "releases_rise",
    "INSERT",
    "NEW.state <> 'pending' OR NEW.epoch <= (SELECT COALESCE(MAX(epoch), 0) FROM releases)",
    "epochs only rise, and a release begins pending",
)
forbid_change(
    RELEASES,
    "releases_approved",
    "INSERT",
    "NEW.version <> '' AND NEW.kind IN ('publish', 'share', 'roll back')"
    " AND NOT EXISTS (SELECT 1 FROM change_requests r WHERE r.request_id = NEW.request_id"
    f" AND NEW.share <= r.top_share + {_TOLERANCE} AND (r.version = '' OR r.version = NEW.version)"
    f" AND (({_IS_APPROVED.format(row='r')}) OR ({_IS_EMERGENCY.format(row='r')})))",
    "a release is of an approved change, for the share that was approved",
)
# Switches that need no approval change neither version.
forbid_change(
    RELEASES,
    "releases_known",
    "INSERT",
    "(NEW.version <> '' AND NEW.kind NOT IN ('publish', 'share', 'roll back')"
    " AND NOT EXISTS (SELECT 1 FROM releases p WHERE p.state = 'done'"
    " AND NEW.version IN (p.version, p.stable)))"
    " OR (NEW.stable <> '' AND NEW.stable <> NEW.version"
    " AND NOT EXISTS (SELECT 1 FROM releases p WHERE p.state = 'done'"
    " AND NEW.stable IN (p.version, p.stable)))",
    "a switch names versions that were live before",
)

DOCUMENTS: Final = sa.Table(
    "release_documents",
    METADATA,
    sa.Column("version", sa.String(128), primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
never_changed(DOCUMENTS)
