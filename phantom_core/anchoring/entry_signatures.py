"""Signatures of entries: who appends to the audit chain with plain SQL lacks the key."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from phantom_core.anchoring.heads import SignedHead
from phantom_core.database.audit import AuditEntry, first_signed, read_signatures
from phantom_core.signing.keys import PublicKeys, Signature, SigningKey

PURPOSE = "audit-entry"


def sign_entry(key: SigningKey, entry: AuditEntry) -> tuple[str, str]:
    """Sign an entry and, by its hash, every entry before it.

    Returns:
        Id of the key, and the signature.
    """
    signed = key.sign(PURPOSE, entry.hash.encode())
    return signed.key_id, signed.value


def signed_from(connection: sa.Connection, heads: Sequence[SignedHead]) -> int:
    """Number of the entry from which on each is signed; 0 where none is.

    Heads outside the database say so as well, so that removed signatures are missed. Entries from
    before a release that signs them have none.
    """
    said = [head.signed_from for head in heads if head.signed_from]
    return min(filter(None, [first_signed(connection), *said]), default=0)


def unsigned_entries(
    connection: sa.Connection, keys: PublicKeys, entries: Sequence[AuditEntry]
) -> Iterator[AuditEntry]:
    """Those of some entries that no trusted key signed."""
    if not entries:
        return
    signatures = read_signatures(connection, entries[0].seq)
    for entry in entries:
        key_id, value = signatures.get(entry.hash, ("", ""))
        if not keys.is_signed(PURPOSE, entry.hash.encode(), Signature(key_id, value)):
            yield entry
