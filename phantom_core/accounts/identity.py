"""Identity: a person as an identity provider knows them, by issuer and subject."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import NotSignedInError

PREFIX: Final = "oidc:"
_MOST_CHARS: Final = 255
_MOST_SHOWN: Final = 128
_FUTURE_MS: Final = 300_000
_EMAIL: Final = re.compile(r"[^@\s<>\"'()\[\]\\,;:]+@[a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Identity:
    """A person of an identity provider.

    Attributes:
        login: in a namespace that no local login can have, of issuer and subject.
        name: as shown: the verified e-mail address, else the name beside a part of the login.
        issued_ms: when the provider confirmed it, UTC milliseconds.
    """

    login: str
    name: str
    issued_ms: int

    @property
    def session(self) -> str:
        """Digest of this one confirmation, which signing out ends."""
        return hashlib.sha256(f"{self.login} {self.issued_ms}".encode()).hexdigest()


def identity_of_claims(claims: Mapping[str, object], *, now_ms: int, hours: float) -> Identity:
    """The identity in the claims of a provider, which must be fresh.

    Args:
        claims: of its ID token.
        now_ms: UTC milliseconds.
        hours: longest age of the confirmation.
    Raises:
        NotSignedInError: without issuer, subject or time, or too old; sign in again.
    """
    issuer, subject = _text(claims.get("iss")), _text(claims.get("sub"))
    issued = claims.get("iat")
    if not issuer or not subject or isinstance(issued, bool) or not isinstance(issued, int | float):
        raise NotSignedInError(
            "The identity provider does not say who this is: iss, sub or iat is missing.",
            hint="Ask an administrator to set up the provider.",
        )
    issued_ms = round(issued * 1_000)
    if not now_ms - hours * 3_600_000 < issued_ms < now_ms + _FUTURE_MS:
        raise NotSignedInError("This sign-in has expired.", hint="Sign in again.")
    digest = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:24]
    return Identity(f"{PREFIX}{digest}", _shown(claims, digest), issued_ms)


def _shown(claims: Mapping[str, object], digest: str) -> str:
    email = _text(claims.get("email")).lower()
    is_plain = email.isascii()  # letters of other alphabets may imitate a colleague's
    if claims.get("email_verified") is True and is_plain and _EMAIL.fullmatch(email):
        return email[:_MOST_SHOWN]
    name = "".join(one for one in _text(claims.get("name")) if one.isprintable())
    return f"{' '.join(name.split())[:80] or 'Unnamed'} ({digest[:8]})"


def _text(value: object) -> str:
    """A text claim, normalised; empty for anything else."""
    if not isinstance(value, str) or len(value) > _MOST_CHARS:
        return ""
    return unicodedata.normalize("NFKC", value).strip()
