"""People: the accounts of users, and their roles."""

import re
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal, require_name
from phantom_core.accounts.passwords import hash_password
from phantom_core.accounts.remembered_grants import forget_grants
from phantom_core.accounts.roles import PERMISSIONS, Permission, Role, roles_with
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
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
)
# While there is no administrator, a command on this machine may add the first one.
MACHINE: Final = Internal.SHELL
DEMO: Final = {
    "demo-analyst": ("Demo analyst", Role.ANALYST),
    "demo-manager": ("Demo manager", Role.MANAGER),
}
_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9_.@+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Person:
    """An account.

    Attributes:
        login: its name, lower case.
        name: of the person, as shown.
        origin: local (a password here), oidc (an identity provider) or demo (one click).
        must_change: the password was set by an administrator.
        locked_until_ms: end of a lock after wrong passwords, UTC milliseconds; 0 without a lock.
    """

    login: str
    name: str
    role: Role
    origin: Origin
    must_change: bool
    locked_until_ms: int
    is_active: bool

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        return self.is_active and permission in PERMISSIONS[self.role]


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
    return person


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
        ConflictError: the login is taken.
        NotAllowedError: not by this person.
    """
    if not _LOGIN.fullmatch(login):
        raise InputError(
            f"'{login}' cannot be a login.", hint="Use lower case letters, digits and . _ - + @."
        )
    hashed = hash_password(password)
    with write_transaction(engine) as connection:
        _require_administrator(connection, who, role)
        if find_account(connection, login):
            raise ConflictError(
                f"There is already an account '{login}'.", hint="Choose another login."
            )
        insert_account(
            connection,
            login,
            name=name or login,
            role=role,
            origin="local",
            password=hashed,
            must_change=must_change,
            now_ms=now_ms,
        )
        audit.append_entry(
            connection,
            now_ms,
            who,
            "person.added",
            f"person {login}",
            {"role": role.value, "password": audit.fingerprint(hashed)},
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
        connection.execute(PEOPLE.update().where(PEOPLE.c.login == login).values(values))
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
        )
    )


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


def _require_administrator(connection: sa.Connection, who: str, role: Role) -> None:
    if not isinstance(who, Internal):
        require_permission(connection, who, Permission.PEOPLE)
    elif not has_administrator(connection) and role is not Role.ADMINISTRATOR:
        raise InputError(
            "The first account must be an administrator's.",
            hint="Add it with --role administrator.",
        )


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
        row["locked_until_ms"],
        bool(row["is_active"]),
    )
