"""Model use: which saved model prices may depend on, and how it changes.

Training leaves a candidate. A person with the permission to publish uses it, after a comparison on
the same held-out sessions; where something live reads the model, a second person approves.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import find_account, require_permission
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import governed_changes as changes
from phantom_core.approvals.approved_models import (
    ApprovedModel,
    approved_before,
    approved_model,
    models_of_live_rules,
    promotion_policy,
    readers_of_model,
    was_model_ever_approved,
)
from phantom_core.approvals.governed_changes import GovernedChange
from phantom_core.approvals.governed_kinds import MODEL, PROMOTION_POLICY
from phantom_core.approvals.limits import read_price_limits, seeded_database
from phantom_core.core.errors import ConflictError, DataError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.manifest import Manifest
from phantom_core.model_store.store import MANIFEST, ModelStore, StoredModel
from phantom_core.models.inference_classifier import learned_from_quotes, require_quotes
from phantom_core.monitoring.challenger_evaluation import rule_named
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.use_cases.models.banned_features import banned_in
from phantom_core.use_cases.models.compare_models import ModelComparison, compare_models

FIRST: Final = "First model of its kind: nothing that is live reads it."


@dataclass(frozen=True, slots=True)
class WaitingModel:
    """A model that waits for a second person.

    Attributes:
        change: the governed change.
        version: of the model; empty for a promotion policy.
        sentence: what it is compared with, and how it does.
        approvals: logins of those who approved.
    """

    change: GovernedChange
    version: str
    sentence: str
    approvals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What prices may depend on, and what waits.

    Attributes:
        kind: of model.
        approved: version for pricing; empty without one.
        before: version that a revert goes back to; empty without one.
        in_use: version that pages analyse with; empty without one.
        readers: what is live or on its way and reads the model.
        policy: the promotion policy in force, in words; empty without one.
        waiting: newest first.
        problem: why the approved model cannot be used; empty where it can.
    """

    kind: str
    approved: str
    before: str
    in_use: str
    readers: tuple[str, ...]
    policy: str
    waiting: tuple[WaitingModel, ...]
    problem: str


@requires(Permission.READ)
def model_status(settings: Settings, kind: str) -> ModelStatus:
    """What prices may depend on, and what waits for a second person."""
    name = MODEL_KINDS.find(kind).name
    with _control(settings).connect() as connection:
        approved, before = approved_model(connection, name), approved_before(connection, name)
        policy, readers = promotion_policy(connection, name), readers_of_model(connection, name)
        waiting = [
            _waiting(connection, one)
            for governed in (MODEL, PROMOTION_POLICY)
            for one in changes.waiting_changes(connection, governed, name)
        ]
    return ModelStatus(
        kind=name,
        approved=approved.version if approved else "",
        before=before.version if before else "",
        in_use=ModelStore(settings.workspace, name).in_use() or "",
        readers=readers,
        policy=_policy_words(asdict(policy)) if policy else "",
        waiting=tuple(waiting),
        problem=_problem(settings, name) if approved else "",
    )


@requires(Permission.READ)
def open_approved(settings: Settings, kind: str) -> StoredModel:
    """The saved model that prices may depend on.

    Raises:
        NotFoundError: none was approved, or it is not in the workspace.
        DataError: its files are not those that were approved, or it reads banned features.
    """
    with _control(settings).connect() as connection:
        approved = approved_model(connection, kind)
    if approved is None:
        raise NotFoundError(
            f"No {kind} is approved for pricing.",
            hint=f"Use one: python -m phantom_core promote {kind} VERSION",
        )
    model = ModelStore(settings.workspace, kind).open(approved.version)
    if _manifest_digest(model) != approved.manifest_sha256:
        raise DataError(
            f"The {kind} {approved.version} is not the one that was approved: the SHA-256 of its "
            f"{MANIFEST} differs.",
            hint="Restore the folder from a backup, or use another version.",
        )
    try:
        _refuse_for_pricing(settings, model.manifest)
    except InputError as error:
        raise DataError(error.message, hint=error.hint) from None
    return model


@requires(Permission.READ)
def pricing_version(settings: Settings, kind: str) -> str | None:
    """Version that prices depend on: the approved one, else the one in use; None without any.

    What judges prices, such as replays and evidence, reads this one.
    """
    with _control(settings).connect() as connection:
        approved = approved_model(connection, kind)
    return approved.version if approved else ModelStore(settings.workspace, kind).in_use()


