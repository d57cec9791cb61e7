"""Anchors: signed heads of the audit chain, in places outside the database.

A head names an entry and its hash, and the hash covers every entry before. Whoever changes the
database without the key cannot make a head that fits; whoever cuts the chain cannot cut a place
that they do not reach.
"""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from phantom_core.core.errors import InputError, UnavailableError
from phantom_core.database.audit import AuditEntry
from phantom_core.signing.keys import PublicKeys, Signature, SigningKey

PURPOSE: Final = "audit-head"
FORMAT: Final = "phantom-audit-head/2"
# Heads of earlier releases, which did not sign entries.
_EARLIER_FORMAT: Final = "phantom-audit-head/1"
_SYNC_EVERY_S: Final = 1.0
_TIMEOUT_S: Final = 10.0
_NEWEST: Final = 100
_TAIL_BYTES: Final = 8_192


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The head of the chain at one moment.

    Attributes:
        seq: number of its newest entry.
        hash: of that entry.
        at_ms: time of that entry, UTC milliseconds.
        is_recovery: whether the chain begins anew with this entry, as an operator decided.
        signed_from: number of the first entry with a signature of its own; 0 for none.
        key_id, signature: of the signature.
    """

    seq: int
    hash: str
    at_ms: int
    is_recovery: bool
    signed_from: int
    key_id: str
    signature: str

    def is_signed(self, keys: PublicKeys) -> bool:
        """Whether a trusted key signed it."""
        content = _content(self.seq, self.hash, self.at_ms, self.is_recovery, self.signed_from)
        return keys.is_signed(PURPOSE, content, Signature(self.key_id, self.signature))

    def to_json(self) -> str:
        """The head as one line of JSON."""
        known = asdict(self)
        if not self.signed_from:
            del known["signed_from"]
        form = FORMAT if self.signed_from else _EARLIER_FORMAT
        return json.dumps({"format": form, **known})


def sign_head(
    key: SigningKey, entry: AuditEntry, signed_from: int, *, is_recovery: bool = False
) -> SignedHead:
    """Sign an entry as the head of the chain, and from which entry on each is signed."""
    content = _content(entry.seq, entry.hash, entry.at_ms, is_recovery, signed_from)
    signed = key.sign(PURPOSE, content)
    return SignedHead(
        entry.seq,
        entry.hash,
        entry.at_ms,
        is_recovery,
        signed_from,
        signed.key_id,
        signed.value,
    )


def parse_head(text: str | bytes, where: str) -> SignedHead:
    """Read a head.

    Raises:
        InputError: it is none.
    """
    try:
        found = json.loads(text)
        form = found.pop("format")
        if form == _EARLIER_FORMAT:
            found["signed_from"] = 0
        elif form != FORMAT or not found["signed_from"]:
            raise ValueError
        head = SignedHead(**found)
        if not (isinstance(head.seq, int) and isinstance(head.hash, str)):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(f"{where} holds something else than heads of an audit chain.") from None
    return head


class Anchor(Protocol):
    """A place for heads."""

    @property
    def name(self) -> str:
        """The place, as in messages."""

    def send(self, head: SignedHead) -> None:
        """Store a head.

        Raises:
            UnavailableError: it was not stored.
        """


class AnchorFile:
    """A file that heads are appended to, a line each; any number of processes may append.

    Args:
        path: of the file; created with its folder when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, f"the file {path}"
        self._synced_s = -_SYNC_EVERY_S
        self._lock = threading.Lock()

    def send(self, head: SignedHead) -> None:
        """Append a head; synced to the disk at most once a second."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                # One write call, so that lines of several processes never mix.
                os.write(descriptor, f"{head.to_json()}\n".encode())
                with self._lock:
                    if time.monotonic() - self._synced_s >= _SYNC_EVERY_S:
                        os.fsync(descriptor)
                        self._synced_s = time.monotonic()
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unavailable(self.name, error.strerror or str(error)) from None

    def read(self) -> list[SignedHead]:
        """All heads, the oldest first; none where there is no file.

        Raises:
            UnavailableError: the file cannot be read.
            InputError: it holds something else; an unfinished last line is left out.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unavailable(self.name, error.strerror or str(error), "be read") from None
        return [parse_head(line, str(self.path)) for line in lines[:-1] if line.strip()]

    def tail(self, end: int | None = None) -> tuple[SignedHead | None, int]:
        """The last head, and where its line ends, bytes; reads the end of the file alone.

        Args:
            end: as if the file had only so many bytes.
        Raises:
            UnavailableError, InputError: as `read`.
        """
        try:
            with self.path.open("rb") as f:
                size = f.seek(0, os.SEEK_END)
                stop = size if end is None else min(end, size)
                f.seek(max(0, stop - _TAIL_BYTES))
                content = f.read(min(stop, _TAIL_BYTES))
        except FileNotFoundError:
            return None, 0
        except OSError as error:
            raise _unavailable(self.name, error.strerror or str(error), "be read") from None
        whole = content[: content.rfind(b"\n") + 1].rstrip(b"\n")
        if not whole:
            return None, 0
        at = stop - len(content) + content.rfind(b"\n") + 1
        return parse_head(whole.rpartition(b"\n")[2], str(self.path)), at


