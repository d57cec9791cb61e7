"""Sign-ins end when idle, throttle by address, and new powers wait for a second administrator."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns and tables; nobody who has a role today waits."""
    op.add_column(
        "people", sa.Column("waits_until_ms", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column(
        "people", sa.Column("granted_by", sa.String(128), nullable=False, server_default="")
    )
    for name in ("seen_ms", "idle_ms"):
        op.add_column(
            "sign_ins", sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        )
    op.add_column(
        "sign_ins", sa.Column("identity", sa.String(64), nullable=False, server_default="")
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ended_identities",
        sa.Column("identity", sa.String(64), primary_key=True),
        sa.Column("ended_ms", sa.BigInteger, nullable=False),
    )
