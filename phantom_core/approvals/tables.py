"""Tables of change requests, and their database constraints."""

from typing import Final

import sqlalchemy as sa

from phantom_core.approvals.states import STEPS
from phantom_core.database.connection import METADATA
from phantom_core.database.constraints import forbid_change, never_changed, only_one, only_steps

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
    # One version is live for all sessions, and at most one more for a share of them.
    only_one("one_live", "state", "state = 'live' AND live_share >= 1"),
    only_one("one_canary", "state", "state = 'live' AND live_share < 1"),
)
only_steps(REQUESTS, "state", STEPS)
forbid_change(
    REQUESTS, "change_requests_no_delete", "DELETE", "1 = 1", "change requests are kept for ever"
)
forbid_change(
    REQUESTS,
    "change_requests_begin",
    "INSERT",
    "NEW.state <> 'draft'",
    "a change request begins as a draft",
)
forbid_change(
    REQUESTS,
    "change_requests_author",
    "UPDATE",
    "OLD.author <> NEW.author OR (OLD.break_glass <> '' AND NEW.break_glass <> OLD.break_glass)",
    "the author and a broken glass stay for ever",
)
forbid_change(
    REQUESTS,
    "change_requests_edit",
    "UPDATE",
    "(OLD.rules <> NEW.rules OR OLD.share <> NEW.share OR OLD.policy <> NEW.policy)"
    " AND NOT (NEW.state = 'draft' AND NEW.revision > OLD.revision)",
    "an edit needs a new revision, as a draft",
)
forbid_change(
    REQUESTS,
    "change_requests_publishing",
    "UPDATE",
    "EXISTS (SELECT 1 FROM releases r WHERE r.state = 'pending' AND r.request_id = NEW.request_id)",
    "this change is just being published",
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
)
never_changed(DECISIONS)
forbid_change(
    DECISIONS,
    "decisions_four_eyes",
    "INSERT",
    "EXISTS (SELECT 1 FROM change_requests r WHERE r.request_id = NEW.request_id AND r.author = "
    "NEW.who AND NEW.verdict = 'approve')",
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
    REQUESTS,
    "change_requests_approvals",
    "UPDATE OF state",
    "NEW.state IN ('approved', 'scheduled', 'live') AND OLD.state IN ('submitted', 'approved', "
    "'scheduled')"
    " AND NEW.break_revision <> NEW.revision"
    " AND ((SELECT COUNT(*) FROM decisions d WHERE d.request_id = NEW.request_id AND d.revision = "
    "NEW.revision AND d.verdict = 'approve')"
    " < NEW.needed OR EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = NEW.request_id AND "
    "d.revision = NEW.revision"
    " AND d.verdict = 'decline'))",
    "this change lacks approvals",
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
    only_one("one_pending", "state", "state = 'pending'"),
)
only_steps(RELEASES, "state", {"pending": ("done", "failed"), "done": (), "failed": ()})
forbid_change(RELEASES, "releases_no_delete", "DELETE", "1 = 1", "releases are kept for ever")
forbid_change(
    RELEASES,
    "releases_rise",
    "INSERT",
    "NEW.epoch <= (SELECT COALESCE(MAX(epoch), 0) FROM releases)",
    "epochs only rise",
)

DOCUMENTS: Final = sa.Table(
    "release_documents",
    METADATA,
    sa.Column("version", sa.String(128), primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
never_changed(DOCUMENTS)
