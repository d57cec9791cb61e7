"""Release: one version of the rules as an immutable document."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from phantom_core.core.errors import DataError, InputError, PhantomError
from phantom_core.publishing.canonical import SHA256, canonical_digest, canonical_json
from phantom_core.publishing.names import check_version, release_key
from phantom_core.publishing.reading import check_digest, parse_document
from phantom_core.publishing.signed import open_signed, sign_document
from phantom_core.rules.jdm import from_jdm, to_jdm
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules, parse_rules
from phantom_core.signing.keys import PublicKeys, SigningKey

FORMAT: Final = "phantom-release/1"


@dataclass(frozen=True, slots=True)
class RuleRelease:
    """Rules with a version.

    Attributes:
        version: its permanent name.
        name: of the rule set.
        text: the rules as text.
        jdm: the same rules as a GoRules decision table, for any Zen engine.
        features: that the rules read, in order.
        otherwise: mark-up where no rule matches.
        request_id: of the change request that was approved.
        created_ms: when it was created, UTC milliseconds.
        models: versions of the models that the rules read, by kind; empty where none.
    Raises:
        InputError: an invalid version.
    """

    version: str
    name: str
    text: str
    jdm: Mapping[str, object] = field(repr=False)
    features: tuple[str, ...]
    otherwise: float
    request_id: str
    created_ms: int
    models: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_version(self.version)

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return canonical_digest(self._document())

    def to_bytes(self) -> bytes:
        """The release as it is published; equal releases have equal bytes."""
        document = self._document()
        return canonical_json(document | {SHA256: canonical_digest(document)})

    def rules(self) -> RuleSet:
        """The rules, to evaluate."""
        return parse_rules(self.text, self.name)

    def _document(self) -> dict[str, object]:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            **values,
            "format": FORMAT,
            "features": list(self.features),
            "otherwise": float(self.otherwise),
        }


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Document:
    format: Literal["phantom-release/1"]
    version: str
    name: str
    text: str
    jdm: dict[str, object]
    features: list[str]
    otherwise: Annotated[float, Field(allow_inf_nan=False)]
    request_id: str
    created_ms: int
    models: dict[str, str]
    sha256: str


_ADAPTER: Final = TypeAdapter(_Document)


def release_of(
    rules: RuleSet, version: str, request_id: str, created_ms: int, models: Mapping[str, str]
) -> RuleRelease:
    """Make a release of a rule set.

    Args:
        rules: what to publish.
        version: its permanent name.
        request_id: of the change request that was approved.
        created_ms: UTC milliseconds.
        models: versions of the models that the rules read, by kind.
    Raises:
        InputError: an invalid version, or text that is not valid Unicode.
    """
    jdm, text = to_jdm(rules), format_rules(rules)
    made = RuleRelease(
        version,
        rules.name,
        text,
        jdm,
        rules.features,
        rules.otherwise,
        request_id,
        created_ms,
        dict(models),
    )
    try:
        made.to_bytes()
    except UnicodeEncodeError:
        raise InputError(
            f"Release {version} contains half a character, which cannot be encoded.",
            hint="Rename the rules.",
        ) from None
    return made


def parse_release(content: bytes | str, where: str = "") -> RuleRelease:
    """Parse a release, and verify that it is the one published.

    Args:
        content: bytes of the document.
        where: its key, named in errors.
    Raises:
        DataError: an invalid release, content that does not match its hash, or a text and a
            decision table that differ.
    """
    where = where or "The release"
    found = parse_document(_ADAPTER, content, FORMAT, where)
    check_digest(content, where)
    try:
        release = RuleRelease(
            found.version,
            found.name,
            found.text,
            found.jdm,
            tuple(found.features),
            found.otherwise,
            found.request_id,
            found.created_ms,
            found.models,
        )
        rules = release.rules()
        is_same = (from_jdm(release.jdm, release.name), rules.features, rules.otherwise) == (
            rules,
            release.features,
            release.otherwise,
        )
    except PhantomError as error:
        raise DataError(f"{where} cannot be used. {error.message}", hint="Publish again.") from None
    if not is_same:
        raise DataError(
            f"{where} cannot be used: its text and its decision table are different rules.",
            hint="Publish again.",
        )
    return release


def sign_release(key: SigningKey, release: RuleRelease) -> bytes:
    """The release as it is published, with the signature of whoever publishes."""
    return sign_document(key, FORMAT, release.to_bytes())


def open_release(keys: PublicKeys, content: bytes | str, version: str) -> RuleRelease:
    """Verify and parse the published release of one version.

    Raises:
        UnsignedError: no trusted key signed it.
        DataError: see `parse_release`, or it is another version's.
    """
    release = parse_release(
        open_signed(keys, FORMAT, content, release_key(version)), release_key(version)
    )
    if release.version != version:
        raise DataError(
            f"{release_key(version)} holds version {release.version}.",
            hint="Publish again, or heal.",
        )
    return release
