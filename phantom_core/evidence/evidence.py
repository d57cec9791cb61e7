"""Evidence: the figures behind a change request, frozen by their hash for its approvers."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Generic, TypeVar

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.limits import PriceLimits
from phantom_core.evidence.stored_evidence import StoredFidelity, StoredFinding, StoredReplay, Trial
from phantom_core.rules.checks.finding import Severity
from phantom_core.rules.document import from_json, to_json
from phantom_core.rules.rule_set import RuleSet

FORMAT: Final = "phantom-evidence/1"
# 1 had no version and no limits, and wrote {} for a part without figures. Up to 2, evidence of a
# change priced by the network was about its rules.
VERSION: Final = 3
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class EvidencePart(Generic[Found]):
    """One piece of evidence, or why there is none.

    Attributes:
        found: figures; None without any.
        problem: a plain sentence; empty where there are figures.
    """

    found: Annotated[Found | None, BeforeValidator(lambda found: found or None)]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceData:
    """Data behind the evidence.

    Attributes:
        lake_version, quotes_version: of the events and of the quotes.
        sessions, quotes: that were replayed; None without a replay.
        first_ms, last_ms: first and last quote, UTC milliseconds; None without a replay.
    """

    lake_version: int
    quotes_version: int
    sessions: int | None = None
    quotes: int | None = None
    first_ms: int | None = None
    last_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything about one revision of a change.

    Attributes:
        request_id, revision: of the change.
        created_ms: UTC milliseconds.
        rules: the rule set, stored as its JSON document.
        text: the same in words.
        policy: rules or model.
        share: of the sessions in the first rollout.
        base_version: what was live; empty for nothing.
        base_text: its rules in words.
        diff: lines that differ, with + and -.
        highest_markup, lowest_markup: among the mark-ups of the rules, and of the network where it
            prices.
        largest_step: a quote's largest move against what is live, in units of the base price; rules
            that no recorded quote reached count against every live mark-up.
        findings: of the static checks.
        fidelity: how far the rules price as the classifier would.
        replay: on recorded sessions, against what is live.
        trial: in the simulator, against what is live and against the optimum.
        models: versions by kind.
        data: versions and sizes.
        seed: of everything random.
        limits: in force when it was gathered; checks and optimum respect them. None in version 1.
        version: of the document.
        format: phantom-evidence/1.
        stored_text: the text that it was read from, which its hash is of; empty before it is
            stored.
    """

    request_id: int
    revision: int
    created_ms: int
    rules: Annotated[RuleSet, PlainValidator(from_json), PlainSerializer(to_json)]
    text: str
    policy: str
    share: float
    base_version: str
    base_text: str
    diff: str
    highest_markup: float
    lowest_markup: float
    largest_step: float
    findings: tuple[StoredFinding, ...]
    fidelity: EvidencePart[StoredFidelity]
    replay: EvidencePart[StoredReplay]
    trial: EvidencePart[Trial]
    models: Mapping[str, str]
    data: EvidenceData
    seed: int
    limits: PriceLimits | None
    version: int = VERSION
    format: str = FORMAT
    stored_text: str = field(default="", repr=False, compare=False)

    def to_text(self) -> str:
        """Canonical JSON text, equal for equal evidence; as stored for evidence that was read."""
        if self.stored_text:
            return self.stored_text
        document = _ADAPTER.dump_python(self, mode="json", exclude={"stored_text"})
        return json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )

    @property
    def sha256(self) -> str:
        """Hash of the canonical text, in hexadecimal."""
        return evidence_digest(self.to_text())

    def open_findings(self, severity: Severity) -> list[str]:
        """Findings of the static checks of one severity."""
        return [one.says for one in self.findings if one.severity == severity]


_ADAPTER: Final = TypeAdapter(Evidence)


def parse_evidence(text: str, sha256: str) -> Evidence:
    """Parse evidence and verify its hash.

    Raises:
        DataError: it was changed since, is of a later version, or is something else.
    """
    if evidence_digest(text) != sha256:
        raise DataError(
            f"The evidence {sha256[:12]}… was changed after it was frozen.",
            hint="Do not approve; check the audit chain.",
        )
    try:
        document = json.loads(text)
        version = document.get("version", 1)
        if version > VERSION:
            raise DataError(
                f"The evidence {sha256[:12]}… is of version {version}, and this release reads up "
                f"to {VERSION}.",
                hint="Update PHANTOM.",
            )
        found = _ADAPTER.validate_python({"version": version, "limits": None, **document})
    except (ValidationError, json.JSONDecodeError, AttributeError, TypeError) as error:
        reason = (
            error.errors()[0]["msg"]
            if isinstance(error, ValidationError)
            else "it is no JSON object"
        )
        raise DataError(f"The evidence {sha256[:12]}… cannot be read: {reason}.") from None
    return replace(found, stored_text=text)


def evidence_digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
