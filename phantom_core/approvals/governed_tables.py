"""Tables of governed changes, and their database constraints."""

from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.roles import PERMISSIONS, Permission
from phantom_core.approvals.governed_kinds import GOVERNED_KINDS
from phantom_core.database.connection import METADATA
from phantom_core.database.constraints import forbid_change, keep_rows, never_changed, only_steps

# A newer approved change of the same subject replaces the older one.
STATES: Final = {
    "waiting": ("approved", "rejected", "withdrawn", "superseded"),
    "approved": ("superseded",),
    "rejected": (),
    "withdrawn": (),
    "superseded": (),
}

CHANGES: Final = sa.Table(
    "governed_changes",
    METADATA,
    sa.Column("change_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("payload_sha256", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("author", sa.String(128), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("needed", sa.Integer, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Index(
        "one_in_force",
        "kind",
        "subject",
        unique=True,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    ),
)
GOVERNED_DECISIONS: Final = sa.Table(
    "governed_decisions",
    METADATA,
    sa.Column("change_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("who", sa.String(128), primary_key=True),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)


def _roles(permission: Permission) -> str:
    """Roles with a permission, as a list in SQL."""
    return ", ".join(repr(role.value) for role, may in PERMISSIONS.items() if permission in may)


def _decider_may() -> str:
    """SQL that is true where the role `p.role` may decide on the change `c`."""
    return " OR ".join(
        f"(c.kind = '{kind.name}' AND p.role IN ({_roles(kind.decide)}))"
        for kind in GOVERNED_KINDS.values()
    )


def _least_needed() -> str:
    """SQL that is true where a new change asks for fewer approvals than its kind needs."""
    return " OR ".join(
        f"(NEW.kind = '{kind.name}' AND NEW.needed < {kind.least_needed})"
        for kind in GOVERNED_KINDS.values()
    )


only_steps(CHANGES, "state", STATES)
keep_rows(CHANGES)
for _moment in ("INSERT", "UPDATE"):
    forbid_change(
        CHANGES,
        f"governed_changes_one_in_force_{_moment.lower()}",
        _moment,
        "NEW.state = 'approved' AND EXISTS (SELECT 1 FROM governed_changes c WHERE"
        " c.change_id <> NEW.change_id AND c.kind = NEW.kind AND c.subject = NEW.subject"
        " AND c.state = 'approved')",
        "another change of this subject is in force",
    )
forbid_change(
    CHANGES,
    "governed_changes_begin",
    "INSERT",
    "NEW.state <> 'waiting' OR NEW.kind NOT IN ("
    + ", ".join(repr(name) for name in GOVERNED_KINDS)
    + ") OR EXISTS (SELECT 1 FROM governed_changes c WHERE c.change_id = NEW.change_id)",
    "a governed change begins waiting, once, and is of a known kind",
)
forbid_change(
    CHANGES,
    "governed_changes_needed",
    "INSERT",
    f"NEW.needed < 0 OR {_least_needed()} OR (NEW.needed = 1"
    " AND NOT EXISTS (SELECT 1 FROM people p WHERE p.login = NEW.author AND p.is_active)"
    " AND EXISTS (SELECT 1 FROM people p WHERE p.origin <> 'demo'))",
    "a change of this kind or author needs more approvals",
)
forbid_change(
    CHANGES,
    "governed_changes_fixed",
    "UPDATE",
    "OLD.change_id <> NEW.change_id OR OLD.kind <> NEW.kind OR OLD.subject <> NEW.subject"
    " OR OLD.payload <> NEW.payload OR OLD.payload_sha256 <> NEW.payload_sha256"
    " OR OLD.author <> NEW.author OR OLD.why <> NEW.why OR OLD.needed <> NEW.needed"
    " OR OLD.created_ms <> NEW.created_ms",
    "only the state of a governed change moves",
)
forbid_change(
    CHANGES,
    "governed_changes_approvals",
    "UPDATE",
    "OLD.state <> NEW.state AND NEW.state = 'approved'"
    " AND ((SELECT COUNT(*) FROM governed_decisions d WHERE d.change_id = NEW.change_id"
    " AND d.verdict = 'approve') < NEW.needed"
    " OR EXISTS (SELECT 1 FROM governed_decisions d WHERE d.change_id = NEW.change_id"
    " AND d.verdict = 'reject'))",
    "this governed change lacks approvals",
)
never_changed(GOVERNED_DECISIONS)
forbid_change(
    GOVERNED_DECISIONS,
    "governed_decisions_four_eyes",
    "INSERT",
    "EXISTS (SELECT 1 FROM governed_changes c WHERE c.change_id = NEW.change_id"
    " AND c.author = NEW.who)",
    "nobody decides on their own change",
)
forbid_change(
    GOVERNED_DECISIONS,
    "governed_decisions_open",
    "INSERT",
    "NEW.verdict NOT IN ('approve', 'reject') OR NOT EXISTS (SELECT 1 FROM governed_changes c"
    " WHERE c.change_id = NEW.change_id AND c.state = 'waiting')"
    " OR EXISTS (SELECT 1 FROM governed_decisions d WHERE d.change_id = NEW.change_id"
    " AND d.who = NEW.who)",
    "this governed change is not open for the decision",
)
forbid_change(
    GOVERNED_DECISIONS,
    "governed_decisions_who",
    "INSERT",
    "NOT EXISTS (SELECT 1 FROM governed_changes c, people p WHERE c.change_id = NEW.change_id"
    f" AND p.login = NEW.who AND p.is_active AND NOT p.must_change AND ({_decider_may()}))",
    "this account may not decide on the change",
)
