"""Apply labels: what people agree on becomes the labels that models learn from."""

import hashlib
import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import seeded_database
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.events.keyed_rows import KeyedRows
from phantom_core.events.schema import SESSION_LABELS
from phantom_core.labels.verdicts import Consensus, find_consensus, list_verdicts
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.lake.ledger import new_load
from phantom_core.lake.load import commit_keyed

SOURCE = "label desk"


@dataclass(frozen=True, slots=True)
class AppliedLabels:
    """What applying changed.

    Attributes:
        labels: sessions on which people agree.
        changed: of them, those whose label is new or another one.
        withdrawn: labels taken away, as people now contradict each other.
        lake_version: version of the lake's session labels after it.
    """

    labels: int
    changed: int
    withdrawn: int
    lake_version: int

    def to_json(self) -> dict[str, object]:
        """The report as plain values."""
        return {
            "labels": self.labels,
            "changed": self.changed,
            "withdrawn": self.withdrawn,
            "lake_version": self.lake_version,
        }


@requires(Permission.WORK)
def apply_labels(settings: Settings, who: str, *, now_ms: int) -> AppliedLabels:
    """Write what people agree on to the lake, as a load that can be looked at; a second call adds
    nothing.

    Args:
        settings: name the workspace.
        who: login of the person who applies them.
        now_ms: UTC milliseconds.
    """
    engine = seeded_database(settings)
    with engine.connect() as connection:
        consensus = find_consensus(list_verdicts(connection))
    lake = open_lake(settings)
    agreed = [one for one in consensus.values() if one.is_agent is not None]
    withdrawn = _withdraw(lake, [one for one in consensus.values() if one.is_agent is None])
    changed = _commit(lake, agreed, now_ms) if agreed else 0
    done = AppliedLabels(len(agreed), changed, withdrawn, lake.version("session_labels"))
    if changed or withdrawn:
        with write_transaction(engine) as connection:
            about = f"session labels {done.lake_version}"
            audit.append_entry(connection, now_ms, who, "labels.applied", about, done.to_json())
    return done


def _commit(lake: Lake, agreed: list[Consensus], now_ms: int) -> int:
    rows = pa.Table.from_pylist(
        [
            {"session_id": one.session_id, "is_agent": one.is_agent, "family": None}
            for one in sorted(agreed, key=lambda one: one.session_id)
        ],
        schema=SESSION_LABELS,
    )
    content = json.dumps([rows["session_id"].to_pylist(), rows["is_agent"].to_pylist()])
    digest = hashlib.sha256(content.encode()).hexdigest()
    load = new_load("labels", SOURCE, digest, "", now_ms)
    return commit_keyed(lake, KeyedRows(rows, rows.num_rows, 0, ()), load).accepted


def _withdraw(lake: Lake, disputed: list[Consensus]) -> int:
    """Take the labels of disputed sessions away."""
    if not disputed or lake.version("session_labels") < 0:
        return 0
    with lake.lock:
        with lake.connect(("session_labels",)) as connection:
            labelled = connection.sql(
                "SELECT session_id FROM session_labels WHERE is_agent IS NOT NULL"
            ).to_arrow_table()["session_id"]
        names = pa.array([one.session_id for one in disputed], pa.string())
        found = names.filter(pc.is_in(names, value_set=labelled.combine_chunks())).to_pylist()
        if found:
            listed = ", ".join("'" + name.replace("'", "''") + "'" for name in found)
            lake.update("session_labels", {"is_agent": "NULL"}, f"session_id IN ({listed})")
    return len(found)
