"""Entries of the audit chain are signed, each on its own."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the signatures; entries from before have none."""
    op.create_table(
        "audit_signatures",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("signature", sa.String(88), nullable=False),
    )
