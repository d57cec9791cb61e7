"""Audit report: how many labels are wrong, by source, which ones, and what relabelling changes."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate

MAX_SUSPECTS: Final = 200


@dataclass(frozen=True, slots=True)
class Suspect:
    """A session whose label is probably wrong.

    Attributes:
        session_id: of the session.
        label: agent or human.
        source: person (a file or the label desk), or experiment (xp_human_only).
        p_agent: probability of an agent by a model that did not see its actor, not calibrated.
    """

    session_id: str
    label: str
    source: str
    p_agent: float


@dataclass(frozen=True, slots=True)
class SourceAudit:
    """Wrong labels of one source.

    Attributes:
        source: all, person or experiment.
        n_actors: with a label of it.
        wrong: share of the actors whose label is wrong; None with too few actors.
        wrong_of_human: share of those labelled human that are agents.
        wrong_of_agent: share of those labelled agent that are humans.
    """

    source: str
    n_actors: int
    wrong: Estimate | None
    wrong_of_human: Estimate | None
    wrong_of_agent: Estimate | None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The label audit.

    Attributes:
        created_ms: UTC milliseconds.
        lake_version: of the events.
        labels_sha256: of sessions, labels and actors.
        seed: of folds, training and resamples.
        n_sessions: with a label.
        sources: all labels first.
        n_suspect: sessions of suspected actors.
        suspects: the first of them, most contradicted first.
        roc_auc: of the labels as they are, out of fold.
        roc_auc_without: on sessions that are not suspected, by models trained without the
            suspected ones.
        gain: of leaving them out in training, on the sessions that are not suspected.
    """

    created_ms: int
    lake_version: int
    labels_sha256: str
    seed: int
    n_sessions: int
    sources: tuple[SourceAudit, ...]
    n_suspect: int
    suspects: tuple[Suspect, ...]
    roc_auc: Estimate
    roc_auc_without: Estimate
    gain: Estimate

    def sentences(self) -> tuple[str, ...]:
        """The findings in words."""
        found = [_said(one) for one in self.sources if one.wrong is not None]
        return (
            *found,
            f"{self.n_suspect:,} sessions are suspected. Trained without them, ROC-AUC on the "
            f"others changes by {self.gain.value:+.3f} ({self.gain.low:+.3f} to "
            f"{self.gain.high:+.3f}); check the suspects before relying on it.",
        )

    def to_file(self) -> bytes:
        """Everything, as it is stored."""
        return _ADAPTER.dump_json(self)

    def to_json(self) -> dict[str, JsonValue]:
        """The figures, as the command line prints them."""
        return {
            "sessions": self.n_sessions,
            "lake_version": self.lake_version,
            "labels_sha256": self.labels_sha256,
            "seed": self.seed,
            "sources": [
                {
                    "source": one.source,
                    "actors": one.n_actors,
                    "wrong": _value(one.wrong),
                    "wrong_of_human": _value(one.wrong_of_human),
                    "wrong_of_agent": _value(one.wrong_of_agent),
                }
                for one in self.sources
            ],
            "suspected": self.n_suspect,
            "suspects": [
                {"session": one.session_id, "label": one.label, "source": one.source,
                 "p_agent": one.p_agent}
                for one in self.suspects
            ],
            "roc_auc": _value(self.roc_auc),
            "roc_auc_without": _value(self.roc_auc_without),
            "gain": _value(self.gain),
            "sentences": list(self.sentences()),
        }  # fmt: skip


_ADAPTER: Final = TypeAdapter(AuditReport)


def parse_audit(text: bytes) -> AuditReport:
    """Read a stored audit back.

    Raises:
        DataError: this version cannot read it.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise DataError(
            "The stored label audit cannot be read by this version.", hint="Run the audit again."
        ) from error


def _said(one: SourceAudit) -> str:
    if one.wrong is None or one.wrong_of_human is None or one.wrong_of_agent is None:
        return ""
    what = {
        "all": "Of all labels",
        "experiment": "Of the labels by experiments (xp_human_only)",
        "person": "Of the labels by people",
    }[one.source]
    return (
        f"{what}, about {_share(one.wrong)} are wrong: {_share(one.wrong_of_human)} of those that "
        f"say human, {_share(one.wrong_of_agent)} of those that say agent ({one.n_actors:,} "
        "actors)."
    )


def _share(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _value(found: Estimate | None) -> JsonValue:
    return None if found is None else {"value": found.value, "ci": [found.low, found.high]}
