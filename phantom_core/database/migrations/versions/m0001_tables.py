"""The tables as they were when migrations were introduced, for a database of any age.

Earlier releases created each table when it was first needed and added columns at most, so a
database may hold any of these tables, and two of them without their newest columns.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLES: Final = sa.MetaData()


def upgrade() -> None:
    """Create missing tables, and add missing columns to the others."""
    connection = op.get_bind()
    _complete(sa.inspect(connection))
    TABLES.create_all(connection)


def _complete(inspector: sa.Inspector) -> None:
    known = {
        name: {str(column["name"]) for column in inspector.get_columns(name)}
        for name in inspector.get_table_names()
    }
    if "jobs" in known and "who" not in known["jobs"]:
        op.add_column("jobs", sa.Column("who", sa.String(128), nullable=False, server_default=""))
    if "change_requests" in known and "break_revision" not in known["change_requests"]:
        with op.batch_alter_table("change_requests") as table:
            table.add_column(
                sa.Column("break_revision", sa.Integer, nullable=False, server_default="0")
            )
            table.add_column(
                sa.Column("scheduled_by", sa.String(128), nullable=False, server_default="")
            )
        # An emergency approval was valid for every revision; now it is for the newest alone.
        op.execute("UPDATE change_requests SET break_revision = revision WHERE break_glass <> ''")
        with op.batch_alter_table("change_requests") as table:
            table.alter_column("break_revision", server_default=None)
            table.alter_column("scheduled_by", server_default=None)


def _only_one(name: str, condition: str) -> sa.Index:
    where = sa.text(condition)
    return sa.Index(name, "state", unique=True, sqlite_where=where, postgresql_where=where)


sa.Table(
    "alerts",
    TABLES,
    sa.Column("alert_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("open_name", sa.String(128), unique=True),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("raised_ms", sa.BigInteger, nullable=False),
    sa.Column("cleared_ms", sa.BigInteger),
    sa.Column("told_raised", sa.Text, nullable=False),
    sa.Column("told_cleared", sa.Text, nullable=False),
)
sa.Table(
    "audit",
    TABLES,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("about", sa.String(128), nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
)
sa.Table(
    "change_requests",
    TABLES,
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
    _only_one("one_canary", "state = 'live' AND live_share < 1"),
    _only_one("one_live", "state = 'live' AND live_share >= 1"),
)
sa.Table(
    "decisions",
    TABLES,
    sa.Column("request_id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("who", sa.String(128), primary_key=True),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
sa.Table(
    "evidence",
    TABLES,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("request_id", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)
sa.Table(
    "jobs",
    TABLES,
    sa.Column("job_id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("fraction", sa.Float, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(128), nullable=False, server_default=""),
)
sa.Table(
    "limits",
    TABLES,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)
sa.Table(
    "people",
    TABLES,
    sa.Column("login", sa.String(128), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("password", sa.Text, nullable=False),
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("locked_until_ms", sa.BigInteger, nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)
sa.Table(
    "price_experiments",
    TABLES,
    sa.Column("experiment_id", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("arms", sa.Text, nullable=False),
    sa.Column("metric", sa.String(16), nullable=False),
    sa.Column("effect", sa.Float, nullable=False),
    sa.Column("alpha", sa.Float, nullable=False),
    sa.Column("power", sa.Float, nullable=False),
    sa.Column("tolerated_drop", sa.Float, nullable=False),
    sa.Column("planned_sessions", sa.BigInteger, nullable=False),
    sa.Column("baseline", sa.Text, nullable=False),
    sa.Column("salt", sa.String(64), nullable=False),
    sa.Column("author", sa.String(128), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("started_by", sa.String(128), nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("stopped_by", sa.String(128), nullable=False),
    sa.Column("stopped_ms", sa.BigInteger, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    _only_one("one_running_experiment", "state = 'running'"),
)
sa.Table(
    "release_documents",
    TABLES,
    sa.Column("version", sa.String(128), primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
sa.Table(
    "releases",
    TABLES,
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
    _only_one("one_pending", "state = 'pending'"),
)
sa.Table(
    "sign_ins",
    TABLES,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("login", sa.String(128), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
)
sa.Table(
    "turns",
    TABLES,
    sa.Column("work", sa.String(64), primary_key=True),
    sa.Column("due", sa.String(64), primary_key=True),
    sa.Column("taken_ms", sa.BigInteger, nullable=False),
)
sa.Table(
    "watch",
    TABLES,
    sa.Column("what", sa.String(32), primary_key=True),
    sa.Column("checked_ms", sa.BigInteger, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
    sa.Column("told", sa.Text, nullable=False),
)