@requires(Permission.WORK)
def take_first_model(settings: Settings, kind: str, version: str, why: str, *, now_ms: int) -> bool:
    """Use a trained model where it is the first of its kind; else it stays a candidate.

    Pages analyse with the first model at once. Prices may depend on it where none was ever
    approved, nothing live reads it, and it reads no banned feature.

    Returns:
        Whether prices may depend on it from now on.
    """
    store = ModelStore(settings.workspace, kind)
    if store.in_use() is None:
        store.promote(version, now_ms=now_ms, why=why)
    model = store.open(version)
    if banned_in(settings, model.manifest.features) or not _knows_quotes(model.manifest):
        return False
    with write_transaction(_control(settings)) as connection:
        if was_model_ever_approved(connection, kind) or readers_of_model(connection, kind):
            return False
        _propose(
            connection, Internal.WATCHER, model, ModelComparison("", version), FIRST, 0, now_ms
        )
    if store.in_use() != version:
        store.promote(version, now_ms=now_ms, why=FIRST)
    return True


@requires(Permission.PROPOSE)
def use_model(
    settings: Settings,
    who: str,
    kind: str,
    version: str,
    *,
    why: str,
    now_ms: int,
    despite_doubts: bool = False,
) -> GovernedChange:
    """Let prices depend on a saved model, at once or once a second person approves.

    Args:
        settings: workspace, database, seed.
        who: login; of somebody who may publish for use at once, else of somebody who may propose.
        kind: of model.
        version: its name.
        why: one sentence.
        now_ms: UTC milliseconds.
        despite_doubts: confirms that a significantly worse model is meant, or one that learned
            from labels of which many changed.
    Returns:
        The change: approved, or waiting for another person.
    Raises:
        NotFoundError: no such model.
        NotAllowedError: not by this account.
        InputError: it reads features that prices may not depend on.
        ConflictError: it is in use, waits already, or is doubtful and not confirmed.
    """
    model = ModelStore(settings.workspace, MODEL_KINDS.find(kind).name).open(version)
    _refuse_for_pricing(settings, model.manifest)
    with _control(settings).connect() as connection:
        approved = approved_model(connection, kind)
    comparison = compare_models(settings, kind, approved.version if approved else "", version)
    if comparison.doubt and not despite_doubts:
        raise ConflictError(
            f"{comparison.doubt} {comparison.sentence}",
            hint="Confirm that you mean it, or keep the model in use.",
        )
    with write_transaction(_control(settings)) as connection:
        _require_news(connection, kind, model, approved)
        change = _propose(
            connection,
            who,
            model,
            comparison,
            why,
            _needed(connection, settings, who, kind),
            now_ms,
        )
    _follow(settings, change, now_ms)
    return change


@requires(Permission.PUBLISH)
def revert_model(
    settings: Settings, who: str, kind: str, *, why: str, now_ms: int
) -> GovernedChange:
    """Go back to the model that was approved before, by one person who may publish.

    A second person approves where something reads the model, and nobody else has ever agreed to
    the earlier one: neither by its own approval nor by that of the rules that are live.

    Raises:
        NotFoundError: there is none.
        NotAllowedError: not by this account.
        DataError: its files are not those that were approved, or it learned from whole sessions
            only.
    """
    name = MODEL_KINDS.find(kind).name
    with write_transaction(_control(settings)) as connection:
        require_permission(connection, who, Permission.PUBLISH)
        before = approved_before(connection, name)
        if before is None:
            raise NotFoundError(f"No {name} was approved before the one in use.")
        model = ModelStore(settings.workspace, name).open(before.version)
        if _manifest_digest(model) != before.manifest_sha256:
            raise DataError(f"The {name} {before.version} is not the one that was approved.")
        if not _knows_quotes(model.manifest):
            require_quotes(model.manifest)
        comparison = ModelComparison("", before.version, problem="It was approved before.")
        needed = (
            0 if _was_agreed(connection, name, before) else _needed(connection, settings, who, name)
        )
        change = _propose(connection, who, model, comparison, why, needed, now_ms)
    _follow(settings, change, now_ms)
    return change


@requires(Permission.PUBLISH)
def promote_by_policy(
    settings: Settings, kind: str, version: str, *, why: str, policy: int, now_ms: int
) -> GovernedChange:
    """Let prices depend on a challenger that met an approved promotion policy.

    Args:
        settings: workspace and database.
        kind: of model.
        version: of the challenger.
        why: how it met the policy.
        policy: number of the governed change of the policy it was judged by.
        now_ms: UTC milliseconds.
    Raises:
        ConflictError: that policy is no longer in force, or the challenger is doubtful.
        InputError: it reads features that prices may not depend on.
    """
    model = ModelStore(settings.workspace, kind).open(version)
    _refuse_for_pricing(settings, model.manifest)
    with _control(settings).connect() as connection:
        _require_policy(connection, kind, policy)
    champion = pricing_version(settings, kind) or ""
    comparison = compare_models(settings, kind, champion, version)
    if comparison.doubt:
        raise ConflictError(comparison.doubt, hint="A person decides whether it is used.")
    with write_transaction(_control(settings)) as connection:
        _require_policy(connection, kind, policy)
        reason = f"Promotion policy {policy}: {why}"
        change = _propose(
            connection, Internal.WATCHER, model, comparison, reason, 0, now_ms, policy=policy
        )
    _follow(settings, change, now_ms)
    return change


