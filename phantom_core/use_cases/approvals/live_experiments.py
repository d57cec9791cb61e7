"""Live experiments: which experiments price sessions, on the server as in the control database.

A version is served by an arm only while it is live or was replaced by a later one. What was rolled
back, expired or killed stays off the shelves, also where an experiment still names it.
"""

from collections.abc import Sequence
from typing import Final

import redis
import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import price_experiments, releases
from phantom_core.approvals.experiment_plan import AS_LIVE, BASE_PRICE
from phantom_core.approvals.price_experiments import Experiment
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.approvals.states import State
from phantom_core.core.errors import ConflictError, DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.publishing import experiments as published
from phantom_core.publishing.publish import NotSwitchedError
from phantom_core.signing.keys import SigningKey, signing_key
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.audit.verify_audit import require_intact_audit

SERVED: Final[tuple[State, ...]] = ("live", "superseded")
_WORDS: Final = {
    "kill": "the kill switch was turned on",
    "roll back": "its rules were rolled back",
    "expire": "its rules expired",
}
_TRIES: Final = 3


@requires(Permission.READ)
def running_experiments(connection: sa.Connection) -> list[Experiment]:
    """The experiments that run according to the control database."""
    return [one for one in price_experiments.all_experiments(connection) if one.state == "running"]


@requires(Permission.READ)
def live_epoch(connection: sa.Connection) -> int:
    """Epoch of what is live; 0 where nothing was ever live."""
    current = releases.current_release(connection)
    return current.epoch if current else 0


@requires(Permission.READ)
def served_experiments(connection: sa.Connection, epoch: int) -> published.LiveExperiments:
    """The experiments that readers should follow, those with a withdrawn version left out.

    Args:
        connection: of the control database.
        epoch: of what is live; the document holds with it alone.
    Returns:
        A document without an epoch of its own yet.
    """
    current = releases.current_release(connection)
    is_killed = current is not None and current.is_killed
    running = [] if is_killed else running_experiments(connection)
    served = tuple(
        _as_published(one)
        for one in running
        if all(_is_served(connection, version) for version in versions_of(one))
    )
    return published.LiveExperiments(0, served, epoch)


@needs_no_permission
def versions_of(experiment: Experiment) -> tuple[str, ...]:
    """Versions of rules that its arms name."""
    named = (arm.version for arm in experiment.plan.arms)
    return tuple(version for version in named if version not in (AS_LIVE, BASE_PRICE))


@requires(Permission.KILL)
def stop_left_behind(
    connection: sa.Connection, release: PublishedRelease, *, now_ms: int
) -> tuple[str, ...]:
    """Stop experiments that serve rules which a switch has taken away; returns their ids.

    A rollback is for all sessions, so an arm may go on only with the version it leads to; the kill
    switch ends every arm with rules.

    Args:
        connection: of `write_transaction`.
        release: the switch, done.
        now_ms: UTC milliseconds.
    """
    if release.kind not in _WORDS:
        return ()
    allowed = () if release.is_killed else (release.version,)
    stopped = [
        one
        for one in running_experiments(connection)
        if any(version not in allowed for version in versions_of(one))
    ]
    for one in stopped:
        why = f"Stopped since {_WORDS[release.kind]} (version no. {release.epoch})."
        price_experiments.stop_experiment(
            connection, Internal.WATCHER, one.experiment_id, why, now_ms=now_ms
        )
    return tuple(one.experiment_id for one in stopped)


@requires(Permission.KILL)
def sync_experiments(settings: Settings, client: redis.Redis, *, now_ms: int) -> bool:
    """Bring the server in line with the control database; returns whether it was not.

    Raises:
        NotSwitchedError, UncertainError: the server could not be updated.
        ConflictError: the audit chain does not hold, and arms would be signed.
    """
    with control_database(settings).connect() as connection:
        wanted = served_experiments(connection, live_epoch(connection))
    if wanted.experiments and not _is_same(read_verified(client, signing_key(settings)), wanted):
        require_intact_audit(settings)
    return publish_served(client, signing_key(settings), wanted, now_ms=now_ms)


@requires(Permission.KILL)
def publish_served(
    client: redis.Redis, key: SigningKey, wanted: published.LiveExperiments, *, now_ms: int
) -> bool:
    """Publish experiments unless readers have the same ones; returns whether it was needed.

    Raises:
        NotSwitchedError, UncertainError: the server could not be updated.
    """
    for left in reversed(range(_TRIES)):
        found = read_verified(client, key)
        if _is_same(found, wanted):
            return False
        # The clock, so that epochs grow also after the server has lost its content.
        epoch = max(now_ms, found.epoch + 1 if found else 1)
        document = published.LiveExperiments(epoch, wanted.experiments, wanted.live_epoch)
        try:
            published.publish_experiments(client, key, document)
            return True
        except NotSwitchedError as error:
            # Another process published to the server meanwhile: read it again.
            if not left or not isinstance(error, ConflictError):
                raise
    return True


@requires(Permission.READ)
def read_verified(client: redis.Redis, key: SigningKey) -> published.LiveExperiments | None:
    """The experiments that readers follow; None where there are none that anybody signed."""
    try:
        return published.read_experiments(client, key.public_keys)
    except DataError:
        return None


def _is_same(found: published.LiveExperiments | None, wanted: published.LiveExperiments) -> bool:
    there: Sequence[published.LiveExperiment] = found.experiments if found else ()
    if tuple(there) != wanted.experiments:
        return False
    return not wanted.experiments or (found is not None and found.live_epoch == wanted.live_epoch)


def _is_served(connection: sa.Connection, version: str) -> bool:
    try:
        return releases.request_of(connection, version).state in SERVED
    except NotFoundError:
        return False


def _as_published(one: Experiment) -> published.LiveExperiment:
    arms = tuple(published.LiveArm(arm.name, arm.share, arm.version) for arm in one.plan.arms)
    return published.LiveExperiment(one.experiment_id, one.salt, arms)
