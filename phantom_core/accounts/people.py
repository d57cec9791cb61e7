"""People: the accounts of users, and their roles."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal, is_internal, require_name
from phantom_core.accounts.passwords import hash_password
from phantom_core.accounts.remembered_grants import forget_grants
from phantom_core.accounts.roles import PERMISSIONS, Permission, Role, roles_with
from phantom_core.accounts.waiting import GUARDED, clock_ms, has_guarded, waits_until
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from phantom_core.core.lookalikes import check_name, require_distinct
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, write_transaction

Origin = Literal["local", "oidc", "demo"]
PEOPLE: Final = sa.Table(
    "people",
    METADATA,
    sa.Column("login", sa.String(128), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("password", sa.Text, nullable=False),
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("locked_until_ms", sa.BigInteger, nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("waits_until_ms", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("granted_by", sa.String(128), nullable=False, server_default=sa.text("''")),
)
# While there is no administrator, a command on this machine may add the first one.
MACHINE: Final = Internal.SHELL
DEMO: Final = {
    "demo-analyst": ("Demo analyst", Role.ANALYST),
    "demo-manager": ("Demo manager", Role.MANAGER),
}
_SIGN_INS: Final = sa.table("sign_ins", sa.column("login"))
_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9_.@+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Person:
    """An account.

    Attributes:
        login: its name, lower case.
        name: of the person, as shown.
        origin: local (a password here), oidc (an identity provider) or demo (one click).
        must_change: the password was set by an administrator.
        waits_until_ms: until then, or until another administrator confirms the account, it may not
            use permissions that move prices, UTC milliseconds; 0 for never.
        granted_by: who gave it the role, or the password, for which it waits.
    """

    login: str
    name: str
    role: Role
    origin: Origin
    must_change: bool
    is_active: bool
    waits_until_ms: int = 0
    granted_by: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        return self.is_active and permission in PERMISSIONS[self.role]

    def waits(self, now_ms: int) -> bool:
        """Whether permissions that move prices still wait for another administrator."""
        return self.waits_until_ms > now_ms


def require_permission(connection: sa.Connection, login: str, permission: Permission) -> Person:
    """The account, if its role has a permission.

    Args:
        connection: reads the current role.
        login: of the account.
        permission: that is required.
    Raises:
        NotAllowedError: the account is unknown, disabled, or of a role without the permission, or
            the current actor may not act under its login.
    """
    require_name(login)
    person = find_account(connection, login)
    if person is None or not person.is_active:
        raise NotAllowedError(
            f"There is no active account '{login}'." if login else "This needs an account.",
            hint="Sign in, or ask an administrator for one.",
        )
    if person.must_change and permission is not Permission.READ:
        raise NotAllowedError(
            f"{person.name} still has the password that an administrator set.",
            hint="Change it first.",
        )
    if not person.may(permission):
        raise NotAllowedError(
            f"{person.name} is {'an' if person.role[0] in 'aeiou' else 'a'} {person.role} and may "
            f"not {permission}.",
            hint=f"Ask {roles_with(permission)}.",
        )
    # The first administrator, whom the owner of this machine adds, invites the others at once.
    is_first = permission is Permission.PEOPLE and is_internal(person.granted_by)
    if permission in GUARDED and not is_first and person.waits(clock_ms()):
        raise NotAllowedError(
            f"{person.name} was given this role, or a new password, within the last day, and may "
            f"not {permission} yet.",
            hint=f"An administrator other than {person.granted_by} can confirm the account on the "
            "page People, or with `user confirm`.",
        )
    return person


def normalise_login(text: str) -> str:
    """A login as it is stored: compatible characters and letters in their plain, lower form.

    >>> normalise_login(" Ａna ")
    'ana'
    """
    return unicodedata.normalize("NFKC", text).strip().casefold()


def name_fingerprint(login: str, name: str) -> str:
    """What audit entries hold of an account's name, so that an erasure leaves no name in them."""
    return audit.fingerprint(login, name)


def find_account(connection: sa.Connection, login: str) -> Person | None:
    """An account, or None."""
    row = connection.execute(PEOPLE.select().where(PEOPLE.c.login == login)).mappings().first()
    return _person(row) if row else None


def list_accounts(engine: sa.Engine) -> list[Person]:
    """All accounts, by login."""
    with engine.connect() as connection:
        return [
            _person(row)
            for row in connection.execute(PEOPLE.select().order_by(PEOPLE.c.login)).mappings()
        ]


