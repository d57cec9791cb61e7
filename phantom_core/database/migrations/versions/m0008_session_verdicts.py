"""People label sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the table of verdicts; labels from files stay in the lake."""
    op.create_table(
        "session_verdicts",
        sa.Column("verdict_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("session_id", sa.String(512), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_session_verdicts_session_id", "session_verdicts", ["session_id"])
