"""Server comparison: every key that readers follow, against what the control side published.

What nobody signed, what is gone and what was put there by somebody else is named, and can be
restored; a document that the control side signed later than the database knows is never touched
without a person.
"""

from contextlib import suppress
from typing import Final

import redis
import sqlalchemy as sa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.divergence import (
    Divergence,
    compare_documents,
    compare_release,
    read_found,
    restore_documents,
)
from phantom_core.publishing.experiments import LiveExperiments, open_experiments, read_experiments
from phantom_core.publishing.figures import (
    open_elasticities,
    open_prices,
    publish_prices,
    read_elasticities,
    read_prices,
)
from phantom_core.publishing.live import open_live
from phantom_core.publishing.models import open_fields, read_fields
from phantom_core.publishing.names import (
    ELASTICITIES,
    EXPERIMENTS,
    LIVE,
    PRICES,
    STATEMENT,
    release_key,
)
from phantom_core.publishing.reading import as_bytes, read_stored
from phantom_core.publishing.release import RuleRelease, sign_release
from phantom_core.publishing.signed import UnsignedError
from phantom_core.publishing.statement import open_statement
from phantom_core.signing.keys import PublicKeys, public_keys, signing_key
from phantom_core.use_cases.approvals.approved_overrides import approved_figures
from phantom_core.use_cases.approvals.live_documents import document_of, expected_documents
from phantom_core.use_cases.approvals.live_experiments import live_epoch, served_experiments
from phantom_core.valkey.server import guarded_calls

_RULES: Final = "rules:"
_SCANNED_AT_ONCE: Final = 1_000
_TABLES: Final = (
    (PRICES, open_prices),
    (ELASTICITIES, open_elasticities),
    (STATEMENT, open_statement),
)


@requires(Permission.READ)
def compare_server(
    settings: Settings,
    client: redis.Redis,
    connection: sa.Connection,
    *,
    is_thorough: bool = False,
) -> tuple[Divergence, ...]:
    """Differences between the server and what was published; empty without any.

    Args:
        settings: keys and workspace.
        client: the server.
        connection: of the control database.
        is_thorough: also look for rules that were never released, which takes a walk over all keys.
    Raises:
        UnavailableError: the server does not answer.
    """
    keys = public_keys(settings)
    live, documents = expected_documents(connection)
    found = [
        *compare_documents(client, keys, live, documents),
        *_of_experiments(client, keys, connection),
        *(one for kind in MODEL_KINDS.names() for one in _of_model(client, keys, kind)),
        *(one for key, open_table in _TABLES for one in _of_table(client, keys, key, open_table)),
        *_of_prices(client, keys, connection),
    ]
    if is_thorough:
        found += [
            Divergence(key, "nothing", "rules that were never released")
            for key in stray_releases(client, connection)
        ]
    return tuple(found)


@requires(Permission.KILL)
def restore_server(
    settings: Settings, client: redis.Redis, connection: sa.Connection, *, force: bool
) -> None:
    """Restore what is live and the rules of running arms, and remove what nobody published.

    Experiments and models are published afterwards, by `sync_experiments` and `publish_models`.

    Args:
        settings: keys.
        client: the server.
        connection: of `write_transaction`, so that no switch begins meanwhile.
        force: also over a later epoch that the control side signed.
    Raises:
        ConflictError: a later signed epoch is there, and `force` is off.
        UnavailableError: the server does not answer.
    """
    key = signing_key(settings)
    keys = public_keys(settings)
    live, documents = expected_documents(connection)
    restore_documents(
        client, key, live, documents, force=force or not _is_live_signed(client, keys)
    )
    contents = {
        release_key(one.version): sign_release(key, one)
        for one in _arm_releases(connection, [one.version for one in documents])
    }
    forged = [name for name, open_table in _TABLES if _of_table(client, keys, name, open_table)]
    if _is_forged_experiments(client, keys):
        forged.append(EXPERIMENTS)
    forged += [
        MODEL_KINDS.find(kind).published_as
        for kind in MODEL_KINDS.names()
        if _of_model(client, keys, kind)
    ]
    forged += stray_releases(client, connection)
    table = approved_figures(connection)
    if table is None and _of_prices(client, keys, connection):
        forged.append(PRICES)
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        for name, content in contents.items():
            pipeline.set(name, content)
        for name in forged:
            pipeline.delete(name)
        pipeline.execute()
    if table is not None:
        publish_prices(client, key, table)