@requires(Permission.APPROVE)
def approve_model(
    settings: Settings,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str = "",
    *,
    now_ms: int,
) -> GovernedChange:
    """Approve a waiting model or promotion policy.

    Raises:
        NotAllowedError: by its author, or not by this account.
        ConflictError: it is not open, is another one than was seen, or its files changed.
    """
    require_intact_audit(settings)
    with _control(settings).connect() as connection:
        change = changes.find_change(connection, change_id)
    kind = PROMOTION_POLICY if change.kind == PROMOTION_POLICY.name else MODEL
    if kind is MODEL and change.kind == MODEL.name:
        _require_unchanged(settings, change)
    with write_transaction(_control(settings)) as connection:
        change = changes.approve_change(
            connection, kind, who, change_id, payload_sha256, comment, now_ms=now_ms
        )
    _follow(settings, change, now_ms)
    return change


@requires(Permission.APPROVE)
def reject_model(
    settings: Settings,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str,
    *,
    now_ms: int,
) -> GovernedChange:
    """Reject a waiting model or promotion policy.

    Raises:
        InputError: without a reason.
        NotAllowedError, ConflictError: as for an approval.
    """
    with write_transaction(_control(settings)) as connection:
        change = changes.find_change(connection, change_id)
        kind = PROMOTION_POLICY if change.kind == PROMOTION_POLICY.name else MODEL
        return changes.reject_change(
            connection, kind, who, change_id, payload_sha256, comment, now_ms=now_ms
        )


@requires(Permission.PROPOSE)
def propose_policy(
    settings: Settings,
    who: str,
    kind: str,
    *,
    rule: str,
    margin: float,
    gates: dict[str, dict[str, float]],
    why: str,
    now_ms: int,
) -> GovernedChange:
    """Propose when a retraining may promote by itself; another person approves it.

    Args:
        settings: database.
        who: login of somebody who may propose.
        kind: of model.
        rule: better or not_worse.
        margin: of ROC-AUC, for not_worse.
        gates: limit by task and figure.
        why: one sentence.
        now_ms: UTC milliseconds.
    Raises:
        InputError: no such rule, or an impossible margin.
        NotAllowedError: not by this account.
    """
    if not 0 <= margin <= 1:
        raise InputError(f"A margin of {margin:g} is impossible.", hint="Give 0 to 1, ROC-AUC.")
    payload = {"rule": rule_named(rule), "margin": margin, "gates": gates}
    with write_transaction(_control(settings)) as connection:
        limits = read_price_limits(settings, connection)
        return changes.propose_change(
            connection,
            PROMOTION_POLICY,
            who,
            MODEL_KINDS.find(kind).name,
            payload,
            why=why,
            needed=max(1, changes.approvals_needed_of(connection, who, limits.approvals_needed)),
            now_ms=now_ms,
        )


@requires(Permission.PUBLISH)
def end_policy(settings: Settings, who: str, kind: str, *, why: str, now_ms: int) -> GovernedChange:
    """End a promotion policy: retraining leaves candidates from now on.

    Raises:
        NotFoundError: none is in force.
        NotAllowedError: not by this account.
    """
    with write_transaction(_control(settings)) as connection:
        require_permission(connection, who, Permission.PUBLISH)
        change = changes.change_in_force(connection, PROMOTION_POLICY, kind)
        if change is None:
            raise NotFoundError(f"No promotion policy of the {kind} is in force.")
        return changes.supersede_change(connection, change, f"{who}: {why}", now_ms=now_ms)


def _manifest_digest(model: StoredModel) -> str:
    """SHA-256 of a saved model's manifest."""
    return hashlib.sha256((model.folder / MANIFEST).read_bytes()).hexdigest()


def _control(settings: Settings) -> sa.Engine:
    return seeded_database(settings)


def _propose(
    connection: sa.Connection,
    who: str,
    model: StoredModel,
    comparison: ModelComparison,
    why: str,
    needed: int,
    now_ms: int,
    policy: int = 0,
) -> GovernedChange:
    kind = model.manifest.kind
    before = approved_model(connection, kind)
    payload = {
        "version": model.manifest.version,
        "manifest_sha256": _manifest_digest(model),
        "features": list(model.manifest.features),
        "metrics": model.manifest.metrics,
        "replaces": before.change_id if before else None,
        "readers": list(readers_of_model(connection, kind)),
        "comparison": comparison.payload(),
        "policy": policy,
    }
    return changes.propose_change(
        connection, MODEL, who, kind, payload, why=why, needed=needed, now_ms=now_ms
    )


