"""Load totals: a load in figures, file by file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from phantom_core.events.load_warning import LoadWarning
from phantom_core.jobs.job_request import PlainReport


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One file of a load.

    Attributes:
        file: its path, or the database without its password.
        kind: events, quotes, experiments, labels or catalogue.
        read: rows read.
        accepted: rows that are new in the lake.
        duplicates: rows that were there before.
        quarantined: reason → rows rejected.
        warnings: what deserves a look.
        missing: share of the valid rows without a value, by mapped field that may be left out.
    """

    file: str
    kind: str
    read: int
    accepted: int
    duplicates: int
    quarantined: Mapping[str, int]
    warnings: tuple[LoadWarning, ...]
    missing: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoadTotals(PlainReport):
    """A load in figures.

    Attributes:
        read, accepted, duplicates: rows of event and quote files.
        quarantined: reason → rows of them rejected.
        experiments, labels, catalogue: rows that are new.
        files: one by one.
        failed: file → why it was rejected as a whole.
        lake_version: of the events table afterwards.
        seconds: wall time.
        prices_changed: base prices that changed within the bounds.
        left_out: files of the folders and globs whose ending is not known.
        prices_waiting: changes of base prices that wait for a second person.
    """

    read: int
    accepted: int
    duplicates: int
    quarantined: Mapping[str, int]
    experiments: int
    labels: int
    catalogue: int
    files: tuple[LoadedFile, ...]
    failed: Mapping[str, str]
    lake_version: int
    seconds: float
    prices_changed: int = 0
    prices_waiting: int = 0
    left_out: tuple[str, ...] = ()
