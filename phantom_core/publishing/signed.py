"""Signed: a document with the signature of the control side in front of it.

The first line names the key and holds the signature; everything after it is the document. A reader
verifies the bytes before it parses any of them. A signature is for one purpose, the format of the
document, so that one kind of document never passes for another.
"""

import re
from typing import Final

from phantom_core.core.errors import DataError
from phantom_core.signing.keys import PublicKeys, Signature, SigningKey

FORMAT: Final = b"phantom-signed/1"
_HEADER: Final = re.compile(re.escape(FORMAT) + rb" ([0-9a-f]{16}) ([A-Za-z0-9_-]{86}==)\n")


class UnsignedError(DataError):
    """Content of the server without a valid signature of a trusted key."""


class OutdatedError(DataError):
    """Content of the server that is older than what was followed before."""


def sign_document(key: SigningKey, purpose: str, document: bytes) -> bytes:
    """Put a signature in front of a document; equal documents have equal signatures.

    Args:
        key: private key of whoever may publish.
        purpose: format of the document, such as phantom-live/1.
        document: its bytes.
    """
    signature = key.sign(purpose, document)
    return b"%s %s %s\n%s" % (
        FORMAT,
        signature.key_id.encode(),
        signature.value.encode(),
        document,
    )


def open_signed(keys: PublicKeys, purpose: str, content: bytes | str, where: str) -> bytes:
    """The document behind a signature, once the signature is verified.

    Args:
        keys: public keys that the reader trusts.
        purpose: format that is expected.
        content: signature and document.
        where: key of the server, named in errors.
    Raises:
        UnsignedError: no signature, one of an unknown key, or one of other content.
    """
    content = content.encode() if isinstance(content, str) else content
    found = _HEADER.match(content)
    if found is None:
        raise UnsignedError(
            f"{where} is not signed, so it is not followed.",
            hint="Heal: the control side signs what it publishes.",
        )
    key_id = found[1].decode()
    if key_id not in keys.key_ids:
        raise UnsignedError(
            f"{where} is signed with the key {key_id}, which is not trusted here.",
            hint="Heal, or add the key to PHANTOM_SIGNING_PUBLIC_KEYS_FILE.",
        )
    document = content[found.end() :]
    if not keys.is_signed(purpose, document, Signature(key_id, found[2].decode())):
        raise UnsignedError(f"{where} does not match its signature.", hint="Heal.")
    return document


def unverified_document(content: bytes) -> bytes:
    """The document without a look at its signature: to recognise a change, never to follow it."""
    found = _HEADER.match(content)
    return content[found.end() :] if found else content