class AnchorStore:
    """A folder of an object store, which holds each head as an object of its own.

    Args:
        url: s3://bucket/path, gs://bucket/path or file:///folder.
    """

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"the store {url.partition('?')[0]}"

    def send(self, head: SignedHead) -> None:
        """Store a head as an object; an object that is there is never written again."""

        def write() -> None:
            store, folder = self._open()
            store.create_dir(folder, recursive=True)
            with store.open_output_stream(f"{folder}/{_object(head)}") as f:
                f.write(head.to_json().encode())

        self._try(write, "be written")

    def read(self) -> list[SignedHead]:
        """The newest heads, the oldest of them first.

        Raises:
            UnavailableError: the store does not answer.
            InputError: an object is no head.
        """
        found: list[SignedHead] = []

        def read() -> None:
            from pyarrow import fs  # noqa: PLC0415 - most processes have no store

            store, folder = self._open()
            there = store.get_file_info(fs.FileSelector(folder, allow_not_found=True))
            for path in sorted(one.path for one in there if one.path.endswith(".json"))[-_NEWEST:]:
                with store.open_input_stream(path) as f:
                    found.append(parse_head(f.read(), path))

        self._try(read, "be read")
        return found

    def _open(self) -> tuple[Any, str]:
        from pyarrow import fs  # noqa: PLC0415 - most processes have no store

        store, folder = fs.FileSystem.from_uri(self.url)
        return store, str(folder).rstrip("/")

    def _try(self, call: Callable[[], None], what: str) -> None:
        try:
            call()
        except (OSError, ValueError) as error:
            raise _unavailable(self.name, str(error).splitlines()[0], what) from None


@dataclass(frozen=True, slots=True)
class AnchorWebhook:
    """An address that receives heads by POST; `audit verify --heads` reads what it stored.

    Attributes:
        address: http or https.
    """

    address: str
    name: str = "the webhook"

    def send(self, head: SignedHead) -> None:
        """Send a head as a JSON object."""
        request = urllib.request.Request(
            self.address,
            head.to_json().encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise _unavailable(self.name, f"it answered {error.code}") from None
        except (OSError, ValueError) as error:
            # Without the address, which may contain a token.
            raise _unavailable(self.name, type(error).__name__) from None


def _unavailable(
    name: str, reason: str, what: str = "store the head of the audit chain"
) -> UnavailableError:
    verb = f"cannot {what}" if what.startswith("be ") else f"does not {what}"
    return UnavailableError(
        f"{name[0].upper()}{name[1:]} {verb}: {reason.rstrip('.')}.", hint="Check PHANTOM_AUDIT_*."
    )


def _object(head: SignedHead) -> str:
    """Names sort by time, as the numbers of entries begin anew after a recovery."""
    return f"{head.at_ms:014d}-{head.seq:012d}-{head.hash[:16]}.json"


def _content(seq: int, entry_hash: str, at_ms: int, is_recovery: bool, signed_from: int) -> bytes:
    parts = [seq, entry_hash, at_ms, is_recovery]
    if not signed_from:
        return json.dumps([_EARLIER_FORMAT, *parts]).encode()
    return json.dumps([FORMAT, *parts, signed_from]).encode()
