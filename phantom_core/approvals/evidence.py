"""Evidence: what whoever approves a change gets to see, frozen with the request by its hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError

FORMAT: Final = "phantom-evidence/1"
Document = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of evidence, or why there is none.

    Attributes:
        found: figures; empty without any.
        problem: a plain sentence; empty where there are figures.
    """

    found: dict[str, JsonValue]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything about one revision of a change.

    Attributes:
        format: phantom-evidence/1.
        request_id, revision: what it is about.
        created_ms: UTC milliseconds.
        rules: the rule set as a JSON document.
        text: the same in words.
        policy: rules or model.
        share: of the sessions that get it first.
        base_version: what was live; empty for nothing.
        base_text: its rules in words.
        diff: lines that differ, with + and -.
        highest_markup, lowest_markup: among the rules' mark-ups.
        largest_step: a quote's largest move against what is live, in units of the base price.
        findings: of the static checks.
        fidelity: how far the rules price as the classifier would.
        replay: on logged sessions, against what is live.
        trial: in the simulator, against what is live and against the optimum.
        models: versions by kind.
        data: versions and sizes.
        seed: of everything random.
    """

    request_id: int
    revision: int
    created_ms: int
    rules: dict[str, JsonValue]
    text: str
    policy: str
    share: float
    base_version: str
    base_text: str
    diff: str
    highest_markup: float
    lowest_markup: float
    largest_step: float
    findings: tuple[dict[str, JsonValue], ...]
    fidelity: Part
    replay: Part
    trial: Part
    models: dict[str, str]
    data: dict[str, JsonValue]
    seed: int
    format: str = FORMAT

    def to_text(self) -> str:
        """One canonical JSON text: equal evidence, equal text."""
        return json.dumps(
            asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )

    @property
    def sha256(self) -> str:
        """Hash of the canonical text, in hexadecimal."""
        return evidence_digest(self.to_text())

    def open_findings(self, severity: str) -> list[str]:
        """What the static checks say of one severity."""
        return [str(one["says"]) for one in self.findings if one["severity"] == severity]


_ADAPTER: Final = TypeAdapter(Evidence)


def parse_evidence(text: str, sha256: str) -> Evidence:
    """Read evidence back and check it.

    Raises:
        DataError: it was changed since, or is something else.
    """
    if evidence_digest(text) != sha256:
        raise DataError(
            f"The evidence {sha256[:12]}… was changed after it was frozen.",
            hint="Do not approve; look at the audit chain.",
        )
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise DataError(
            f"The evidence {sha256[:12]}… cannot be read: {error.errors()[0]['msg']}."
        ) from None


def evidence_digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
