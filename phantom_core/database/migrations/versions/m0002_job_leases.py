"""Jobs are held by a lease, belong to a workspace, and report typed values."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; a job that runs during the upgrade has an hour to finish."""
    for name, length in (("workspace", 32), ("host", 255), ("worker", 32), ("worker_started", 64)):
        op.add_column("jobs", sa.Column(name, sa.String(length), nullable=False, server_default=""))
    op.add_column(
        "jobs", sa.Column("lease_until_ms", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("jobs", sa.Column("progress", sa.Text))
    op.execute(
        "UPDATE jobs SET lease_until_ms = changed_ms + 3600000 WHERE state IN ('queued', 'running')"
    )
