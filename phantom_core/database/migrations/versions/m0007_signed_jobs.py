"""Jobs carry a signature of the control side."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; jobs from before have no signature and are not run."""
    for name, length in (("key_id", 16), ("signature", 88)):
        op.add_column("jobs", sa.Column(name, sa.String(length), nullable=False, server_default=""))
