"""Live: the document of the versions that price sessions now."""

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Final, Literal, get_args

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from phantom_core.core.errors import DataError, InputError
from phantom_core.core.limits import GuardRails
from phantom_core.publishing.canary import in_canary
from phantom_core.publishing.canonical import canonical_json
from phantom_core.publishing.names import LIVE, check_version
from phantom_core.publishing.reading import parse_document
from phantom_core.publishing.signed import open_signed, sign_document
from phantom_core.signing.keys import PublicKeys, SigningKey

FORMAT: Final = "phantom-live/1"
Policy = Literal["rules", "model"]
BASE_PRICE: Final = ""
_HASH: Final = re.compile(r"[0-9a-f]{0,128}")


@dataclass(frozen=True, slots=True)
class Live:
    """The versions that price sessions now.

    Attributes:
        epoch: counts the switches; a greater one is later.
        version: rules of the canary; empty for the base price, and then nothing is live at all.
        share: of sessions that get `version`, in [0, 1].
        stable: rules of all other sessions; empty for the base price.
        salt: of the hash that assigns sessions to the canary.
        is_killed: every session gets the base price.
        policy: the rules set the mark-up, or the model's optimal price does.
        lowest_markup, highest_markup: guard rails of every price, over base price.
        audit_seq, audit_hash: entry of the audit chain, with who switched and why.
        switched_ms: when, UTC milliseconds.
    Raises:
        InputError: a value out of range.
    """

    epoch: int
    version: str
    share: float = 1.0
    stable: str = BASE_PRICE
    salt: str = ""
    is_killed: bool = False
    policy: Policy = "rules"
    lowest_markup: float = field(kw_only=True)
    highest_markup: float = field(kw_only=True)
    audit_seq: int = 0
    audit_hash: str = ""
    switched_ms: int = 0

    def __post_init__(self) -> None:
        for version in self.versions:
            check_version(version)
        if not 0 <= self.epoch < 2**53:
            raise InputError(
                f"{self.epoch} is not a valid epoch.", hint="Epochs count switches from 1."
            )
        if not 0 <= self.share <= 1:
            raise InputError(f"{self.share} is not a valid share.", hint="It is between 0 and 1.")
        GuardRails(self.lowest_markup, self.highest_markup)
        if self.policy not in get_args(Policy):
            raise InputError(
                f"'{self.policy}' is not a policy.",
                hint=f"There are {', '.join(get_args(Policy))}.",
            )
        if not _HASH.fullmatch(self.audit_hash):
            raise InputError("The hash of the audit entry is not hexadecimal.")

    @property
    def guard_rails(self) -> GuardRails:
        """Bounds of every price."""
        return GuardRails(self.lowest_markup, self.highest_markup)

    @property
    def versions(self) -> tuple[str, ...]:
        """Versions that readers need, each once."""
        return tuple(
            dict.fromkeys(
                version for version in (self.version, self.stable) if version != BASE_PRICE
            )
        )

    def version_for(self, session_id: str) -> str:
        """Version whose rules price a session; empty for the base price."""
        if self.is_killed or self.version == BASE_PRICE:
            return BASE_PRICE
        return self.version if in_canary(session_id, self.salt, self.share) else self.stable

    def to_bytes(self) -> bytes:
        """The document as it is published; equal ones have equal bytes."""
        numbers = {
            name: float(getattr(self, name))
            for name in ("share", "lowest_markup", "highest_markup")
        }
        return canonical_json({**asdict(self), **numbers, "format": FORMAT})


# Its guard rails allow the base price only; without a release, services use the limits in force.
NOTHING_LIVE: Final = Live(0, BASE_PRICE, lowest_markup=1.0, highest_markup=1.0)
Number = Annotated[float, Field(allow_inf_nan=False)]


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Document:
    format: Literal["phantom-live/1"]
    epoch: int
    version: str
    share: Number
    stable: str
    salt: str
    is_killed: bool
    policy: Policy
    lowest_markup: Number
    highest_markup: Number
    audit_seq: int
    audit_hash: str
    switched_ms: int


_ADAPTER: Final = TypeAdapter(_Document)


def parse_live(content: bytes | str, where: str = LIVE) -> Live:
    """Read the document.

    Args:
        content: its bytes.
        where: its key, named in errors.
    Raises:
        DataError: it is invalid.
    """
    found = parse_document(_ADAPTER, content, FORMAT, where)
    try:
        return Live(**{one.name: getattr(found, one.name) for one in fields(Live)})
    except InputError as error:
        raise DataError(
            f"{where} cannot be used. {error.message}", hint="Publish again, or heal."
        ) from None


def sign_live(key: SigningKey, live: Live) -> bytes:
    """The document as it is published, with the signature of whoever publishes."""
    return sign_document(key, FORMAT, live.to_bytes())


def open_live(keys: PublicKeys, content: bytes | str, where: str = LIVE) -> Live:
    """Verify and read the published document.

    Raises:
        UnsignedError: no trusted key signed it.
        DataError: it is invalid.
    """
    return parse_live(open_signed(keys, FORMAT, content, where), where)
