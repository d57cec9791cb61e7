"""Result store: results of one kind as files of a folder, each seen whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from phantom_core.core.errors import NotFoundError
from phantom_core.model_store.store import replace_file

LATEST: Final = "latest"


@dataclass(frozen=True, slots=True)
class ResultStore:
    """Results of one kind, under names that sort by time or the one name LATEST.

    Attributes:
        folder: made when the first result is saved.
        missing: sentence for where there is no result.
        hint: how to make one.
        file: of a result in the folder; `*` stands for its name.
    """

    folder: Path
    missing: str = ""
    hint: str = ""
    file: str = "*.json"

    def path(self, name: str = LATEST) -> Path:
        """File of a result."""
        return self.folder / self.file.replace("*", name)

    def names(self) -> tuple[str, ...]:
        """Names of the results, the newest first."""
        found = (path.relative_to(self.folder) for path in self.folder.glob(f"[!.]{self.file}"))
        suffix = self.file.removeprefix("*")
        return tuple(sorted((str(path).removesuffix(suffix) for path in found), reverse=True))

    def save(self, content: bytes, name: str = LATEST) -> None:
        """Save a result, in place of an earlier one of its name."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)

    def read(self, name: str = LATEST) -> bytes:
        """Content of a result.

        Raises:
            NotFoundError: there is none of this name.
        """
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(self.missing, hint=self.hint) from None


def replace_table(path: Path, table: pa.Table, compression: str = "snappy") -> None:
    """Write a Parquet file so that readers see the old rows or the new ones, never a part."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression)
    replace_file(path, sink.getvalue().to_pybytes())
