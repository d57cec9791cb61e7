"""Stored evidence: figures as they are stored, apart from the classes that compute them.

A document of an earlier version must stay readable, so a class here changes only together
with `evidence.VERSION`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Final

from pydantic import (
    BeforeValidator,
    JsonValue,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    WrapSerializer,
)

from phantom_core.replay.features_at_quote import AsOf
from phantom_core.replay.markups import RuleUse
from phantom_core.replay.replay import Bar, Moved, Replay
from phantom_core.rules.checks.finding import Finding, Severity
from phantom_core.session_market.optimum import PairedTrial


@dataclass(frozen=True, slots=True)
class StoredEstimate:
    """A figure with its 95 % interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding of the checks; `mend` is its way out, under the name of the first release."""

    kind: str
    severity: Severity
    rules: tuple[str, ...]
    says: str
    mend: str

    @classmethod
    def of(cls, finding: Finding) -> "StoredFinding":
        """A finding as it is stored."""
        return cls(finding.kind, finding.severity, finding.rules, finding.says, finding.fix)

    def to_json(self) -> dict[str, object]:
        """The finding as plain values."""
        return asdict(self) | {"rules": list(self.rules)}


@dataclass(frozen=True, slots=True)
class StoredFidelity:
    """How closely rules follow the classifier's own mark-up.

    Attributes:
        sessions: compared.
        fidelity_r2, rank_correlation: None where either prices all alike.
    """

    sessions: int
    fidelity_r2: float | None
    rank_correlation: float | None


@dataclass(frozen=True, slots=True)
class StoredClass:
    """Prices of one class of sessions; see `replay.markups.ReplayClassFigures`."""

    sessions: float
    mean_markup: StoredEstimate
    quotes_marked_up: StoredEstimate
    marked_up: StoredEstimate
    premium: StoredEstimate
    premium_when_marked_up: StoredEstimate


@dataclass(frozen=True, slots=True)
class StoredRecovery:
    """Leakage recovered under one reference price; see `replay.markups.Recovered`."""

    reference: str
    says: str
    problem: str
    logged: StoredEstimate
    left: StoredEstimate
    recovered: StoredEstimate
    share: StoredEstimate


@dataclass(frozen=True, slots=True)
class StoredValue:
    """Off-policy revenue per session; see `replay.off_policy.OffPolicyValue`."""

    problem: str
    hint: str
    randomised: float
    tried: tuple[float, ...]
    overlap: float
    matched: int
    effective: float
    logged: StoredEstimate | None
    inverse_propensity: StoredEstimate | None
    self_normalised: StoredEstimate | None
    doubly_robust: StoredEstimate | None
    against_logged: StoredEstimate | None
    terms: float | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class StoredRules:
    """One rule set on recorded sessions; see `replay.replay.SetReplay`."""

    name: str
    text: str
    human: StoredClass | None
    agent: StoredClass | None
    bars: tuple[Bar, ...]
    rules: tuple[RuleUse, ...]
    recovered: tuple[StoredRecovery, ...]
    value: StoredValue


@dataclass(frozen=True, slots=True)
class StoredReplay:
    """The proposed rules against what is live, on recorded sessions; see `replay.replay.Replay`."""

    created_ms: int
    lake_version: int
    model: str
    seed: int
    first_ms: int
    last_ms: int
    as_of: AsOf
    sessions: int
    quotes: int
    purchases: int
    unknown: int
    without_base: int
    rules: StoredRules
    against: StoredRules
    changed: int
    share_changed: StoredEstimate
    moved: tuple[Moved, ...]
    difference: StoredEstimate | None = None


@dataclass(frozen=True, slots=True)
class StoredArm:
    """Simulated figures under one kind of price; see `session_market.result.SessionFigures`."""

    reward: StoredEstimate
    revenue: StoredEstimate
    leakage: StoredEstimate
    leakage_share: StoredEstimate
    human_conversion: StoredEstimate
    agent_conversion: StoredEstimate
    human_premium: StoredEstimate
    humans_marked_up: StoredEstimate
    agents_marked_up: StoredEstimate


def _joined(found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A figure and its interval, written as `name` and `name_ci`, as one estimate."""
    values = {name: value for name, value in found.items() if not name.endswith(_INTERVAL)}
    for name in values.keys() & {
        name.removesuffix(_INTERVAL) for name in found.keys() - values.keys()
    }:
        ends = found[f"{name}{_INTERVAL}"]
        low, high = ends if isinstance(ends, list) else (None, None)
        values[name] = {"value": found[name], "low": low, "high": high}
    return values


def _split(of: object, write: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
    """The inverse of `_joined`."""
    found: dict[str, JsonValue] = {}
    for name, value in write(of).items():
        if isinstance(value, dict) and value.keys() == {"value", "low", "high"}:
            found |= {name: value["value"], f"{name}{_INTERVAL}": [value["low"], value["high"]]}
        else:
            found[name] = value
    return found


_INTERVAL: Final = "_ci"
Arm = Annotated[StoredArm, BeforeValidator(_joined), WrapSerializer(_split)]


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """Proposed, live and optimal prices on the same generated sessions.

    See `session_market.optimum.PairedTrial`. `market` says whose shoppers these are; the last three
    are unknown in evidence of earlier releases.
    """

    sessions: int
    seed: int
    reference_ratio: float
    proposed: Arm
    live: Arm
    optimum: Arm
    difference: Arm
    proposed_of_optimum: StoredEstimate
    live_of_optimum: StoredEstimate
    leakage_weight: float | None = None
    market: str = ""
    is_invented: bool | None = None


Trial = Annotated[StoredTrial, BeforeValidator(_joined), WrapSerializer(_split)]
_REPLAY: Final = TypeAdapter(StoredReplay)
_TRIAL: Final = TypeAdapter[StoredTrial](Trial)


def stored_replay(found: Replay) -> StoredReplay:
    """A replay as stored in evidence."""
    return _REPLAY.validate_python(found.to_json())


def stored_trial(found: PairedTrial) -> StoredTrial:
    """A trial as stored in evidence."""
    return _TRIAL.validate_python(found.to_json())
