"""Catalogue store: approved versions of the catalogue as files, and the signed head of the newest.

A file is named by its SHA-256 and never changes. The head says which one is in force; readers
follow it where the control side signed it.
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from phantom_core.approvals.base_prices import HeldPrice, HeldReason
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.events.schema import CATALOGUE
from phantom_core.signing.keys import PublicKeys, Signature, SigningKey

PURPOSE: Final = "phantom-catalogue/1"
_HEAD: Final = "approved.json"
_HELD: Final = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("approved", pa.float64()),
        pa.field("wanted", pa.float64()),
        pa.field("why", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class CatalogueHead:
    """Which version of the catalogue is in force.

    Attributes:
        number: 1, 2, 3, … of the versions in this control database.
        sha256: of the version's file.
        previous: SHA-256 of the version before; empty for the first.
        products: with a base price, count.
        changed: base prices that differ from the version before, count.
        held: changes that wait for a second person, count.
        jump: number of the approved governed change whose jumps are in it; 0 without.
        at_ms: since when, UTC milliseconds.
    """

    number: int
    sha256: str
    previous: str
    products: int
    changed: int
    held: int
    jump: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with the signature of the control side."""

    head: CatalogueHead
    key_id: str
    signature: str

    def is_signed(self, keys: PublicKeys) -> bool:
        """Whether a trusted key signed it."""
        return keys.is_signed(PURPOSE, _content(self.head), Signature(self.key_id, self.signature))

    def payload(self) -> dict[str, object]:
        """As the control database and the file have it."""
        return asdict(self)


_ADAPTER: Final = TypeAdapter(SignedHead)


def sign_head(key: SigningKey, head: CatalogueHead) -> SignedHead:
    """Sign a head."""
    signature = key.sign(PURPOSE, _content(head))
    return SignedHead(head, signature.key_id, signature.value)


def parse_head(text: str | bytes) -> SignedHead:
    """Parse a head.

    Raises:
        DataError: it is none.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError:
        raise DataError(
            "The head of the approved catalogue cannot be read.",
            hint="Run: python -m phantom_core catalogue submit",
        ) from None


class CatalogueStore:
    """Versions of the catalogue in a folder.

    Args:
        folder: made when the first version is saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, products: pa.Table) -> str:
        """Save a version, sorted by product; returns its SHA-256."""
        return self._write(products.select(CATALOGUE.names).cast(CATALOGUE).sort_by("product_id"))

    def read(self, sha256: str) -> pa.Table:
        """Products of a version, sorted, with the schema of the lake's table.

        Raises:
            NotFoundError: there is no such version.
            DataError: its file was changed.
        """
        return self._read(sha256).cast(CATALOGUE)

    def save_held(self, held: Iterable[HeldPrice]) -> str:
        """Save proposed changes; returns their SHA-256."""
        rows = [asdict(one) for one in held]
        return self._write(pa.Table.from_pylist(rows, schema=_HELD).sort_by("product_id"))

    def read_held(self, sha256: str) -> tuple[HeldPrice, ...]:
        """Proposed changes, by product.

        Raises:
            NotFoundError: there are none of this name.
            DataError: their file was changed.
        """
        rows = self._read(sha256).to_pylist()
        return tuple(
            HeldPrice(row["product_id"], row["approved"], row["wanted"], _reason(row["why"]))
            for row in rows
        )

    def read_head(self) -> SignedHead | None:
        """The head; None before the first version.

        Raises:
            DataError: it cannot be read.
        """
        try:
            text = (self._folder / _HEAD).read_bytes()
        except FileNotFoundError:
            return None
        return parse_head(text)

    def write_head(self, head: SignedHead) -> None:
        """Replace the head."""
        self._replace(_HEAD, _ADAPTER.dump_json(head, indent=2))

    def remove_head(self) -> None:
        """Remove the head: no version is in force."""
        (self._folder / _HEAD).unlink(missing_ok=True)

    def head_mark(self) -> tuple[int, int, int] | None:
        """A value that changes with the head's file; None without one."""
        try:
            status = (self._folder / _HEAD).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _write(self, table: pa.Table) -> str:
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        content = sink.getvalue()
        sha256 = hashlib.sha256(content).hexdigest()
        if not (self._folder / f"{sha256}.parquet").exists():
            self._replace(f"{sha256}.parquet", content)
        return sha256

    def _read(self, sha256: str) -> pa.Table:
        try:
            content = (self._folder / f"{sha256}.parquet").read_bytes()
        except FileNotFoundError:
            raise NotFoundError(
                f"The approved catalogue {sha256[:12]}… is not in {self._folder}.",
                hint="Pricing services share this folder with the installation, or restore it.",
            ) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(
                f"The approved catalogue {sha256[:12]}… is not the file that was saved: its "
                "SHA-256 differs.",
                hint="Restore the folder from a backup, or load the catalogue again.",
            )
        return pq.read_table(io.BytesIO(content))

    def _replace(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(self._folder / name)
        finally:
            Path(temporary).unlink(missing_ok=True)


def base_prices(products: pa.Table) -> dict[str, float]:
    """Base price by product, of those that have one."""
    priced = priced_products(products)
    return dict(
        zip(priced["product_id"].to_pylist(), priced["base_price"].to_pylist(), strict=True)
    )


def priced_products(products: pa.Table) -> pa.Table:
    """Products with a finite base price above 0."""
    price = products["base_price"]
    is_priced = pc.and_(pc.is_finite(price), pc.greater(price, 0.0))
    return products.filter(pc.fill_null(is_priced, False))


def _content(head: CatalogueHead) -> bytes:
    return json.dumps(asdict(head), sort_keys=True, separators=(",", ":")).encode()


def _reason(text: str) -> HeldReason:
    for known in get_args(HeldReason):
        if text == known:
            return cast(HeldReason, known)
    raise DataError(f"A proposed base price has an unknown reason: {text}.")
