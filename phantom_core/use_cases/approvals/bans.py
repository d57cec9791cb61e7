"""Bans: rules that were approved before a feature was banned price nothing more."""

import json

import sqlalchemy as sa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.limits import read_banned_features
from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.rules.document import from_json


@requires(Permission.READ)
def check_bans(settings: Settings, connection: sa.Connection, request: Request) -> None:
    """Reject rules that read a feature which is banned now.

    Raises:
        ConflictError: they do.
    """
    banned = frozenset(read_banned_features(settings, connection))
    read = [name for name in from_json(json.loads(request.rules)).features if name in banned]
    if read:
        raise ConflictError(
            f"{request.version or request.name} reads {', '.join(read)}, which prices may not "
            "depend on since it was approved.",
            hint="Choose another version, or propose rules without it.",
        )
