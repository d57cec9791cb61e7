"""Pack: one change request as two files that can be read without PHANTOM."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

from jinja2 import Environment

from phantom_core.approvals.change_request import Request, ReviewDecision
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.database.audit import AuditEntry
from phantom_core.evidence.evidence import Evidence
from phantom_core.evidence.gates import Gate, human_premium

FORMAT: Final = "phantom-pack/1"


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """The audit chain at the moment of a pack.

    Attributes:
        answer: holds, does not hold, or cannot tell.
        n_entries: of the chain.
        head: hash of its newest entry.
        problems: why it does not hold, or cannot be told, one sentence each.
        notes: what is worth knowing beside that, one sentence each.
        signed_head: newest head of the anchor file, JSON; empty for none.
        is_signed: whether one of the public keys signed that head.
        key_ids: of the public keys.
        public_keys: PEM; with them, the signature can be verified without PHANTOM.
    """

    answer: str
    n_entries: int
    head: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    signed_head: str
    is_signed: bool
    key_ids: tuple[str, ...]
    public_keys: str

    @property
    def holds(self) -> bool:
        """Whether nothing was changed, as far as the anchors reach."""
        return self.answer == "holds"


@dataclass(frozen=True, slots=True)
class Pack:
    """All records of one request.

    Attributes:
        request: itself.
        decisions: of all revisions.
        evidence: of its last revision; None before it was submitted.
        gates: how they stood when it was submitted, by today's limits.
        releases: that made its version live, or ended it.
        entries: of the audit chain that are about it.
        chain: whether the whole chain holds.
        made_ms: UTC milliseconds.
    """

    request: Request
    decisions: Sequence[ReviewDecision]
    evidence: Evidence | None
    gates: Sequence[Gate]
    releases: Sequence[PublishedRelease]
    entries: Sequence[AuditEntry]
    chain: ChainSummary
    made_ms: int


def to_json(pack: Pack) -> bytes:
    """The pack as JSON, with the evidence's canonical text, so that its hash can be verified."""
    document = {
        "format": FORMAT,
        "made_ms": pack.made_ms,
        "request": asdict(pack.request),
        "decisions": [asdict(one) for one in pack.decisions],
        "evidence": json.loads(pack.evidence.to_text()) if pack.evidence else None,
        "evidence_canonical": pack.evidence.to_text() if pack.evidence else None,
        "gates": [asdict(one) for one in pack.gates],
        "releases": [asdict(one) for one in pack.releases],
        "audit": [asdict(one) for one in pack.entries],
        "chain": {
            "holds": pack.chain.holds,
            "entries": pack.chain.n_entries,
            "head": pack.chain.head,
            "problems": list(pack.chain.problems),
            "answer": pack.chain.answer,
            "notes": list(pack.chain.notes),
            "signed_head": json.loads(pack.chain.signed_head) if pack.chain.signed_head else None,
            "signature_verified": pack.chain.is_signed,
            "public_key_ids": list(pack.chain.key_ids),
            "public_keys": pack.chain.public_keys,
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def to_html(pack: Pack) -> bytes:
    """The pack as one self-contained HTML page."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"moment": format_moment, "percent": _percent, "money": _money}
    template = environment.from_string(
        files("phantom_core.evidence").joinpath("pack.html.j2").read_text(encoding="utf-8")
    )
    premium = human_premium(pack.evidence) if pack.evidence else None
    data = (
        {name: value for name, value in asdict(pack.evidence.data).items() if value is not None}
        if pack.evidence
        else {}
    )
    return template.render(
        pack=pack, request=pack.request, evidence=pack.evidence, premium=premium, data=data
    ).encode()


def format_moment(at_ms: int) -> str:
    """A moment as text.

    >>> format_moment(0)
    '1970-01-01 00:00:00 UTC'
    """
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f} %"


def _money(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.2f}"
