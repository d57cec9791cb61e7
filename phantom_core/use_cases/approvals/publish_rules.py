"""Publish rules: make an approved request live on every pricing server, and roll it back."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import emergencies, releases, requests
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.limits import read_price_limits
from phantom_core.approvals.ramp import least_sessions
from phantom_core.approvals.releases import PublishedRelease, Switch
from phantom_core.approvals.rollout import check_restorable, check_rollout, is_restorable
from phantom_core.approvals.rollout_guard_log import check_guard, read_guard_result
from phantom_core.core.errors import ConflictError, InputError, NotFoundError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.evidence.gates import Gate
from phantom_core.publishing.release import RuleRelease as Document
from phantom_core.publishing.release import parse_release, release_of
from phantom_core.use_cases.approvals.bans import check_bans
from phantom_core.use_cases.approvals.change_requests import (
    check_gates,
    control_database,
    describe_verdicts,
    evidence_of,
    limits_in_force,
    rules_of,
)
from phantom_core.use_cases.approvals.emergencies import (
    NEVER_OVERRULED,
    alert_emergencies,
    assess_emergency,
)
from phantom_core.use_cases.approvals.live_documents import documents_of, live_of
from phantom_core.use_cases.approvals.reconcile_release import (
    publish_models,
    push_release,
    reconcile_release,
)
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.use_cases.rules.live_rules import live_version
from phantom_core.valkey.server import connect_server


@dataclass(frozen=True, slots=True)
class _Plan:
    """A switch, and what it was judged by, for the audit chain."""

    switch: Switch
    judged: Mapping[str, object] = field(default_factory=dict)


@requires(Permission.PUBLISH)
def publish_request(
    settings: Settings,
    who: str,
    request_id: int,
    *,
    now_ms: int,
    share: float | None = None,
    why: str = "",
    emergency: str = "",
) -> PublishedRelease:
    """Make an approved request live.

    Args:
        settings: workspace, database and server.
        who: login of a person who may publish.
        request_id: of the approved request.
        now_ms: UTC milliseconds.
        share: of the sessions, at most the approved one; None means the approved one.
        why: reason, for the history.
        emergency: reason to publish without approvals; the request stays marked for good. One
            person alone may lower prices so, and not those of their own change; a change that may
            raise some takes a second person. Another person reviews it afterwards.
    Raises:
        ConflictError: not approved, a gate is closed, or something else went live meanwhile.
        NotSwitchedError, UncertainError: the server did not take it; see `reconcile_release`.
    """

    def plan(connection: sa.Connection) -> _Plan:
        request = requests.find_request(connection, request_id)
        if not emergency and request.state not in ("approved", "scheduled"):
            raise ConflictError(
                f"Request {request_id} is {request.state}, so it cannot be published.",
                hint="It needs approval first.",
            )
        gates = _check(connection, settings, request, now_ms, is_emergency=bool(emergency))
        if emergency:
            request = _begin_emergency(connection, settings, who, request, emergency, now_ms)
        document = _document(connection, request, now_ms)
        releases.store_document(
            connection, document.version, document.to_bytes().decode(), document.sha256
        )
        before = releases.current_release(connection)
        wanted = _share(request, share)
        _check_beside(before, wanted)
        stable = document.version if wanted >= 1 else (before.full_version if before else "")
        is_killed = before.is_killed if before else False
        switch = Switch(
            "publish", request_id, document.version, wanted, stable, is_killed, request.policy
        )
        return _Plan(switch, {"gates": describe_verdicts(gates)})

    done = _switch(settings, who, plan, why or emergency, now_ms)
    if emergency:
        alert_emergencies(settings, now_ms=now_ms)
    return done


@requires(Permission.PUBLISH)
def set_share(
    settings: Settings, who: str, share: float, *, why: str, now_ms: int, of: int | None = None
) -> PublishedRelease:
    """Change the rollout of the live canary within what was approved; 1 is all sessions.

    Args:
        settings: workspace, database and server.
        who: login of a person who may publish.
        share: of the sessions.
        why: reason, for the history.
        now_ms: UTC milliseconds.
        of: epoch of the release that it is meant for; None for whatever is live.
    Raises:
        InputError: a share outside (0, 1].
        ConflictError: no canary is live, or another release than was meant.
        NotAllowedError: the share was not approved, the ramp does not lead there yet, or its guard
            speaks against it.
    """
    if not 0 < share <= 1:
        raise InputError(f"A share of {share} is not valid.", hint="Give one above 0 and up to 1.")

    def plan(connection: sa.Connection) -> _Plan:
        before = releases.current_release(connection)
        if before is None or before.share >= 1 or not before.version:
            raise ConflictError(
                "No canary is live, so there is no share to change.",
                hint="Publish with a share below 1 first.",
            )
        _check_still_live(before, of)
        check_rollout(connection, before, share, now_ms=now_ms)
        request = requests.find_request(connection, before.request_id)
        guard = read_guard_result(control_database(settings), before.epoch)
        check_guard(before, share, least_sessions(request.share, request.steps, share), guard)
        judged = {"guard": [guard.action, *guard.reasons]} if guard and share > before.share else {}
        stable = before.version if share >= 1 else before.stable
        return _Plan(
            Switch(
                "share",
                before.request_id,
                before.version,
                share,
                stable,
                before.is_killed,
                before.policy,
            ),
            judged,
        )

    return _switch(settings, who, plan, why, now_ms)


@requires(Permission.PUBLISH)
def withdraw_canary(settings: Settings, epoch: int, *, why: str, now_ms: int) -> PublishedRelease:
    """Roll the live canary back, as its guard asks for: all sessions get its control again.

    Args:
        settings: workspace, database and server.
        epoch: of the release that the guard looked at.
        why: reason, for the history.
        now_ms: UTC milliseconds.
    Raises:
        ConflictError: something else is live by now.
    """
    with control_database(settings).connect() as connection:
        before = releases.current_release(connection)
        is_stable = before is not None and is_restorable(connection, before.stable)
    target = before.stable if before and is_stable else None
    return _go_back(settings, Internal.WATCHER, "roll back", target, why, now_ms, of=epoch)


@requires(Permission.PUBLISH)
def roll_back(
    settings: Settings, who: str, version: str | None = None, *, why: str, now_ms: int
) -> PublishedRelease:
    """Roll back to an earlier version for all sessions.

    Args:
        settings: workspace, database and server.
        who: login of a person who may publish.
        version: to roll back to; empty for base prices, None for the previous one: the control of
            a canary, or what was live before.
        why: reason, for the history.
        now_ms: UTC milliseconds.
    """
    return _go_back(settings, who, "roll back", version, why, now_ms)


@requires(Permission.PUBLISH)
def expire_live(settings: Settings, version: str, *, now_ms: int) -> PublishedRelease:
    """End a live version that has expired.

    The version before it is live again, or base prices where it is the control of a canary.
    """
    with control_database(settings).connect() as connection:
        before = releases.current_release(connection)
    target = None if before and before.version == version else ""
    return _go_back(settings, Internal.WATCHER, "expire", target, "it has expired", now_ms)


@requires(Permission.KILL)
def kill_live_rules(settings: Settings, who: str, *, why: str, now_ms: int) -> PublishedRelease:
    """Turn the kill switch on: every session pays the base price at once."""
    return _killed(settings, who, "kill", True, why, now_ms)


@requires(Permission.PUBLISH)
def lift_kill_switch(settings: Settings, who: str, *, why: str, now_ms: int) -> PublishedRelease:
    """Lift the kill switch, so that the live rules apply again."""
    return _killed(settings, who, "revive", False, why, now_ms)


def _switch(
    settings: Settings,
    who: str,
    plan: Callable[[sa.Connection], _Plan],
    why: str,
    now_ms: int,
    *,
    is_to_base: bool = False,
) -> PublishedRelease:
    if not is_to_base:
        require_intact_audit(settings)
    with connect_server(settings) as client:
        reconcile_release(settings, client, now_ms=now_ms)
        publish_models(settings, client, now_ms)
        with write_transaction(control_database(settings)) as connection:
            planned = plan(connection)
            guard_rails, limits = _limits_of(connection, settings, is_to_base=is_to_base)
            release = releases.begin_release(
                connection,
                who,
                planned.switch,
                why,
                salt=secrets.token_hex(8),
                guard_rails=guard_rails,
                now_ms=now_ms,
                limits=limits,
                judged=planned.judged,
            )
            documents = documents_of(connection, release)
        return push_release(settings, client, release, live_of(release), documents, now_ms)


def _limits_of(
    connection: sa.Connection, settings: Settings, *, is_to_base: bool
) -> tuple[GuardRails, str]:
    """Guard rails of a switch, and the limits in force as JSON.

    The way to base prices is not verified, so limits that SQL forged neither block it nor move a
    base price.
    """
    try:
        guard_rails = read_price_limits(settings, connection).guard_rails
        limits = limits_in_force(connection, settings)
    except InputError:
        before = releases.current_release(connection)
        if not (is_to_base and before):
            raise
        guard_rails, limits = before.guard_rails, before.limits
    return guard_rails.around_base() if is_to_base else guard_rails, limits


def _go_back(
    settings: Settings,
    who: str,
    kind: releases.Kind,
    version: str | None,
    why: str,
    now_ms: int,
    *,
    of: int | None = None,
) -> PublishedRelease:
    def plan(connection: sa.Connection) -> _Plan:
        before = releases.current_release(connection)
        if before is None:
            raise ConflictError("Nothing was ever live, so there is nothing to roll back to.")
        _check_still_live(before, of)
        target = _version_before(connection, before) if version is None else version
        if target == before.version and before.share >= 1:
            raise ConflictError(
                f"{target or 'Base prices'} is live already.", hint="Choose an earlier version."
            )
        request = releases.request_of(connection, target) if target else None
        if request:
            check_restorable(connection, request)
            check_bans(settings, connection, request)
        number, policy = (request.request_id, request.policy) if request else (0, before.policy)
        return _Plan(Switch(kind, number, target, 1.0, target, before.is_killed, policy))

    return _switch(settings, who, plan, why, now_ms, is_to_base=version == "")


def _check_still_live(live: PublishedRelease, epoch: int | None) -> None:
    if epoch is not None and live.epoch != epoch:
        raise ConflictError(
            f"Version no. {epoch} is not live any more: version no. {live.epoch} is.",
            hint="Look at what is live now.",
        )


def _killed(
    settings: Settings, who: str, kind: releases.Kind, is_killed: bool, why: str, now_ms: int
) -> PublishedRelease:
    def plan(connection: sa.Connection) -> _Plan:
        before = releases.current_release(connection)
        if before is None:
            raise ConflictError("Nothing is live: every price is the base price already.")
        if before.is_killed is is_killed:
            raise ConflictError(
                "The kill switch is on already." if is_killed else "The kill switch is off already."
            )
        return _Plan(
            Switch(
                kind,
                before.request_id,
                before.version,
                before.share,
                before.stable,
                is_killed,
                before.policy,
            )
        )

    return _switch(settings, who, plan, why, now_ms, is_to_base=is_killed)


def _version_before(connection: sa.Connection, now: PublishedRelease) -> str:
    """The control of a canary, or else what most sessions got before, if it may be restored."""
    if now.share < 1 and is_restorable(connection, now.stable):
        return now.stable
    done = [
        one
        for one in releases.release_history(connection, newest=1_000)
        if one.state == "done" and one.epoch < now.epoch
    ]
    earlier = dict.fromkeys(one.full_version for one in done if one.full_version != now.version)
    return next((one for one in earlier if is_restorable(connection, one)), "")


def _check(
    connection: sa.Connection,
    settings: Settings,
    request: Request,
    now_ms: int,
    *,
    is_emergency: bool,
) -> tuple[Gate, ...]:
    """The gates of a request that may be published now."""
    before = releases.current_release(connection)
    if (
        before
        and before.version
        and before.share < 1
        and not _enlarges(connection, before, request)
    ):
        raise ConflictError(
            f"{before.version} is still a canary on {before.share:.0%} of the sessions.",
            hint="Roll it out to 100 % or roll it back first.",
        )
    if request.expires_ms and request.expires_ms <= now_ms:
        raise ConflictError(f"Request {request.request_id} has expired.")
    evidence = evidence_of(connection, request)
    if evidence is None:
        raise NotFoundError(
            f"Request {request.request_id} has no evidence.", hint="Submit it first."
        )
    gates = check_gates(connection, settings, request, evidence)
    closed = [gate for gate in gates if not gate.is_open]
    blocking = [gate for gate in closed if not is_emergency or gate.name in NEVER_OVERRULED]
    if request.base_version != live_version(connection) and not is_emergency:
        raise ConflictError(
            f"Request {request.request_id} was written against "
            f"{request.base_version or 'base prices'}, and "
            f"{live_version(connection) or 'base prices'} is live now.",
            hint="Its author has to rebase it.",
        )
    if not is_emergency:
        _check_approvals(connection, settings, request)
    if blocking:
        raise ConflictError(
            f"A gate is closed: {blocking[0].name}: {blocking[0].says}",
            hint="The author has to edit and submit it again.",
        )
    return gates


def _check_approvals(connection: sa.Connection, settings: Settings, request: Request) -> None:
    """Reject what has fewer approvals than the limits ask for now."""
    needed = max(request.needed, read_price_limits(settings, connection).approvals_needed)
    given = [
        one.who
        for one in requests.decisions_of(connection, request.request_id)
        if one.revision == request.revision and one.verdict == "approve"
    ]
    if len(given) < needed:
        raise ConflictError(
            f"Request {request.request_id} needs {needed} approvals now, and has {len(given)}.",
            hint="Ask another pricing manager to approve it.",
        )


def _enlarges(connection: sa.Connection, before: PublishedRelease, request: Request) -> bool:
    """Whether a request is the live canary for a larger share."""
    canary = requests.find_request(connection, before.request_id)
    return (
        canary.request_id != request.request_id
        and (canary.rules, canary.policy) == (request.rules, request.policy)
        and request.share > before.share
    )


def _begin_emergency(
    connection: sa.Connection,
    settings: Settings,
    who: str,
    request: Request,
    why: str,
    now_ms: int,
) -> Request:
    """Record an emergency with everything it overrules."""
    evidence = evidence_of(connection, request)
    assert evidence
    found = assess_emergency(connection, settings, request, evidence)
    return emergencies.begin_emergency(
        connection,
        who,
        request.request_id,
        why,
        prices=found.prices,
        gates=[f"{gate.name}: {gate.says}" for gate in found.overruled],
        limits=limits_in_force(connection, settings),
        review_hours=read_price_limits(settings, connection).review_hours,
        now_ms=now_ms,
    )


def _check_beside(before: PublishedRelease | None, share: float) -> None:
    """Reject a canary beside the network: the other sessions would get its rules, which no gate
    has judged, since the network set their prices.
    """
    if before and before.version and before.policy == "model" and share < 1:
        raise ConflictError(
            f"The network sets the prices of {before.version} now, so a change cannot begin with a "
            "share of the sessions: the others would get its rules, which were not judged.",
            hint="Roll back first, or have the change approved for all sessions.",
        )


def _share(request: Request, share: float | None) -> float:
    wanted = request.share if share is None else share
    if not 0 < wanted <= request.share:
        raise InputError(
            f"It was approved for {request.share:.0%} of the sessions, not for {wanted:.0%}.",
            hint="Publish it for that share or less.",
        )
    return wanted


def _document(connection: sa.Connection, request: Request, now_ms: int) -> Document:
    """The release of a request; the same one again where an earlier attempt failed."""
    evidence = evidence_of(connection, request)
    models = {
        kind: version for kind, version in (evidence.models if evidence else {}).items() if version
    }
    name = re.sub("[^A-Za-z0-9_.-]+", "-", request.name)[:40].lstrip("_.-") or "rules"
    version = f"{name}-{request.request_id}-{request.evidence[:8]}"
    try:
        return parse_release(releases.release_document(connection, version))
    except NotFoundError:
        return release_of(rules_of(request), version, str(request.request_id), now_ms, models)
