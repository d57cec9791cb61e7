"""Verbs about the keys with which the control side signs."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, administrator

if TYPE_CHECKING:
    from phantom_core.use_cases.approvals.signing_keys import KeyStatus


def show(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show which key signs, which ones readers trust, and the file of the public keys."""
    from phantom_core.use_cases.approvals.signing_keys import show_keys

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        emit(_shown(show_keys(settings)), as_json)


def prepare(*, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Create the next key and have readers trust it; copy the public keys to them now."""
    from phantom_core.use_cases.approvals.signing_keys import prepare_signing_key

    with running(workspace, "preparing", as_json=as_json) as (settings, _):
        login = administrator(settings, who, now_ms())
        emit(_shown(prepare_signing_key(settings, login, now_ms=now_ms())), as_json)


def rotate(*, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Sign with the prepared key, or else a new one, and sign again what is live."""
    from phantom_core.use_cases.approvals.signing_keys import rotate_signing_key

    with running(workspace, "rotating", as_json=as_json) as (settings, _):
        login = administrator(settings, who, now_ms())
        emit(_shown(rotate_signing_key(settings, login, now_ms=now_ms())), as_json)


def _shown(status: "KeyStatus") -> dict[str, object]:
    return {**asdict(status), "trusted": list(status.trusted)}
