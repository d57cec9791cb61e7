"""Errors: what can go wrong, as a tree.

PhantomError                 500
├── InputError               400  the input cannot be used
│   ├── SourceError          422  a file or table cannot be read as a whole
│   ├── TooLargeError        413  the request is larger than allowed
│   ├── UnsupportedError     415  the request has another content type than expected
│   └── MappingError         422  a mapping does not fit the columns of a source
├── DataError                422  the data loaded cannot answer the question
├── DamageError              500  a file of the workspace is missing or damaged
├── NotSignedInError         401  there is no sign-in, or it has expired
├── NotAllowedError          403  the role of this account does not allow it
├── NotFoundError            404  no such session, model, job or file
├── ConflictError            409  the state changed in the meantime
├── CancelledError           499  the work was cancelled
├── BusyError                429  too many requests at once; try again in a moment
└── UnavailableError         503  a service that is needed does not answer

Each message says what was found, what was expected and where; `hint` says what to do next.
"""

from typing import ClassVar


class PhantomError(Exception):
    """Base of every error a user may see; the message is one plain sentence."""

    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(PhantomError):
    """The input cannot be used."""

    http_status = 400


class SourceError(InputError):
    """A file or table cannot be read as a whole."""

    http_status = 422


class HeaderError(SourceError):
    """A table's first line cannot be its header; it may be a row of a table without one."""


class TooLargeError(InputError):
    """The request is larger than allowed."""

    http_status = 413


class UnsupportedError(InputError):
    """The request has another content type than expected."""

    http_status = 415


class MappingError(InputError):
    """A mapping does not fit the columns of a source."""

    http_status = 422


class DataError(PhantomError):
    """The data loaded cannot answer the question."""

    http_status = 422


class DamageError(PhantomError):
    """A file of the workspace is missing or damaged."""

    http_status = 500


class NotSignedInError(PhantomError):
    """There is no sign-in, or it has expired."""

    http_status = 401


class NotAllowedError(PhantomError):
    """The role of this account does not allow it."""

    http_status = 403


class NotFoundError(PhantomError):
    """No such session, model, job or file."""

    http_status = 404


class ConflictError(PhantomError):
    """The state changed in the meantime."""

    http_status = 409


class CancelledError(PhantomError):
    """The work was cancelled."""

    http_status = 499


class BusyError(PhantomError):
    """Too many requests at once; try again in a moment."""

    http_status = 429


class UnavailableError(PhantomError):
    """A service that is needed does not answer."""

    http_status = 503
