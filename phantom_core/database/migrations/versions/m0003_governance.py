"""Ramps, emergencies with their reviews, accepted risks, limits of a release, and banned features.

Constraints now also cover REPLACE, TRUNCATE, deciders, evidence and releases.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
_REVIEW_MS = 86_400_000


def upgrade() -> None:
    """Add columns and tables; earlier emergency publications wait for a review."""
    empty = sa.text("''")
    for table, name in (
        ("change_requests", "ramp"),
        ("decisions", "accepted"),
        ("releases", "limits"),
    ):
        op.add_column(table, sa.Column(name, sa.Text, nullable=False, server_default=empty))
    op.add_column(
        "change_requests",
        sa.Column("top_share", sa.Float, nullable=False, server_default=sa.text("0")),
    )
    op.execute("UPDATE change_requests SET top_share = share")
    for largest in (
        "live_share",
        "COALESCE((SELECT MAX(x.share) FROM releases x WHERE x.state = 'done' AND "
        "x.request_id = change_requests.request_id AND x.version = change_requests.version), 0)",
    ):
        op.execute(f"UPDATE change_requests SET top_share = {largest} WHERE {largest} > top_share")
    op.create_table(
        "limit_lists",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("names", sa.Text, nullable=False),
    )
    op.create_table(
        "emergencies",
        sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("prices", sa.String(16), nullable=False),
        sa.Column("gates", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("review_by_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "emergency_reviews",
        sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO emergencies "
        "(request_id, revision, who, why, prices, gates, at_ms, review_by_ms) "
        "SELECT r.request_id, r.break_revision, COALESCE((SELECT a.who FROM audit a WHERE "
        "a.action = 'request.glass_broken' AND a.about = 'request ' || r.request_id "
        "ORDER BY a.seq DESC LIMIT 1), r.author), r.break_glass, 'raise', '[]', "
        f"r.changed_ms, r.changed_ms + {_REVIEW_MS} "
        "FROM change_requests r WHERE r.break_glass <> '' AND r.break_revision > 0"
    )