def add_person(
    engine: sa.Engine,
    who: str,
    login: str,
    *,
    name: str,
    role: Role,
    password: str,
    now_ms: int,
    must_change: bool = True,
) -> Person:
    """Add a local account; the first one is an administrator's and disables the demo accounts.

    Args:
        engine: control database.
        who: administrator, or MACHINE while there is none.
        login: lower case letters, digits and . _ - + @.
        name: of the person, as shown.
        role: of the account.
        password: its first one.
        now_ms: the clock, UTC milliseconds.
        must_change: whether it must be changed at first use.
    Raises:
        InputError: a login or password that cannot be used.
        ConflictError: the login is taken, or looks like another one.
        NotAllowedError: not by this person.
    """
    given, login = login, normalise_login(login)
    if not _LOGIN.fullmatch(login):
        raise InputError(
            f"'{given}' cannot be a login.", hint="Use lower case letters, digits and . _ - + @."
        )
    check_name(name, "account")
    hashed = hash_password(password, login)
    with write_transaction(engine) as connection:
        _require_administrator(connection, who, role)
        if find_account(connection, login):
            raise ConflictError(
                f"There is already an account '{login}'.", hint="Choose another login."
            )
        _require_own_look(connection, login, name or login)
        _require_room(connection, role)
        until_ms = _wait(connection, role, now_ms)
        insert_account(
            connection,
            login,
            name=name or login,
            role=role,
            origin="local",
            password=hashed,
            must_change=must_change,
            now_ms=now_ms,
            waits_until_ms=until_ms,
            granted_by=str(who),
        )
        audit.append_entry(
            connection,
            now_ms,
            who,
            "person.added",
            f"person {login}",
            {
                "role": role.value,
                "password": audit.fingerprint(hashed),
                "waits_until_ms": until_ms,
                "origin": "local",
                "must_change": must_change,
                "name": name_fingerprint(login, name or login),
            },
        )
        _end_demo(connection, who, now_ms)
        found = find_account(connection, login)
    forget_grants()
    assert found
    return found


def change_person(
    engine: sa.Engine,
    who: str,
    login: str,
    *,
    now_ms: int,
    role: Role | None = None,
    is_active: bool | None = None,
) -> None:
    """Change the role of an account, or disable or enable it.

    Raises:
        NotFoundError: no such account.
        ConflictError: there would be no administrator left.
    """
    with write_transaction(engine) as connection:
        if not isinstance(who, Internal):
            require_permission(connection, who, Permission.PEOPLE)
        person = find_account(connection, login)
        if person is None:
            raise NotFoundError(f"There is no account '{login}'.")
        values: dict[str, object] = {
            "role": role or person.role,
            "is_active": person.is_active if is_active is None else is_active,
        }
        if _gains(person, role or person.role, bool(values["is_active"])):
            if person.origin == "local":
                _require_room(connection, role or person.role)
            values |= {
                "waits_until_ms": _wait(connection, role or person.role, now_ms),
                "granted_by": str(who),
            }
        connection.execute(PEOPLE.update().where(PEOPLE.c.login == login).values(values))
        if not values["is_active"]:
            # Switched on again, the account has to sign in anew.
            connection.execute(sa.delete(_SIGN_INS).where(_SIGN_INS.c.login == login))
        if person.role is Role.ADMINISTRATOR and not has_administrator(connection):
            raise ConflictError(
                "There would be no administrator left.", hint="Add another one first."
            )
        audit.append_entry(connection, now_ms, who, "person.changed", f"person {login}", values)
    forget_grants()


def insert_account(
    connection: sa.Connection,
    login: str,
    *,
    name: str,
    role: Role,
    origin: Origin,
    password: str,
    must_change: bool,
    now_ms: int,
    waits_until_ms: int = 0,
    granted_by: str = "",
) -> None:
    """Store an account."""
    connection.execute(
        PEOPLE.insert().values(
            login=login,
            name=name,
            role=role.value,
            origin=origin,
            password=password,
            must_change=must_change,
            failed=0,
            locked_until_ms=0,
            is_active=True,
            created_ms=now_ms,
            waits_until_ms=waits_until_ms,
            granted_by=granted_by,
        )
    )


