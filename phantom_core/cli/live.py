"""Verbs about what is live: publish, change rollout, roll back, kill, status, heal, watch."""

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from phantom_core.accounts.actors import Internal
from phantom_core.cli.change_requests import Number
from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, Why, identified

if TYPE_CHECKING:
    from phantom_core.approvals.emergencies import Emergency
    from phantom_core.approvals.releases import PublishedRelease


def publish(
    number: Number,
    *,
    share: Annotated[
        float | None,
        typer.Option(help="Share of the sessions; default the one it was approved for."),
    ] = None,
    why: Why = "",
    emergency: Annotated[
        str,
        typer.Option(
            help="Emergency publish without the required approvals, for this reason; see "
            "`rules preview`. Lowers prices, or takes a second person; reviewed afterwards."
        ),
    ] = "",
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Make an approved change live."""
    from phantom_core.use_cases.approvals.publish_rules import publish_request

    with running(workspace, "publishing", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        done = publish_request(
            settings, login, number, now_ms=now_ms(), share=share, why=why, emergency=emergency
        )
        emit(_shown(done), as_json)


def share(
    share: Annotated[
        float, typer.Argument(help="Share of the sessions; 1 makes it the only version.")
    ],
    *,
    why: Why,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Change the rollout of the canary."""
    from phantom_core.use_cases.approvals.publish_rules import set_share

    with running(workspace, "switching", as_json=as_json) as (settings, _):
        emit(
            _shown(
                set_share(
                    settings, identified(settings, who, now_ms()), share, why=why, now_ms=now_ms()
                )
            ),
            as_json,
        )


def guard(
    *,
    act: Annotated[
        bool,
        typer.Option(
            "--act",
            help="Also roll the canary back, or take the step of its ramp that is due; needs the "
            "right to publish.",
        ),
    ] = False,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Assess the live canary: whether it may grow, waits, or is rolled back, and why.

    The process that drains decisions does it every minute.
    """
    from phantom_core.use_cases.approvals.guard_rollout import assess_rollout, guard_rollout

    with running(workspace, "assessing the rollout", as_json=as_json) as (settings, _):
        if act:
            identified(settings, who, now_ms())
            found = guard_rollout(settings, now_ms=now_ms())
        else:
            found = assess_rollout(settings, now_ms=now_ms())
        emit({"rollout": found.to_json() if found else None}, as_json)


def rollback(
    version: Annotated[
        str | None,
        typer.Argument(
            help="Version to roll back to; 'base' for base prices, default the previous one."
        ),
    ] = None,
    *,
    why: Why,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Roll back to an earlier version, for all sessions."""
    from phantom_core.use_cases.approvals.publish_rules import roll_back

    with running(workspace, "rolling back", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        target = "" if version == "base" else version
        emit(_shown(roll_back(settings, login, target, why=why, now_ms=now_ms())), as_json)


def kill(*, why: Why, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Turn the kill switch on: every session pays the base price at once.

    Works without database and Redis too, by the kill file alone; the watcher then publishes it.
    """
    from sqlalchemy.exc import OperationalError

    from phantom_core.core.errors import UnavailableError
    from phantom_core.core.kill_file import KillOrder, kill_file_path, write_kill_file
    from phantom_core.use_cases.approvals.kill_switch import KillOutcome, kill_prices

    with running(workspace, "switching off", as_json=as_json) as (settings, _):
        try:
            login = identified(settings, who, now_ms())
            done = kill_prices(settings, login, why=why, now_ms=now_ms())
        except (OperationalError, UnavailableError) as error:
            # Whoever may write to the workspace may always do this.
            name = f"{who or 'somebody'} (not verified: the control database was away)"
            write_kill_file(settings, KillOrder(name, why, now_ms()))
            done = KillOutcome(None, str(kill_file_path(settings)), str(error))
        shown = _shown(done.release) if done.release else {"killed": True, "epoch": None}
        emit({**shown, "kill_file": done.kill_file, "problem": done.problem}, as_json)


def revive(*, why: Why, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Lift the kill switch, the published one and the kill file of this machine."""
    from phantom_core.use_cases.approvals.kill_switch import lift_kill

    with running(workspace, "switching on", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        done = lift_kill(settings, login, why=why, now_ms=now_ms())
        emit(_shown(done) if done else {"killed": False, "epoch": None}, as_json)


def status(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Rollout status: what is live, and whether the server is in sync; exit code 1 if not."""
    from phantom_core.use_cases.approvals.live_status import read_live_status
    from phantom_core.valkey.server import describe_server

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = read_live_status(settings, now_ms=now_ms())
        server = describe_server(settings)
        figures = {
            "server": server.url_without_password,
            "embedded": server.is_embedded,
            "live": _shown(found.release) if found.release else None,
            "divergences": [str(one) for one in found.divergences],
            "problem": found.problem,
            "emergencies": [_emergency(one) for one in found.emergencies],
        }
        emit(figures, as_json)
    if not found.is_well:
        raise typer.Exit(1)


def heal(
    *, why: Why = "", who: As = "", workspace: Workspace = None, as_json: Json = False
) -> None:
    """Restore on the server what the control database says is live."""
    from phantom_core.use_cases.approvals.live_status import heal_server

    with running(workspace, "healing", as_json=as_json) as (settings, _):
        found = heal_server(settings, identified(settings, who, now_ms()), why=why, now_ms=now_ms())
        emit({"healed": [str(one) for one in found]}, as_json)


def watch(
    *,
    every_s: Annotated[
        float, typer.Option("--every", min=0.1, help="Seconds between checks.")
    ] = 5.0,
    workspace: Workspace = None,
) -> None:
    """Publish and expire what is due, and detect drift, until stopped; a running app does too."""
    from phantom_core.use_cases.approvals.watch_server import watch_server

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with running(workspace, "watching", actor=Internal.WATCHER) as (settings, _):
        watch_server(settings, now_ms, stop, every_s)


def _emergency(found: "Emergency") -> dict[str, object]:
    return {
        "request": found.request_id,
        "who": found.who,
        "why": found.why,
        "prices": found.prices,
        "gates_overruled": list(found.gates),
        "review_by_ms": found.review_by_ms,
        "reviewed_by": found.reviewed_by,
    }


def _shown(release: "PublishedRelease") -> dict[str, object]:
    return {
        "epoch": release.epoch,
        "kind": release.kind,
        "request": release.request_id,
        "version": release.version,
        "share": release.share,
        "stable": release.stable,
        "killed": release.is_killed,
        "policy": release.policy,
        "who": release.who,
        "why": release.why,
        "audit": {"seq": release.audit_seq, "hash": release.audit_hash},
        "at_ms": release.at_ms,
    }
