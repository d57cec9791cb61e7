"""Reconcile a release: push a switch to the server, and finish one that was interrupted."""

import logging
from contextlib import suppress
from typing import Final

import redis

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.errors import ConflictError, DataError, NotFoundError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.live import Live
from phantom_core.publishing.publish import (
    NotSwitchedError,
    UncertainError,
    publish_release,
    read_live,
)
from phantom_core.publishing.release import RuleRelease as Document
from phantom_core.signing.keys import public_keys, signing_key
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_documents import documents_of, live_of
from phantom_core.use_cases.approvals.live_experiments import stop_left_behind, sync_experiments
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.use_cases.models.publish_model import publish_if_new
from phantom_core.valkey.server import connect_server

_LOG: Final = logging.getLogger(__name__)


@requires(Permission.KILL)
def reconcile_release(settings: Settings, client: redis.Redis, *, now_ms: int) -> None:
    """Finish or undo a switch whose process died, by what the server holds.

    A row that SQL made would be signed and served here, so the audit chain is verified first,
    unless the switch leads to base prices.

    Raises:
        UnavailableError: the server does not answer, so the outcome is unknown.
        ConflictError: the audit chain does not hold.
    """
    with control_database(settings).connect() as connection:
        pending = releases.pending_release(connection)
    if pending is None:
        return
    if not pending.is_to_base:
        require_intact_audit(settings)
    with control_database(settings).connect() as connection:
        live, documents = live_of(pending), documents_of(connection, pending)
    try:
        held = read_live(client, public_keys(settings))
    except DataError:
        held = None
    if held is None or held.epoch < live.epoch:
        # The interrupted command may still be on its way: pushing the same switch again is safe,
        # and makes the outcome certain.
        push_release(settings, client, pending, live, documents, now_ms)
    elif held == live:
        _finish(settings, pending, now_ms)
    else:
        _fail(settings, pending, f"The server holds version no. {held.epoch}.", now_ms)


@requires(Permission.KILL)
def publish_models(settings: Settings, client: redis.Redis, now_ms: int) -> None:
    """Publish the approved models beside the rules, where the server lacks them.

    One that cannot be used is left out, and rules that read it fall back: a switch must not wait.
    """
    for kind in MODEL_KINDS.names():
        with suppress(NotFoundError):
            try:
                publish_if_new(settings, client, kind, now_ms)
            except (DataError, ConflictError) as error:
                _LOG.warning("The %s is not published: %s", kind, error)


@requires(Permission.KILL)
def push_release(
    settings: Settings,
    client: redis.Redis,
    release: PublishedRelease,
    live: Live,
    documents: list[Document],
    now_ms: int,
) -> PublishedRelease:
    """Push a switch to a server, and record the outcome.

    Raises:
        NotSwitchedError: the server rejected it, and the release has failed.
        UncertainError: the outcome is unknown; the release stays pending until it is reconciled.
    """
    try:
        publish_release(client, signing_key(settings), live, documents)
    except UncertainError:
        raise  # The release stays pending until it is reconciled.
    except NotSwitchedError as error:
        _fail(settings, release, str(error), now_ms)
        raise
    return _finish(settings, release, now_ms)


def _finish(settings: Settings, release: PublishedRelease, now_ms: int) -> PublishedRelease:
    with write_transaction(control_database(settings)) as connection:
        done = releases.finish_release(connection, release, now_ms=now_ms)
        stop_left_behind(connection, done, now_ms=now_ms)
    with suppress(PhantomError), connect_server(settings) as client:
        # Readers ignore experiments of an earlier epoch, so a failure here serves live prices until
        # the watcher has published them again.
        sync_experiments(settings, client, now_ms=now_ms)
    return done


def _fail(settings: Settings, release: PublishedRelease, problem: str, now_ms: int) -> None:
    with write_transaction(control_database(settings)) as connection:
        releases.fail_release(connection, release, problem, now_ms=now_ms)
