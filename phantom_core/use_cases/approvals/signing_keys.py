"""Signing keys: which ones readers trust, and their rotation, trusted first and used then."""

from dataclasses import dataclass

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.signing.keys import prepare_key, public_keys, rotate_key, signing_key
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.confirm_live import has_server
from phantom_core.use_cases.approvals.live_status import heal_server


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """The keys of an installation.

    Attributes:
        signs: id of the key that documents are signed with.
        trusted: ids of the keys that readers trust, the current one first.
        public_keys_file: file to copy to pricing services on other machines.
    """

    signs: str
    trusted: tuple[str, ...]
    public_keys_file: str


@requires(Permission.READ)
def show_keys(settings: Settings) -> KeyStatus:
    """Ids of the keys; no private key is shown.

    Raises:
        UnavailableError, InputError: a key file cannot be read.
    """
    return KeyStatus(
        signing_key(settings).key_id,
        public_keys(settings).key_ids,
        str(settings.signing.public_keys_file or settings.paths.public_keys),
    )


@requires(Permission.LIMITS)
def prepare_signing_key(settings: Settings, who: str, *, now_ms: int) -> KeyStatus:
    """Create the next key and have readers trust it; nothing is signed with it yet.

    Args:
        settings: workspace and database.
        who: login of an administrator.
        now_ms: UTC milliseconds.
    Raises:
        InputError: the private key is a file of the settings.
    """
    made = prepare_key(settings)
    _audit(settings, who, "keys.prepared", {"key": made.key_id}, now_ms)
    return show_keys(settings)


@requires(Permission.LIMITS)
def rotate_signing_key(settings: Settings, who: str, *, now_ms: int) -> KeyStatus:
    """Sign with the prepared key, or else a new one, and sign again what is live.

    Args:
        settings: workspace, database and server.
        who: login of an administrator.
        now_ms: UTC milliseconds.
    Raises:
        InputError: the private key is a file of the settings.
        UnavailableError: the server does not answer; the watcher signs again later.
    """
    before = signing_key(settings).key_id
    made = rotate_key(settings)
    _audit(settings, who, "keys.rotated", {"before": before, "key": made.key_id}, now_ms)
    if has_server(settings):
        heal_server(settings, who, why="the signing key was rotated", now_ms=now_ms)
    return show_keys(settings)


def _audit(
    settings: Settings, who: str, action: str, details: dict[str, object], now_ms: int
) -> None:
    with write_transaction(control_database(settings)) as connection:
        audit.append_entry(connection, now_ms, who, action, "signing keys", details)
