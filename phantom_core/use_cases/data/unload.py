"""Unload: take the rows of a load out of the lake, and out of the features."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.lake.load import finish_interrupted
from phantom_core.lake.removal import LedgerEntry, find_load, remove_load
from phantom_core.use_cases.data.unload_report import UnloadReport


@requires(Permission.WORK)
def unload(
    settings: Settings, load_id: str, *, now_ms: int, progress: Progress = no_progress
) -> UnloadReport:
    """Take a load of events or quotes out; its entry in the ledger stays, marked as removed.

    Args:
        settings: names the workspace.
        load_id: of the load, or the start of it.
        now_ms: UTC milliseconds.
        progress: called after every step.
    Raises:
        NotFoundError: no load has this id.
        InputError: several have, or it is one of keyed rows.
    """
    lake = open_lake(settings)
    with lake.lock:
        finish_interrupted(lake)
        load = find_load(lake, load_id)
        progress(0.1, f"{load.file}: removing")
        n_rows = remove_load(lake, load, now_ms)
        leaning = _with_duplicates_of(lake, load)
    progress(0.5, "features")
    store = FeatureStore(lake)
    if store.root.is_dir():
        store.refresh()
    return UnloadReport(load.load_id, load.file, load.kind, n_rows, leaning)


def _with_duplicates_of(lake: Lake, load: LedgerEntry) -> tuple[str, ...]:
    """Files whose duplicates may have been rows of this load."""
    with lake.connect(("loads",)) as connection:
        rows = connection.execute(
            "SELECT DISTINCT file FROM loads WHERE kind = ? AND load_seq > ? AND duplicates > 0 "
            "AND removed_ms IS NULL AND sha256 <> '' ORDER BY file",
            [load.kind, load.load_seq],
        ).fetchall()
    return tuple(file for (file,) in rows)
