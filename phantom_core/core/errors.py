"""What can go wrong, as a tree.

PhantomError                 500
├── InputError               400  what the caller gave cannot be used
│   ├── SourceError          422  a file or table cannot be read as a whole
│   ├── TooLargeError        413  more than may be sent at once
│   └── MappingError         422  a mapping does not fit the columns it meets
├── DataError                422  the data loaded cannot answer the question
├── NotSignedInError         401  nobody is signed in, or not any more
├── NotAllowedError          403  the person who asks may not do this
├── NotFoundError            404  no such session, model, job or file
├── ConflictError            409  someone else was first
├── CancelledError           499  the person who asked took it back
├── BusyError                429  too much at once; try again in a moment
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
    """What the caller gave cannot be used."""

    http_status = 400


class SourceError(InputError):
    """A file or table cannot be read as a whole."""

    http_status = 422


class TooLargeError(InputError):
    """More than may be sent at once."""

    http_status = 413


class MappingError(InputError):
    """A mapping does not fit the columns it meets."""

    http_status = 422


class DataError(PhantomError):
    """The data loaded cannot answer the question."""

    http_status = 422


class NotSignedInError(PhantomError):
    """Nobody is signed in, or not any more."""

    http_status = 401


class NotAllowedError(PhantomError):
    """The person who asks may not do this."""

    http_status = 403


class NotFoundError(PhantomError):
    """No such session, model, job or file."""

    http_status = 404


class ConflictError(PhantomError):
    """Someone else was first."""

    http_status = 409


class CancelledError(PhantomError):
    """The person who asked took it back."""

    http_status = 499


class BusyError(PhantomError):
    """Too much at once; try again in a moment."""

    http_status = 429


class UnavailableError(PhantomError):
    """A service that is needed does not answer."""

    http_status = 503