@requires(Permission.READ)
def newest_documents(client: redis.Redis, keys: PublicKeys) -> dict[str, int]:
    """Number of the newest document by kind, of those on the server that are signed.

    Raises:
        UnavailableError: the server does not answer.
    """
    found: dict[str, int] = {}
    with suppress(DataError):
        if experiments := read_experiments(client, keys):
            found["experiments"] = experiments.epoch
    for kind in MODEL_KINDS.names():
        with suppress(DataError):
            if fields := read_fields(client, kind):
                found[kind] = open_fields(keys, kind, fields).published_ms
    for kind, read in (("prices", read_prices), ("elasticity", read_elasticities)):
        with suppress(DataError):
            if figures := read(client, keys):
                found[kind] = figures.created_ms
    return found


@requires(Permission.READ)
def stray_releases(client: redis.Redis, connection: sa.Connection) -> list[str]:
    """Keys of rules that the control database has never released.

    Raises:
        UnavailableError: the server does not answer.
    """
    with guarded_calls(client):
        names = [
            as_bytes(name).decode(errors="surrogateescape")
            for name in client.scan_iter(f"{_RULES}*", count=_SCANNED_AT_ONCE)
        ]
    return [name for name in sorted(set(names)) if name != LIVE and _is_stray(connection, name)]


def _is_stray(connection: sa.Connection, name: str) -> bool:
    try:
        document_of(connection, name.removeprefix(_RULES).encode(errors="replace").decode())
    except NotFoundError:
        return True
    return False


def _is_live_signed(client: redis.Redis, keys: PublicKeys) -> bool:
    try:
        content = read_stored(client, LIVE)
        if content is not None:
            open_live(keys, content)
    except DataError:
        return False
    return True


def _of_experiments(
    client: redis.Redis, keys: PublicKeys, connection: sa.Connection
) -> list[Divergence]:
    wanted = served_experiments(connection, live_epoch(connection))
    expected = _describe_experiments(wanted)
    try:
        content = read_stored(client, EXPERIMENTS)
        there = open_experiments(keys, content) if content is not None else None
    except DataError as error:
        return [Divergence(EXPERIMENTS, expected, _unpublished(error))]
    found: list[Divergence] = []
    if (there.experiments if there else ()) != wanted.experiments:
        found.append(
            Divergence(EXPERIMENTS, expected, _describe_experiments(there) if there else "nothing")
        )
    elif there and wanted.experiments and there.live_epoch != wanted.live_epoch:
        found.append(
            Divergence(f"{EXPERIMENTS}, live_epoch", str(wanted.live_epoch), str(there.live_epoch))
        )
    releases = _arm_releases(connection, [])
    values = read_found(client, [release_key(one.version) for one in releases]) if releases else []
    for release, value in zip(releases, values, strict=True):
        found += compare_release(keys, release, value)
    return found


def _arm_releases(connection: sa.Connection, without: list[str]) -> list[RuleRelease]:
    """Releases that arms of running experiments name."""
    served = served_experiments(connection, live_epoch(connection))
    return [document_of(connection, one) for one in served.versions if one not in without]


def _is_forged_experiments(client: redis.Redis, keys: PublicKeys) -> bool:
    try:
        content = read_stored(client, EXPERIMENTS)
        if content is not None:
            open_experiments(keys, content)
    except DataError:
        return True
    return False


def _of_model(client: redis.Redis, keys: PublicKeys, kind: str) -> list[Divergence]:
    key = MODEL_KINDS.find(kind).published_as
    try:
        if fields := read_fields(client, kind):
            open_fields(keys, kind, fields)
    except DataError as error:
        return [Divergence(key, f"a {kind} that was published", _unpublished(error))]
    return []


def _of_table(
    client: redis.Redis, keys: PublicKeys, key: str, open_table: object
) -> list[Divergence]:
    assert callable(open_table)
    try:
        content = read_stored(client, key)
        if content is not None:
            open_table(keys, content)
    except DataError as error:
        return [Divergence(key, "figures that were published", _unpublished(error))]
    return []


def _of_prices(
    client: redis.Redis, keys: PublicKeys, connection: sa.Connection
) -> list[Divergence]:
    """Global prices that are signed, and not the approved ones."""
    wanted = approved_figures(connection)
    try:
        found = read_prices(client, keys)
    except DataError:
        return []  # named by `_of_table`
    if found == wanted:
        return []
    expected = f"the table {wanted.version} that was approved" if wanted else "nothing"
    there = f"the table {found.version}, which was not approved" if found else "nothing"
    return [Divergence(PRICES, expected, there)]


def _unpublished(error: DataError) -> str:
    said = error.message.removesuffix(".")
    what = "not published" if isinstance(error, UnsignedError) else "damaged"
    return f"a document that was {what} ({said})"


def _describe_experiments(experiments: LiveExperiments) -> str:
    names = ", ".join(one.experiment_id for one in experiments.experiments)
    return f"the experiments {names}" if names else "no experiments"
