"""Accounts: who may sign in, and what each role may do."""

import pytest
import sqlalchemy as sa

from phantom_core.accounts import sign_in
from phantom_core.accounts.identity import Identity
from phantom_core.accounts.people import (
    DEMO,
    MACHINE,
    Person,
    add_person,
    change_person,
    list_accounts,
    require_permission,
)
from phantom_core.accounts.roles import Permission, Role
from phantom_core.accounts.throttle import FREE_TRIES, LONGEST_MS
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, NotSignedInError

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(engine: sa.Engine) -> sa.Engine:
    add_person(
        engine,
        MACHINE,
        "root",
        name="Root",
        role=Role.ADMINISTRATOR,
        password=PASSWORD,
        now_ms=1,
        must_change=False,
    )
    add_person(
        engine,
        "root",
        "vic",
        name="Vic",
        role=Role.VIEWER,
        password=PASSWORD,
        now_ms=1,
        must_change=False,
    )
    return engine


def enter(
    engine: sa.Engine, login: str, password: str = PASSWORD, now_ms: int = 10
) -> Person | None:
    return sign_in.find_signed_in(
        engine, sign_in.sign_in(engine, login, password, now_ms=now_ms, hours=1), now_ms
    )


def test_the_right_password_opens_a_session_that_ends_by_itself(accounts: sa.Engine) -> None:
    token = sign_in.sign_in(accounts, "Vic", PASSWORD, now_ms=10, hours=1)
    person = sign_in.find_signed_in(accounts, token, 3_600_009)
    assert person and person.login == "vic"
    assert sign_in.find_signed_in(accounts, token, 3_600_010) is None


def test_wrong_passwords_delay_the_next_try_ever_longer(accounts: sa.Engine) -> None:
    for _ in range(FREE_TRIES):
        with pytest.raises(NotSignedInError, match="Wrong login or password"):
            enter(accounts, "vic", "wrong password")
    with pytest.raises(NotSignedInError, match="Wrong login or password"):
        enter(accounts, "vic")
    assert enter(accounts, "vic", now_ms=10 + LONGEST_MS)


def test_a_wrong_login_and_a_wrong_password_have_the_same_message(accounts: sa.Engine) -> None:
    with pytest.raises(NotSignedInError, match="Wrong login or password"):
        enter(accounts, "nobody")


def test_a_first_password_must_be_changed_before_anything_else(accounts: sa.Engine) -> None:
    add_person(accounts, "root", "max", name="", role=Role.MANAGER, password=PASSWORD, now_ms=1)
    with (
        accounts.connect() as connection,
        pytest.raises(NotAllowedError, match="Change it first"),
    ):
        require_permission(connection, "max", Permission.APPROVE)
    with pytest.raises(InputError, match="is the same as the old one"):
        sign_in.change_password(accounts, "max", PASSWORD, PASSWORD, now_ms=2)
    sign_in.change_password(accounts, "max", PASSWORD, "another long one", now_ms=2)
    with accounts.connect() as connection:
        assert require_permission(connection, "max", Permission.APPROVE).role is Role.MANAGER


def test_a_changed_password_ends_other_sessions(accounts: sa.Engine) -> None:
    token = sign_in.sign_in(accounts, "vic", PASSWORD, now_ms=10, hours=1)
    sign_in.change_password(accounts, "vic", PASSWORD, "another long one", now_ms=11)
    assert sign_in.find_signed_in(accounts, token, 12) is None


def test_the_session_that_changes_a_password_goes_on(accounts: sa.Engine) -> None:
    token, other = (
        sign_in.sign_in(accounts, "vic", PASSWORD, now_ms=10, hours=1) for _ in range(2)
    )
    sign_in.change_password(accounts, "vic", PASSWORD, "another long one", now_ms=11, keep=token)
    assert sign_in.find_signed_in(accounts, token, 12)
    assert sign_in.find_signed_in(accounts, other, 12) is None


def test_passwords_are_kept_as_argon2_hashes_and_short_ones_refused(accounts: sa.Engine) -> None:
    with accounts.connect() as connection:
        kept = connection.execute(
            sa.text("SELECT password FROM people WHERE login = 'vic'")
        ).scalar()
    assert str(kept).startswith("$argon2id$")
    with pytest.raises(InputError, match="at least 10"):
        add_person(accounts, "root", "max", name="", role=Role.MANAGER, password="short", now_ms=1)


def test_demo_people_end_with_the_first_account(accounts: sa.Engine) -> None:
    for login in DEMO:
        with pytest.raises(NotSignedInError, match="no demo access"):
            sign_in.sign_in_demo(accounts, login, now_ms=2, hours=1)
    with (
        accounts.connect() as connection,
        pytest.raises(NotAllowedError, match="no active account"),
    ):
        require_permission(connection, "demo-manager", Permission.PUBLISH)


def test_a_viewer_may_look_and_nothing_else(accounts: sa.Engine) -> None:
    with accounts.connect() as connection:
        require_permission(connection, "vic", Permission.READ)
        for permission in set(Permission) - {Permission.READ}:
            with pytest.raises(NotAllowedError, match="Vic is a viewer and may not"):
                require_permission(connection, "vic", permission)


def test_no_role_both_manages_people_and_approves(accounts: sa.Engine) -> None:
    with (
        accounts.connect() as connection,
        pytest.raises(NotAllowedError, match="may not approve changes"),
    ):
        require_permission(connection, "root", Permission.APPROVE)


def test_the_first_account_is_an_administrators(engine: sa.Engine) -> None:
    with pytest.raises(InputError, match="must be an administrator"):
        add_person(engine, MACHINE, "vic", name="", role=Role.VIEWER, password=PASSWORD, now_ms=1)


def test_the_last_administrator_stays(accounts: sa.Engine) -> None:
    with pytest.raises(ConflictError, match="There would be no administrator"):
        change_person(accounts, "root", "root", now_ms=2, role=Role.VIEWER)
    assert (
        next(one for one in list_accounts(accounts) if one.login == "root").role
        is Role.ADMINISTRATOR
    )


def test_a_switched_off_account_is_out_at_once(accounts: sa.Engine) -> None:
    token = sign_in.sign_in(accounts, "vic", PASSWORD, now_ms=10, hours=1)
    change_person(accounts, "root", "vic", now_ms=11, is_active=False)
    assert sign_in.find_signed_in(accounts, token, 12) is None
    with pytest.raises(NotSignedInError):
        enter(accounts, "vic")


def test_an_identity_providers_role_is_followed(accounts: sa.Engine) -> None:
    mapping = {"pricing": "pricing manager", "all": "viewer"}
    role = sign_in.role_of_claims({"groups": ["all", "pricing"]}, "groups", mapping)
    assert role is Role.MANAGER
    mia, now_ms = Identity("oidc:mia", "mia@shop.example", 4), 6
    token = sign_in.sign_in_identity(accounts, mia, role=role, now_ms=5, hours=1)
    person = sign_in.find_signed_in(accounts, token, now_ms)
    assert person and (person.login, person.role) == ("oidc:mia", Role.MANAGER)
    sign_in.sign_in_identity(accounts, mia, role=Role.VIEWER, now_ms=7, hours=1)
    with accounts.connect() as connection, pytest.raises(NotAllowedError):
        require_permission(connection, "oidc:mia", Permission.APPROVE)
