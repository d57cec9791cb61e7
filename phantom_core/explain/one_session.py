"""One session: what a model said of it taken apart, and the evidence of its steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from pydantic import JsonValue

from phantom_core.evaluation.kernel import KernelScore
from phantom_core.explain.columns import BY_NAME
from phantom_core.explain.contributions import Explained
from phantom_core.explain.steps import StepEvidence, step_evidence
from phantom_core.models.classifier import Classifier
from phantom_core.models.encoding import encode_features

FeatureValue = float | int | bool | str | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature adds for one session.

    Attributes:
        name: the feature.
        family: its family.
        value: what it is in this session; None where undefined, which the model weighs too.
        log_odds: what it adds, above 0 for an agent.
    """

    name: str
    family: str
    value: FeatureValue
    log_odds: float


@dataclass(frozen=True, slots=True)
class SessionExplanation:
    """Why a model said what it said of one session.

    Attributes:
        session_id: the session.
        model_version: name of the model.
        agent_probability: what the saved model says, in (0, 1).
        base: log-odds before anything is known.
        log_odds: what the model says before calibration: base and contributions add up to it.
        contributions: of every feature, the largest first.
        steps: evidence of its steps; None where nobody counted the steps of humans and agents.
    """

    session_id: str
    model_version: str
    agent_probability: float
    base: float
    log_odds: float
    contributions: tuple[Contribution, ...]
    steps: StepEvidence | None

    def to_json(self) -> dict[str, JsonValue]:
        """Everything, flat; contributions are log-odds, step evidence nats."""
        return {
            "session": self.session_id,
            "model_version": self.model_version,
            "agent_probability": self.agent_probability,
            "base": self.base,
            "log_odds": self.log_odds,
            "contributions": [
                {
                    "feature": row.name,
                    "family": row.family,
                    "value": row.value,
                    "log_odds": row.log_odds,
                }
                for row in self.contributions
            ],
            "steps": None if self.steps is None else _steps_json(self.steps),
            "step_evidence": None if self.steps is None else float(self.steps.evidence.sum()),
        }


def explain_session(
    classifier: Classifier,
    explained: Explained,
    session: pa.Table,
    event_names: Sequence[str],
    kernels: KernelScore | None,
) -> SessionExplanation:
    """Take apart what a classifier says of one session.

    Args:
        classifier: the saved model.
        explained: the same model, taken apart.
        session: one row of the feature matrix, with session_id and is_agent.
        event_names: its events in order.
        kernels: steps of labelled sessions, this one among them where it has a label; None where
            there are none.
    """
    found = explained.contributions(encode_features(session, explained.names))
    rows = [
        Contribution(name, BY_NAME[name].family, session[name][0].as_py(), float(value))
        for name, value in zip(found.names, found.values[0], strict=True)
    ]
    return SessionExplanation(
        session_id=session["session_id"][0].as_py(),
        model_version=classifier.version,
        agent_probability=float(classifier.agent_probability(session)[0]),
        base=found.base,
        log_odds=float(found.output[0]),
        contributions=tuple(sorted(rows, key=lambda row: -abs(row.log_odds))),
        steps=None
        if kernels is None
        else step_evidence(kernels, event_names, session["is_agent"][0].as_py()),
    )


def _steps_json(steps: StepEvidence) -> list[JsonValue]:
    columns = (
        steps.source,
        steps.target,
        steps.evidence.tolist(),
        steps.human_count.tolist(),
        steps.agent_count.tolist(),
    )
    return [
        {"from": source, "to": target, "evidence": evidence, "humans": humans, "agents": agents}
        for source, target, evidence, humans, agents in zip(*columns, strict=True)
    ]
