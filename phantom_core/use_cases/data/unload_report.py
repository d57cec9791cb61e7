"""Unload report: what taking out a load removed."""

from dataclasses import dataclass

from phantom_core.jobs.job_request import PlainReport


@dataclass(frozen=True, slots=True)
class UnloadReport(PlainReport):
    """What taking out a load removed.

    Attributes:
        load_id, file, kind: of the load.
        removed: rows that were taken out.
        load_again: files that were loaded later and had duplicates: rows that this load had too are
            gone with it, and come back when such a file is loaded again.
    """

    load_id: str
    file: str
    kind: str
    removed: int
    load_again: tuple[str, ...]
