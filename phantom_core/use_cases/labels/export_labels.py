"""Export labels: every verdict with who, when, how and why."""

import pyarrow as pa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import seeded_database
from phantom_core.core.settings import Settings
from phantom_core.labels.verdicts import current_verdicts, find_consensus, list_verdicts


@requires(Permission.READ)
def export_labels(settings: Settings) -> pa.Table:
    """All verdicts in order, with what people together say.

    Returns:
        Columns verdict_id, session, label (agent, human, skip), who, at_ms (UTC), how, reason,
        model_version, is_current (the person's newest one), agreed (agent, human; NULL where
        disputed or skipped). `ingest --labels` reads none of them but session and label.
    """
    with seeded_database(settings).connect() as connection:
        given = list_verdicts(connection)
    current = {one.verdict_id for one in current_verdicts(given).values()}
    consensus = find_consensus(given)
    names = {True: "agent", False: "human", None: None}
    agreed = [
        names[consensus[one.session_id].is_agent] if one.session_id in consensus else None
        for one in given
    ]
    return pa.table(
        {
            "verdict_id": pa.array([one.verdict_id for one in given], pa.int64()),
            "session": pa.array([one.session_id for one in given], pa.string()),
            "label": pa.array([one.verdict for one in given], pa.string()),
            "who": pa.array([one.who for one in given], pa.string()),
            "at_ms": pa.array([one.at_ms for one in given], pa.int64()),
            "how": pa.array([one.how for one in given], pa.string()),
            "reason": pa.array([one.reason for one in given], pa.string()),
            "model_version": pa.array([one.model_version for one in given], pa.string()),
            "is_current": pa.array([one.verdict_id in current for one in given], pa.bool_()),
            "agreed": pa.array(agreed, pa.string()),
        }
    )
