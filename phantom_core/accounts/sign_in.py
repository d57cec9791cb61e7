"""Sign-in: a password, an identity provider or a demo account, in exchange for a token."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.identity import Identity
from phantom_core.accounts.passwords import hash_password, password_matches
from phantom_core.accounts.people import (
    DEMO,
    PEOPLE,
    Person,
    find_account,
    has_accounts,
    has_provider_people,
    insert_account,
    name_fingerprint,
    normalise_login,
    require_permission,
    wait_again,
)
from phantom_core.accounts.remembered_grants import forget_grants
from phantom_core.accounts.roles import Permission, Role
from phantom_core.accounts.throttle import (
    FREE_TRIES,
    count_failure,
    forget_failures,
    is_throttled,
)
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
    sa.Column("seen_ms", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("idle_ms", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("identity", sa.String(64), nullable=False, server_default=sa.text("''")),
)
ENDED_IDENTITIES: Final = sa.Table(
    "ended_identities",
    METADATA,
    sa.Column("identity", sa.String(64), primary_key=True),
    sa.Column("ended_ms", sa.BigInteger, nullable=False),
)
_HOUR_MS: Final = 3_600_000
_SEEN_EVERY_MS: Final = 60_000
_ENDED_KEPT_MS: Final = 366 * 24 * _HOUR_MS
_WRONG_PASSWORD: Final = "Wrong login or password."
_WAIT: Final = "After several tries, wait a few minutes before the next one."


def sign_in(
    engine: sa.Engine,
    login: str,
    password: str,
    *,
    now_ms: int,
    hours: float,
    idle_hours: float = 0.0,
    address: str = "",
) -> str:
    """Open a session with a password; wrong ones slow down whoever tries them from an address.

    An unknown login, a wrong password, a disabled account and a try that comes too soon take the
    same work and get the same message.

    Args:
        engine: control database.
        login: as it was entered.
        password: as it was entered.
        now_ms: the clock, UTC milliseconds.
        hours: lifetime of the session.
        idle_hours: it ends earlier when it is not used for this long; 0 for no such end.
        address: of the browser; empty for a command of this machine.
    Returns:
        A token that identifies the session.
    Raises:
        NotSignedInError: not with these.
    """
    name = normalise_login(login)
    query = PEOPLE.select().where(PEOPLE.c.login == name, PEOPLE.c.origin == "local")
    with engine.connect() as connection:
        row = connection.execute(query).first()
    is_right = password_matches(row.password if row else "", password)
    with write_transaction(engine) as connection:
        # Read again: other attempts may have been counted in the meantime.
        now = connection.execute(query).first()
        is_late = is_throttled(connection, name, address, now_ms)
        has_provider = has_provider_people(connection)
        is_open = (
            now is not None
            and row is not None
            and now.password == row.password
            and _may_sign_in(now, has_provider=has_provider)
        )
        if is_right and is_open and not is_late:
            forget_failures(connection, name, address)
            return _open(connection, name, "password", now_ms, hours, idle_hours=idle_hours)
        failed = count_failure(connection, name, address, now_ms)
        if failed % FREE_TRIES == 0:
            _record_failures(connection, name if row else "", failed, now_ms)
    raise NotSignedInError(_WRONG_PASSWORD, hint=_WAIT)


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
    engine: sa.Engine,
    identity: Identity,
    *,
    role: Role,
    now_ms: int,
    hours: float,
    idle_hours: float = 0.0,
) -> str:
    """Sign in a person of an identity provider; the account takes the provider's role.

    The session ends as the settings say, counted from the provider's confirmation: bringing the
    same one again does not prolong it, and after signing out it opens nothing.

    Args:
        engine: control database.
        identity: of the provider's claims.
        role: mapped from the claims.
        now_ms: the clock, UTC milliseconds.
        hours: lifetime, from the provider's confirmation.
        idle_hours: it ends earlier when it is not used for this long; 0 for no such end.
    Raises:
        NotSignedInError: the account is disabled, or this confirmation has ended.
    """
    login = identity.login
    with write_transaction(engine) as connection:
        person = find_account(connection, login)
        ended = ENDED_IDENTITIES.select().where(ENDED_IDENTITIES.c.identity == identity.session)
        is_over = identity.issued_ms + round(hours * _HOUR_MS) <= now_ms
        if is_over or connection.execute(ended).first():
            raise NotSignedInError("This sign-in has ended.", hint="Sign in again.")
        if person is not None and (person.origin != "oidc" or not person.is_active):
            raise NotSignedInError(
                f"{identity.name} cannot sign in this way.", hint="Ask an administrator."
            )
        if person is None:
            insert_account(
                connection,
                login,
                name=identity.name,
                role=role,
                origin="oidc",
                password="",
                must_change=False,
                now_ms=now_ms,
            )
            _record_identity(connection, "person.added", identity, role, now_ms)
        elif person.role is not role or person.name != identity.name:
            connection.execute(
                PEOPLE.update()
                .where(PEOPLE.c.login == login)
                .values(role=role.value, name=identity.name)
            )
            _record_identity(connection, "person.changed", identity, role, now_ms)
        token = _open(
            connection,
            login,
            "oidc",
            now_ms,
            hours,
            idle_hours=idle_hours,
            began_ms=min(identity.issued_ms, now_ms),
            identity=identity.session,
        )
    forget_grants()
    return token


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
    """The account of a token; None once it expired, was idle, or the account was disabled."""
    if not token:
        return None
    with engine.connect() as connection:
        query = SIGN_INS.select().where(
            SIGN_INS.c.token_hash == _digest(token),
            SIGN_INS.c.expires_ms > now_ms,
            (SIGN_INS.c.idle_ms == 0) | (SIGN_INS.c.seen_ms + SIGN_INS.c.idle_ms > now_ms),
        )
        row = connection.execute(query).first()
        if row is None:
            return None
        account = connection.execute(PEOPLE.select().where(PEOPLE.c.login == row.login)).first()
        is_open = account is not None and _may_sign_in(
            account, has_provider=has_provider_people(connection)
        )
        return find_account(connection, row.login) if is_open else None


def note_use(engine: sa.Engine, token: str, now_ms: int) -> None:
    """Note that a session is used, about once a minute, so that it does not end as idle."""
    used = SIGN_INS.update().where(
        SIGN_INS.c.token_hash == _digest(token),
        SIGN_INS.c.idle_ms > 0,
        SIGN_INS.c.seen_ms < now_ms - _SEEN_EVERY_MS,
        SIGN_INS.c.seen_ms + SIGN_INS.c.idle_ms > now_ms,
    )
    with engine.connect() as connection:
        row = connection.execute(
            sa.select(SIGN_INS.c.seen_ms).where(SIGN_INS.c.token_hash == _digest(token))
        ).first()
    if row is not None and row.seen_ms < now_ms - _SEEN_EVERY_MS:
        with write_transaction(engine) as connection:
            connection.execute(used.values(seen_ms=now_ms))


def sign_out(engine: sa.Engine, token: str) -> None:
    """End a token; one of an identity provider ends with all that its confirmation has opened."""
    if not token:
        return
    with write_transaction(engine) as connection:
        row = connection.execute(
            SIGN_INS.select().where(SIGN_INS.c.token_hash == _digest(token))
        ).first()
        connection.execute(SIGN_INS.delete().where(SIGN_INS.c.token_hash == _digest(token)))
        if row is None or not row.identity:
            return
        connection.execute(SIGN_INS.delete().where(SIGN_INS.c.identity == row.identity))
        ended = ENDED_IDENTITIES.c
        connection.execute(
            ENDED_IDENTITIES.delete().where(
                (ended.identity == row.identity)
                | (ended.ended_ms < row.created_ms - _ENDED_KEPT_MS)
            )
        )
        connection.execute(
            ENDED_IDENTITIES.insert().values(identity=row.identity, ended_ms=row.created_ms)
        )


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
    return normalise_login(login)


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
    forget_grants()


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
    password = hash_password(new, login)
    with write_transaction(engine) as connection:
        waits = wait_again(connection, login, who, now_ms)
        values = {"password": password, "must_change": must_change, **waits}
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
            {"must_change": must_change, "password": audit.fingerprint(password), **waits},
        )


def _open(
    connection: sa.Connection,
    login: str,
    how: str,
    now_ms: int,
    hours: float,
    *,
    idle_hours: float = 0.0,
    began_ms: int | None = None,
    identity: str = "",
) -> str:
    token = secrets.token_urlsafe(32)
    connection.execute(SIGN_INS.delete().where(SIGN_INS.c.expires_ms <= now_ms))
    expires_ms = (now_ms if began_ms is None else began_ms) + round(hours * _HOUR_MS)
    connection.execute(
        SIGN_INS.insert().values(
            token_hash=_digest(token),
            login=login,
            created_ms=now_ms,
            expires_ms=expires_ms,
            seen_ms=now_ms,
            idle_ms=round(idle_hours * _HOUR_MS),
            identity=identity,
        )
    )
    details = {"how": how, "sign_in": audit.fingerprint(_digest(token), login, expires_ms)}
    audit.append_entry(connection, now_ms, login, "signed.in", f"person {login}", details)
    return token


def _may_sign_in(row: sa.Row[tuple[object, ...]], *, has_provider: bool) -> bool:
    """Whether an account is active and, where people sign in by a provider, for emergencies."""
    is_replaced = has_provider and row.origin == "local" and row.role != Role.ADMINISTRATOR.value
    return bool(row.is_active) and not is_replaced


def _record_failures(connection: sa.Connection, login: str, failed: int, now_ms: int) -> None:
    """Record many wrong passwords, with the login where there is such an account."""
    about = f"person {login}" if login else "an unknown login"
    audit.append_entry(
        connection, now_ms, login or "@visitor", "sign.in.refused", about, {"failed": failed}
    )


def _record_identity(
    connection: sa.Connection, action: str, identity: Identity, role: Role, now_ms: int
) -> None:
    audit.append_entry(
        connection,
        now_ms,
        identity.login,
        action,
        f"person {identity.login}",
        {
            "role": role.value,
            "origin": "oidc",
            "must_change": False,
            "name": name_fingerprint(identity.login, identity.name),
        },
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
