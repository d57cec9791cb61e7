"""Verbs about people, their roles and the limits of prices."""

import math
from contextlib import suppress
from typing import Annotated

import typer

from phantom_core.accounts.roles import Role
from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, administrator, identified
from phantom_core.core.errors import InputError

Login = Annotated[str, typer.Argument(help="Lower case letters, digits and . _ - + @.")]
NewPassword = Annotated[
    str,
    typer.Option(
        envvar="PHANTOM_NEW_PASSWORD",
        prompt="New password",
        hide_input=True,
        confirmation_prompt=True,
        help="At least 10 characters.",
    ),
]


def add(
    login: Login,
    *,
    role: Annotated[Role, typer.Option(help="Role of the person.")],
    name: Annotated[str, typer.Option(help="As shown; default the login.")] = "",
    password: NewPassword,
    must_change: Annotated[
        bool, typer.Option(help="Require another password at first use.")
    ] = True,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Create an account; the first one must be an administrator's, and disables demo people."""
    from phantom_core.accounts.people import add_person
    from phantom_core.use_cases.approvals.change_requests import control_database

    with running(workspace, "adding", as_json=as_json) as (settings, _):
        author = administrator(settings, who, now_ms())
        person = add_person(
            control_database(settings),
            author,
            login,
            name=name,
            role=role,
            password=password,
            now_ms=now_ms(),
            must_change=must_change,
        )
        emit(
            {"login": person.login, "role": person.role.value, "must_change": person.must_change},
            as_json,
        )


def people(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """List accounts."""
    from phantom_core.accounts.people import list_accounts
    from phantom_core.use_cases.approvals.change_requests import control_database

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = list_accounts(control_database(settings))
        rows = [
            {
                "login": one.login,
                "name": one.name,
                "role": one.role.value,
                "origin": one.origin,
                "active": one.is_active,
                "waits": one.waits(now_ms()),
            }
            for one in found
        ]
        if as_json:
            emit({"people": rows}, as_json)
            return
        for row in rows:
            print(
                f"{row['login']:<28} {row['role']:<16} {row['origin']:<6} "
                f"{'' if row['active'] else 'switched off'}"
            )
        if not rows:
            print("There are no accounts yet: user add LOGIN --role administrator")


def change(
    login: Login,
    *,
    role: Annotated[Role | None, typer.Option(help="Another role.")] = None,
    active: Annotated[
        bool | None, typer.Option("--on/--off", help="Switch the account on or off.")
    ] = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Change the role of an account, or switch it off or on."""
    from phantom_core.accounts.people import change_person
    from phantom_core.use_cases.approvals.change_requests import control_database

    with running(workspace, "changing", as_json=as_json) as (settings, _):
        if role is None and active is None:
            raise InputError("There is nothing to change.", hint="Give --role, --on or --off.")
        change_person(
            control_database(settings),
            administrator(settings, who, now_ms()),
            login,
            now_ms=now_ms(),
            role=role,
            is_active=active,
        )
        emit({"login": login, "changed": True}, as_json)


def password(
    login: Login,
    *,
    password: NewPassword,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Reset a person's password, to be changed at first use."""
    from phantom_core.accounts.sign_in import reset_password
    from phantom_core.use_cases.approvals.change_requests import control_database

    with running(workspace, "changing", as_json=as_json) as (settings, _):
        reset_password(
            control_database(settings),
            administrator(settings, who, now_ms()),
            login,
            password,
            now_ms=now_ms(),
        )
        emit({"login": login, "changed": True}, as_json)


def confirm(
    login: Login, *, who: As = "", workspace: Workspace = None, as_json: Json = False
) -> None:
    """Confirm an account that another administrator gave a role or a password."""
    from phantom_core.accounts.people import confirm_person
    from phantom_core.use_cases.approvals.change_requests import control_database

    with running(workspace, "confirming", as_json=as_json) as (settings, _):
        confirm_person(
            control_database(settings),
            identified(settings, who, now_ms()),
            login,
            now_ms=now_ms(),
        )
        emit({"login": login, "confirmed": True}, as_json)


def limits(
    values: Annotated[
        list[str] | None, typer.Argument(help="name=value …; none lists them.")
    ] = None,
    *,
    ban: Annotated[
        list[str] | None, typer.Option(help="Features that must not change a price any more.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Banned features that may change a price again.")
    ] = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the guard rails, gates and banned features, or change some."""
    from dataclasses import asdict

    from phantom_core.approvals.limits import (
        read_banned_features,
        read_price_limits,
        set_banned_features,
        set_limits,
    )
    from phantom_core.use_cases.approvals.change_limits import change_bans
    from phantom_core.use_cases.approvals.change_requests import control_database

    with running(workspace, "changing", as_json=as_json) as (settings, _):
        if values:
            set_limits(
                control_database(settings),
                administrator(settings, who, now_ms()),
                dict(map(_limit, values)),
                settings,
                now_ms=now_ms(),
            )
        if ban or allow:
            before = read_banned_features(settings)
            set_banned_features(
                control_database(settings),
                administrator(settings, who, now_ms()),
                change_bans(before, ban=ban or (), allow=allow or ()),
                settings,
                now_ms=now_ms(),
            )
        banned = {"banned_features": list(read_banned_features(settings))}
        emit(asdict(read_price_limits(settings)) | banned, as_json)


def _limit(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    with suppress(ValueError):
        if math.isfinite(float(value)):
            return name, float(value)
    raise InputError(f"'{text}' is not a limit.", hint="Write it like human_premium_cap=0.03.")
