"""Approved models: the version of each kind that prices may depend on, and what reads it."""

import json
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.approvals.governed_changes import (
    GovernedChange,
    change_in_force,
    find_change,
    list_changes,
)
from phantom_core.approvals.governed_kinds import MODEL, PROMOTION_POLICY
from phantom_core.approvals.price_experiments import all_experiments
from phantom_core.approvals.releases import current_release, release_document
from phantom_core.approvals.requests import list_requests
from phantom_core.approvals.states import OPEN, State
from phantom_core.core.errors import NotFoundError
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_kinds.multitask import NETWORK

# What rules call the output of a model.
_P_AGENT: Final = "p_agent"
# A draft gathers its evidence with the model; what was live can be restored by one person.
_MAY_PRICE: Final[tuple[State, ...]] = (
    "draft",
    *OPEN,
    "live",
    "superseded",
    "rolled back",
    "expired",
)


@dataclass(frozen=True, slots=True)
class ApprovedModel:
    """A model that prices may depend on.

    Attributes:
        version: its name.
        manifest_sha256: of its manifest, which holds the hash of every other file.
        change_id: number of the governed change.
        approved_ms: UTC milliseconds.
    """

    version: str
    manifest_sha256: str
    change_id: int
    approved_ms: int


@dataclass(frozen=True, slots=True)
class PromotionPolicy:
    """When a retraining may promote a challenger by itself.

    Attributes:
        rule: better or not_worse.
        margin: of ROC-AUC, for not_worse.
        gates: limit by task and figure.
        change_id: number of the governed change; 0 while it is not in force.
    """

    rule: str
    margin: float
    gates: dict[str, dict[str, float]]
    change_id: int = 0


def approved_model(connection: sa.Connection, kind: str) -> ApprovedModel | None:
    """The model of a kind that prices may depend on; None where none was approved."""
    change = change_in_force(connection, MODEL, kind)
    return _approved(change) if change else None


def approved_before(connection: sa.Connection, kind: str) -> ApprovedModel | None:
    """The model that the approved one replaced; None for the first."""
    change = change_in_force(connection, MODEL, kind)
    before = change.content().get("replaces") if change else None
    return _approved(find_change(connection, int(str(before)))) if before else None


def was_model_ever_approved(connection: sa.Connection, kind: str) -> bool:
    """Whether a model of this kind was ever proposed for pricing."""
    return bool(list_changes(connection, MODEL, kind, newest=1))


def promotion_policy(connection: sa.Connection, kind: str) -> PromotionPolicy | None:
    """The promotion policy in force for a kind of model; None without one."""
    change = change_in_force(connection, PROMOTION_POLICY, kind)
    if change is None:
        return None
    content = json.loads(change.payload)
    return PromotionPolicy(content["rule"], content["margin"], content["gates"], change.change_id)


def readers_of_model(connection: sa.Connection, kind: str) -> tuple[str, ...]:
    """What is live, on its way or may come back, and depends on a kind of model; a few words each.

    Args:
        connection: of the control database.
        kind: of model; rules read the classifier as p_agent, and the policy "model" the network.
    """
    release = current_release(connection)
    found = [
        f"change request {one.request_id} ({one.state})"
        for one in list_requests(connection, _MAY_PRICE)
        if _reads(kind, one.rules, one.policy)
    ]
    if release:
        versions = dict.fromkeys(name for name in (release.version, release.stable) if name)
        found += [
            f"release {name}"
            for name in versions
            if _reads(kind, _document(connection, name), release.policy)
        ]
    for experiment in all_experiments(connection):
        if experiment.state in ("draft", "running"):
            found += [
                f"arm {arm.name} of experiment {experiment.experiment_id}"
                for arm in experiment.plan.arms
                if _reads(kind, _document(connection, arm.version), "rules")
            ]
    return tuple(found)


def models_of_live_rules(connection: sa.Connection, kind: str) -> frozenset[str]:
    """Versions of a kind of model that the live rules were approved with."""
    release = current_release(connection)
    if release is None:
        return frozenset()
    documents = (_document(connection, name) for name in (release.version, release.stable) if name)
    named = (json.loads(one).get("models", {}) for one in documents if one)
    return frozenset(str(models[kind]) for models in named if kind in models)


def _reads(kind: str, rules: str, policy: str) -> bool:
    if kind == CLASSIFIER.name:
        return f'"{_P_AGENT}"' in rules
    return kind == NETWORK.name and policy == "model"


def _document(connection: sa.Connection, version: str) -> str:
    try:
        return release_document(connection, version)
    except NotFoundError:
        return ""


def _approved(change: GovernedChange) -> ApprovedModel:
    content = change.content()
    return ApprovedModel(
        str(content["version"]),
        str(content["manifest_sha256"]),
        change.change_id,
        change.changed_ms,
    )