def confirm_person(engine: sa.Engine, who: str, login: str, *, now_ms: int) -> None:
    """Confirm that an account may use its new role, by an administrator who did not give it.

    Raises:
        NotFoundError: no such account.
        NotAllowedError: not by this person.
        ConflictError: the account does not wait.
    """
    with write_transaction(engine) as connection:
        judge = require_permission(connection, who, Permission.PEOPLE)
        person = find_account(connection, login)
        if person is None:
            raise NotFoundError(f"There is no account '{login}'.")
        if not person.waits(now_ms):
            raise ConflictError(f"{person.name} does not wait for anything.")
        if who in (login, person.granted_by) or judge.waits(now_ms):
            raise NotAllowedError(
                f"{judge.name} may not confirm {person.name}: it takes another administrator, who "
                "does not wait for a confirmation.",
                hint="Without one, the account waits for a day.",
            )
        connection.execute(PEOPLE.update().where(PEOPLE.c.login == login).values(waits_until_ms=0))
        audit.append_entry(
            connection,
            now_ms,
            who,
            "person.confirmed",
            f"person {login}",
            {
                "role": person.role.value,
                "granted_by": person.granted_by,
                "waits_until_ms": 0,
            },
        )
    forget_grants()


def wait_again(connection: sa.Connection, login: str, who: str, now_ms: int) -> dict[str, object]:
    """Columns of an account whose password was set, which waits where another person did it."""
    person = find_account(connection, login)
    if person is None or str(who) == login:
        return {}
    return {"waits_until_ms": _wait(connection, person.role, now_ms), "granted_by": str(who)}


def has_provider_people(connection: sa.Connection) -> bool:
    """Whether people sign in by an identity provider; local accounts then are for emergencies."""
    query = sa.select(PEOPLE.c.login).where(PEOPLE.c.origin == "oidc").limit(1)
    return connection.execute(query).first() is not None


def has_accounts(connection: sa.Connection) -> bool:
    """Whether there are accounts other than the demo ones."""
    return (
        connection.execute(
            sa.select(PEOPLE.c.login).where(PEOPLE.c.origin != "demo").limit(1)
        ).first()
        is not None
    )


def has_administrator(connection: sa.Connection) -> bool:
    """Whether there is an active administrator."""
    query = sa.select(PEOPLE.c.login).where(
        PEOPLE.c.role == Role.ADMINISTRATOR.value, PEOPLE.c.is_active
    )
    return connection.execute(query.limit(1)).first() is not None


def _require_own_look(connection: sa.Connection, login: str, name: str) -> None:
    """Reject a login or a name that approvers could take for another account's."""
    accounts = connection.execute(sa.select(PEOPLE.c.login, PEOPLE.c.name)).all()
    require_distinct(login, [one.login for one in accounts], "account")
    require_distinct(name, [text for one in accounts for text in (one.login, one.name)], "account")


def _require_administrator(connection: sa.Connection, who: str, role: Role) -> None:
    if not isinstance(who, Internal):
        require_permission(connection, who, Permission.PEOPLE)
    elif not has_administrator(connection) and role is not Role.ADMINISTRATOR:
        raise InputError(
            "The first account must be an administrator's.",
            hint="Add it with --role administrator.",
        )


def _require_room(connection: sa.Connection, role: Role) -> None:
    """Beside an identity provider, one local administrator is left for emergencies.

    Otherwise a person of the provider could approve their own change with a local account.
    """
    if not has_provider_people(connection):
        return
    local = sa.select(PEOPLE.c.login).where(
        PEOPLE.c.origin == "local",
        PEOPLE.c.role == Role.ADMINISTRATOR.value,
        PEOPLE.c.is_active,
    )
    if role is not Role.ADMINISTRATOR or connection.execute(local.limit(1)).first():
        raise ConflictError(
            "People sign in by an identity provider, beside which there is one local "
            "administrator for emergencies, and no other local account.",
            hint="Give the role at the provider.",
        )


def _wait(connection: sa.Connection, role: Role, now_ms: int) -> int:
    if not has_guarded(role):
        return 0
    first = connection.execute(
        sa.select(sa.func.min(PEOPLE.c.created_ms)).where(PEOPLE.c.origin != "demo")
    ).scalar()
    return waits_until(connection, first, now_ms)


def _gains(person: Person, role: Role, is_active: bool) -> bool:
    """Whether a change gives permissions that wait."""
    return is_active and has_guarded(role) and (role is not person.role or not person.is_active)


def _end_demo(connection: sa.Connection, who: str, now_ms: int) -> None:
    ended = connection.execute(
        PEOPLE.update().where(PEOPLE.c.origin == "demo", PEOPLE.c.is_active).values(is_active=False)
    ).rowcount
    if ended:
        audit.append_entry(
            connection, now_ms, who, "demo.ended", "demo people", {"switched_off": ended}
        )


def _person(row: sa.RowMapping) -> Person:
    return Person(
        row["login"],
        row["name"],
        Role(row["role"]),
        row["origin"],
        row["must_change"],
        bool(row["is_active"]),
        row["waits_until_ms"],
        row["granted_by"],
    )
