"""Ledger: what is known of each load."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from phantom_core.events import schema
from phantom_core.events.load_warning import LoadWarning, write_warnings


@dataclass(frozen=True, slots=True)
class Load:
    """The outcome of one file; rows_read = accepted + duplicates + sum of quarantined.

    Attributes:
        load_seq: number of the load in this lake, increasing.
        kind: events, quotes, experiments, labels or catalogue.
        sha256: of the file as it was read.
        quarantined: rows by reason code.
        warnings: what deserves a look.
        missing: share of the valid rows without a value, by mapped field; of this load only, the
            ledger does not store it.
        mapping_sha256: digest of the mapping; "" where none was used.
        removed_ms: when its rows were taken out again, UTC milliseconds; None while they are there.
    """

    load_id: str
    load_seq: int
    kind: str
    file: str
    sha256: str
    mapping: str
    rows_read: int
    accepted: int
    duplicates: int
    quarantined: Mapping[str, int]
    warnings: tuple[LoadWarning, ...]
    loaded_ms: int
    seconds: float
    mapping_sha256: str = ""
    removed_ms: int | None = None
    missing: Mapping[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, str | int | float | None]:
        """The load as a row of the ledger."""
        return {
            **{name: getattr(self, name) for name in schema.LOADS.names},
            "quarantined": json.dumps(dict(self.quarantined)),
            "warnings": write_warnings(self.warnings),
        }


def new_load(
    kind: str, file: str, sha256: str, mapping: str, now_ms: int, mapping_sha256: str = ""
) -> Load:
    """A load before its rows are counted."""
    return Load(
        uuid.uuid4().hex, 0, kind, file, sha256, mapping, 0, 0, 0, {}, (), now_ms, 0.0,
        mapping_sha256,
    )  # fmt: skip
