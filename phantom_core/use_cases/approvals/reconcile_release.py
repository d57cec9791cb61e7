"""Settle: tell a server of a switch, and find out what became of one that was interrupted."""

from contextlib import suppress

import redis

from phantom_core.approvals import releases
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.errors import DataError, NotFoundError
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
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_documents import documents_of, live_of
from phantom_core.use_cases.models.publish_model import bring_in_use


def reconcile_release(settings: Settings, client: redis.Redis, *, now_ms: int) -> None:
    """Finish or undo a switch whose process died, by what the server holds.

    Raises:
        UnavailableError: the server does not answer, so nobody knows.
    """
    with control_database(settings).connect() as connection:
        waiting = releases.pending_release(connection)
    if waiting is None:
        return
    with control_database(settings).connect() as connection:
        live, documents = live_of(waiting), documents_of(connection, waiting)
    try:
        held = read_live(client)
    except DataError:
        held = None
    if held is None or held.epoch < live.epoch:
        # The interrupted command may still be on its way: the same switch again is safe, and then
        # it is certain.
        push_release(settings, client, waiting, live, documents, now_ms)
    elif held == live:
        _finish(settings, waiting, now_ms)
    else:
        _fail(settings, waiting, f"The server holds epoch {held.epoch}.", now_ms)


def publish_models(settings: Settings, client: redis.Redis, now_ms: int) -> None:
    """Put the models in use beside the rules, where they are not there yet."""
    for kind in MODEL_KINDS.names():
        with suppress(NotFoundError):
            bring_in_use(settings, client, kind, now_ms)


def push_release(
    settings: Settings,
    client: redis.Redis,
    release: PublishedRelease,
    live: Live,
    documents: list[Document],
    now_ms: int,
) -> PublishedRelease:
    """Have a server switch, and write down what became of it.

    Raises:
        NotSwitchedError: it took nothing, and the release has failed.
        UncertainError: nobody knows; the release stays pending until the server can be asked.
    """
    try:
        publish_release(client, live, documents)
    except UncertainError:
        raise  # It stays pending until the server can be asked.
    except NotSwitchedError as error:
        _fail(settings, release, str(error), now_ms)
        raise
    return _finish(settings, release, now_ms)


def _finish(settings: Settings, release: PublishedRelease, now_ms: int) -> PublishedRelease:
    with write_transaction(control_database(settings)) as connection:
        return releases.finish_release(connection, release, now_ms=now_ms)


def _fail(settings: Settings, release: PublishedRelease, problem: str, now_ms: int) -> None:
    with write_transaction(control_database(settings)) as connection:
        releases.fail_release(connection, release, problem, now_ms=now_ms)
