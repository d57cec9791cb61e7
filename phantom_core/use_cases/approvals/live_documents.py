"""Live documents: what pricing servers should hold, built from the control database."""

import sqlalchemy as sa

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.publishing.live import NOTHING_LIVE, Live
from phantom_core.publishing.release import RuleRelease as Document
from phantom_core.publishing.release import parse_release


@requires(Permission.READ)
def expected_documents(connection: sa.Connection) -> tuple[Live, list[Document]]:
    """What the server should hold according to the control database."""
    release = releases.current_release(connection)
    return (live_of(release), documents_of(connection, release)) if release else (NOTHING_LIVE, [])


@requires(Permission.READ)
def document_of(connection: sa.Connection, version: str) -> Document:
    """The release of one version, as published.

    Raises:
        NotFoundError: there is no such version.
    """
    return parse_release(releases.release_document(connection, version))


@requires(Permission.READ)
def documents_of(connection: sa.Connection, release: PublishedRelease) -> list[Document]:
    """The releases that a switch names, as published."""
    return [document_of(connection, version) for version in live_of(release).versions]


@needs_no_permission
def live_of(release: PublishedRelease) -> Live:
    """The live document of a switch."""
    return Live(
        epoch=release.epoch,
        version=release.version,
        share=release.share,
        stable=release.stable,
        salt=release.salt,
        is_killed=release.is_killed,
        policy=release.policy,
        lowest_markup=release.lowest_markup,
        highest_markup=release.highest_markup,
        audit_seq=release.audit_seq,
        audit_hash=release.audit_hash,
        switched_ms=release.at_ms,
    )
