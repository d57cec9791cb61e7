"""Bodies: what was sent compressed, expanded within the limit of a body."""

import zlib
from typing import Final

from phantom_core.core.errors import InputError, TooLargeError, UnsupportedError

# Window bits of zlib: gzip's own header, or zlib's.
_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def decoded_body(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """A body without its Content-Encoding.

    Args:
        body: as it was sent.
        encoding: of the header; "" or "identity" for none.
        most_bytes: the largest body.
    Raises:
        UnsupportedError: another encoding than gzip or deflate.
        TooLargeError: it expands beyond the limit.
        InputError: it is not what the header says.

    >>> decoded_body(zlib.compress(b"{}"), "deflate", 10)
    b'{}'
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOWS:
        raise UnsupportedError(
            f"The content encoding is '{name[:40]}'.", hint="Send gzip, deflate, or none."
        )
    expander = zlib.decompressobj(_WINDOWS[name])
    try:
        content = expander.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise InputError(
            f"The body is not {name}, as its header says: {error}.",
            hint="Leave Content-Encoding out, or compress the body.",
        ) from error
    if len(content) > most_bytes:
        raise TooLargeError(
            f"The body expands to more than {most_bytes:,} bytes.", hint="Send fewer events."
        )
    if not expander.eof:
        raise InputError(f"The body ends within its {name} stream.", hint="Send it again.")
    return content
