"""Give a label: a person says what a session is."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import seeded_database
from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.labels.verdicts import GivenVerdict, How, Verdict, add_verdict
from phantom_core.lake.lake import open_lake
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore


@requires(Permission.WORK)
def give_label(
    settings: Settings,
    who: str,
    session_id: str,
    verdict: Verdict,
    *,
    now_ms: int,
    reason: str = "",
    how: How = "desk",
) -> GivenVerdict:
    """Record what a person says a session is; `apply_labels` makes labels of it.

    Args:
        settings: name the workspace.
        who: login of the person.
        session_id: of a session of the lake.
        verdict: agent, human, or skip: cannot tell.
        now_ms: UTC milliseconds.
        reason: in words, at most 400 characters.
        how: at the desk, in the label audit, or by the command line.
    Raises:
        NotFoundError: there is no such session.
        InputError: no such verdict, or a reason that is too long.
    """
    with open_lake(settings).connect(("events",)) as connection:
        found = connection.execute(
            "SELECT 1 FROM events WHERE session_id = ? LIMIT 1", [session_id]
        ).fetchall()
    if not found:
        raise NotFoundError(
            f"There is no session '{session_id}' in this workspace.",
            hint="Copy the session from the page Sessions.",
        )
    model = ModelStore(settings.workspace, CLASSIFIER.name).in_use() or ""
    with write_transaction(seeded_database(settings)) as connection:
        return add_verdict(
            connection,
            who,
            session_id,
            verdict,
            reason=reason.strip(),
            how=how,
            model_version=model,
            now_ms=now_ms,
        )