def _needed(connection: sa.Connection, settings: Settings, who: str, kind: str) -> int:
    """Approvals by others: none where nothing live reads it and the author may publish."""
    author = find_account(connection, who)
    if author and author.may(Permission.PUBLISH) and not readers_of_model(connection, kind):
        return 0
    limits = read_price_limits(settings, connection)
    return changes.approvals_needed_of(connection, who, limits.approvals_needed)


def _was_agreed(connection: sa.Connection, kind: str, model: ApprovedModel) -> bool:
    """Whether somebody else approved a model, by itself or with the rules that are live."""
    change = changes.find_change(connection, model.change_id)
    return change.needed > 0 or model.version in models_of_live_rules(connection, kind)


def _require_news(
    connection: sa.Connection, kind: str, model: StoredModel, compared: ApprovedModel | None
) -> None:
    approved, version = approved_model(connection, kind), model.manifest.version
    if approved != compared:
        raise ConflictError("Another model was approved meanwhile.", hint="Compare again.")
    if approved and (approved.version, approved.manifest_sha256) == (
        version,
        _manifest_digest(model),
    ):
        raise ConflictError(f"{version} is already the {kind} that prices depend on.")
    for one in changes.waiting_changes(connection, MODEL, kind):
        if one.content()["version"] == version:
            raise ConflictError(f"{version} already waits, as change {one.change_id}.")


def _require_policy(connection: sa.Connection, kind: str, policy: int) -> None:
    in_force = promotion_policy(connection, kind)
    if in_force is None or in_force.change_id != policy:
        raise ConflictError(f"Promotion policy {policy} is no longer in force.")


def _require_unchanged(settings: Settings, change: GovernedChange) -> None:
    content = change.content()
    model = ModelStore(settings.workspace, change.subject).open(str(content["version"]))
    if _manifest_digest(model) != content["manifest_sha256"]:
        raise ConflictError(f"The files of {content['version']} changed since it was proposed.")
    _refuse_for_pricing(settings, model.manifest)


def _refuse_banned(settings: Settings, manifest: Manifest) -> None:
    if found := banned_in(settings, manifest.features):
        raise InputError(
            f"The {manifest.kind} {manifest.version} learns from {', '.join(found)}, which prices "
            "may not depend on in this shop.",
            hint="Train one for pricing: without the banned features.",
        )


def _refuse_for_pricing(settings: Settings, manifest: Manifest) -> None:
    """Reject a model that must not set prices.

    Raises:
        InputError: it learns from banned features, or never saw a session at a quote.
    """
    _refuse_banned(settings, manifest)
    if not _knows_quotes(manifest):
        try:
            require_quotes(manifest)
        except DataError as error:
            raise InputError(error.message, hint=error.hint) from None


def _knows_quotes(manifest: Manifest) -> bool:
    return manifest.kind != CLASSIFIER.name or learned_from_quotes(manifest)


def _follow(settings: Settings, change: GovernedChange, now_ms: int) -> None:
    """Analyse with what prices depend on, once it is approved."""
    if change.kind != MODEL.name or change.state != "approved":
        return
    store, version = (
        ModelStore(settings.workspace, change.subject),
        str(change.content()["version"]),
    )
    if store.in_use() != version:
        store.promote(version, now_ms=now_ms, why=change.why)


def _problem(settings: Settings, kind: str) -> str:
    try:
        open_approved(settings, kind)
    except (NotFoundError, DataError) as error:
        return str(error)
    return ""


def _waiting(connection: sa.Connection, change: GovernedChange) -> WaitingModel:
    content = change.content()
    comparison = content.get("comparison")
    sentence = (
        str(comparison["sentence"]) if isinstance(comparison, dict) else _policy_words(content)
    )
    approvals = tuple(
        one.who
        for one in changes.decisions_on(connection, change.change_id)
        if one.verdict == "approve"
    )
    return WaitingModel(change, str(content.get("version", "")), sentence, approvals)


def _policy_words(policy: dict[str, object]) -> str:
    rule = (
        "significantly better"
        if policy["rule"] == "better"
        else f"not worse by more than {policy['margin']} ROC-AUC"
    )
    gates = policy["gates"]
    limits = (
        ", ".join(
            f"{task} {figure.replace('_', ' ')} {limit:g}"
            for task, figures in gates.items()
            for figure, limit in figures.items()
        )
        if isinstance(gates, dict)
        else ""
    )
    return f"Retraining promotes a challenger that is {rule}; gates: {limits or 'none'}."
