"""Sign-in: a password, an identity provider or a demo account, in exchange for a token."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.passwords import hash_password, password_matches
from phantom_core.accounts.people import (
    DEMO,
    PEOPLE,
    Person,
    find_account,
    has_accounts,
    insert_account,
    require_permission,
)
from phantom_core.accounts.roles import Permission, Role
from phantom_core.core.errors import InputError, NotAllowedError, NotFoundError, NotSignedInError
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, write_transaction

SIGN_INS: Final = sa.Table(
    "sign_ins",
    METADATA,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("login", sa.String(128), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
)
TRIES: Final = 5
LOCK_MS: Final = 15 * 60 * 1_000
_HOUR_MS: Final = 3_600_000
_WRONG_PASSWORD: Final = "Wrong login or password."


def sign_in(engine: sa.Engine, login: str, password: str, *, now_ms: int, hours: float) -> str:
    """Open a session with a password; five wrong ones lock the account for a quarter of an hour.

    Returns:
        A token that identifies the session.
    Raises:
        NotSignedInError: wrong, locked or disabled; the message is the same for an unknown login
            and a wrong password.
    """
    with engine.connect() as connection:
        row = connection.execute(
            PEOPLE.select().where(
                PEOPLE.c.login == login.strip().lower(), PEOPLE.c.origin == "local"
            )
        ).first()
    is_right = password_matches(row.password if row else "", password)
    with write_transaction(engine) as connection:
        # Read again: other attempts may have been counted in the meantime.
        now = (
            connection.execute(PEOPLE.select().where(PEOPLE.c.login == row.login)).first()
            if row
            else None
        )
        if now is not None and now.locked_until_ms > now_ms:
            minutes = -(-(now.locked_until_ms - now_ms) // 60_000)
            problem = NotSignedInError(
                f"Too many wrong passwords: this account is locked for {minutes} more minutes.",
                hint="Or ask an administrator to reset it.",
            )
        elif (
            now is None
            or not is_right
            or not now.is_active
            or now.password != (row.password if row else "")
        ):
            _count_failure(connection, now, now_ms)
            problem = NotSignedInError(_WRONG_PASSWORD)
        else:
            connection.execute(
                PEOPLE.update()
                .where(PEOPLE.c.login == now.login)
                .values(failed=0, locked_until_ms=0)
            )
            return _open(connection, now.login, "password", now_ms, hours)
    raise problem


def sign_in_demo(engine: sa.Engine, login: str, *, now_ms: int, hours: float) -> str:
    """Sign in as a demo person, which is possible while there are no accounts.

    Raises:
        NotSignedInError: there are accounts, or no such demo person.
    """
    with write_transaction(engine) as connection:
        if login not in DEMO or has_accounts(connection):
            raise NotSignedInError(
                "There is no demo access here.", hint="Sign in with your account."
            )
        if find_account(connection, login) is None:
            name, role = DEMO[login]
            insert_account(
                connection,
                login,
                name=name,
                role=role,
                origin="demo",
                password="",
                must_change=False,
                now_ms=now_ms,
            )
        return _open(connection, login, "demo", now_ms, hours)


def sign_in_identity(
    engine: sa.Engine, subject: str, *, name: str, role: Role, now_ms: int, hours: float
) -> str:
    """Sign in with the claims of an identity provider; the account takes the provider's role.

    Args:
        engine: control database.
        subject: the provider's name of the person: e-mail or subject.
        name: as shown.
        role: mapped from the claims.
        now_ms: the clock, UTC milliseconds.
        hours: lifetime of the token.
    Raises:
        NotSignedInError: a local account of this login exists, or the account is disabled.
    """
    login = subject.strip().lower()
    with write_transaction(engine) as connection:
        person = find_account(connection, login)
        if person is not None and (person.origin != "oidc" or not person.is_active):
            raise NotSignedInError(
                f"'{login}' cannot sign in this way.", hint="Ask an administrator."
            )
        if person is None:
            insert_account(
                connection,
                login,
                name=name or login,
                role=role,
                origin="oidc",
                password="",
                must_change=False,
                now_ms=now_ms,
            )
            audit.append_entry(
                connection,
                now_ms,
                login,
                "person.added",
                f"person {login}",
                {"role": role.value, "origin": "oidc"},
            )
        elif person.role is not role or person.name != name:
            connection.execute(
                PEOPLE.update()
                .where(PEOPLE.c.login == login)
                .values(role=role.value, name=name or login)
            )
            audit.append_entry(
                connection,
                now_ms,
                login,
                "person.changed",
                f"person {login}",
                {"role": role.value, "origin": "oidc"},
            )
        return _open(connection, login, "oidc", now_ms, hours)


def role_of_claims(
    claims: Mapping[str, object], claim: str, mapping: Mapping[str, str]
) -> Role | None:
    """The highest role that a claim grants; None for none.

    Args:
        claims: of the provider.
        claim: name of the one that lists groups or roles.
        mapping: role by group.

    >>> roles = {"pricing": "pricing manager", "all": "viewer"}
    >>> role_of_claims({"groups": ["pricing", "all"]}, "groups", roles)
    <Role.MANAGER: 'pricing manager'>
    """
    given = claims.get(claim) or ()
    groups = (
        [given]
        if isinstance(given, str)
        else list(given)
        if isinstance(given, list | tuple)
        else []
    )
    found = {Role(mapping[str(group)]) for group in groups if str(group) in mapping}
    return next((role for role in reversed(Role) if role in found), None)


def find_signed_in(engine: sa.Engine, token: str, now_ms: int) -> Person | None:
    """The account of a token; None once it expired or the account was disabled."""
    with engine.connect() as connection:
        query = SIGN_INS.select().where(
            SIGN_INS.c.token_hash == _digest(token), SIGN_INS.c.expires_ms > now_ms
        )
        row = connection.execute(query).first() if token else None
        person = find_account(connection, row.login) if row else None
    return person if person and person.is_active else None


def sign_out(engine: sa.Engine, token: str) -> None:
    """End a token."""
    with write_transaction(engine) as connection:
        connection.execute(SIGN_INS.delete().where(SIGN_INS.c.token_hash == _digest(token)))


def identify_account(engine: sa.Engine, login: str, password: str | None, *, now_ms: int) -> str:
    """Verify the account of a command by its password; a demo one needs none.

    Returns:
        The login.
    Raises:
        NotSignedInError: no account was named, or the password is wrong.
    """
    if not login:
        raise NotSignedInError(
            "This command needs an account.", hint="Name it with --as, or in PHANTOM_USER."
        )
    if login in DEMO:
        sign_out(engine, sign_in_demo(engine, login, now_ms=now_ms, hours=1))
        return login
    sign_out(engine, sign_in(engine, login, password or "", now_ms=now_ms, hours=1))
    return login.strip().lower()


def change_password(
    engine: sa.Engine, login: str, old: str, new: str, *, now_ms: int, keep: str = ""
) -> None:
    """Change the password of an account; its other sessions end.

    Args:
        engine: control database.
        login: of the account.
        old: current password.
        new: password from now on.
        now_ms: the clock, UTC milliseconds.
        keep: token of the session that continues; empty for none.

    Raises:
        NotSignedInError: the old one is wrong.
        InputError: the new one is too short, or the same.
    """
    sign_out(engine, sign_in(engine, login, old, now_ms=now_ms, hours=1))
    if old == new:
        raise InputError("The new password is the same as the old one.", hint="Choose another.")
    _set(engine, login, new, login, must_change=False, now_ms=now_ms, keep=keep)


def reset_password(engine: sa.Engine, who: str, login: str, new: str, *, now_ms: int) -> None:
    """Set the password of an account, to be changed at first use, and lift a lock.

    Raises:
        NotAllowedError: not by this person, or the account has no password here.
        NotFoundError: no such account.
    """
    with engine.connect() as connection:
        if not isinstance(who, Internal):
            require_permission(connection, who, Permission.PEOPLE)
        person = find_account(connection, login)
    if person is None:
        raise NotFoundError(f"There is no account '{login}'.")
    if person.origin != "local":
        raise NotAllowedError(f"'{login}' does not sign in with a password.")
    _set(engine, login, new, who, must_change=True, now_ms=now_ms)


def _set(
    engine: sa.Engine,
    login: str,
    new: str,
    who: str,
    *,
    must_change: bool,
    now_ms: int,
    keep: str = "",
) -> None:
    password = hash_password(new)
    with write_transaction(engine) as connection:
        values = {
            "password": password,
            "must_change": must_change,
            "failed": 0,
            "locked_until_ms": 0,
        }
        connection.execute(PEOPLE.update().where(PEOPLE.c.login == login).values(values))
        connection.execute(
            SIGN_INS.delete().where(
                SIGN_INS.c.login == login, SIGN_INS.c.token_hash != _digest(keep)
            )
        )
        audit.append_entry(
            connection,
            now_ms,
            who,
            "person.password",
            f"person {login}",
            {"must_change": must_change, "password": audit.fingerprint(password)},
        )


def _open(connection: sa.Connection, login: str, how: str, now_ms: int, hours: float) -> str:
    token = secrets.token_urlsafe(32)
    connection.execute(SIGN_INS.delete().where(SIGN_INS.c.expires_ms <= now_ms))
    expires_ms = now_ms + round(hours * _HOUR_MS)
    connection.execute(
        SIGN_INS.insert().values(
            token_hash=_digest(token), login=login, created_ms=now_ms, expires_ms=expires_ms
        )
    )
    details = {"how": how, "sign_in": audit.fingerprint(_digest(token), login, expires_ms)}
    audit.append_entry(connection, now_ms, login, "signed.in", f"person {login}", details)
    return token


def _count_failure(
    connection: sa.Connection, row: sa.Row[tuple[object, ...]] | None, now_ms: int
) -> None:
    if row is None:
        return
    failed = row.failed + 1
    is_locked = failed >= TRIES
    values = {
        "failed": 0 if is_locked else failed,
        "locked_until_ms": now_ms + LOCK_MS if is_locked else 0,
    }
    connection.execute(PEOPLE.update().where(PEOPLE.c.login == row.login).values(values))
    audit.append_entry(
        connection,
        now_ms,
        row.login,
        "sign.in.refused",
        f"person {row.login}",
        {"failed": failed, "locked": is_locked},
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
