"""No person can be locked out, enumerated, impersonated, or stand in for all approvers."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from phantom_core.accounts import sign_in as accounts
from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import acting_as
from phantom_core.accounts.identity import identity_of_claims
from phantom_core.accounts.passwords import hash_password, password_matches
from phantom_core.accounts.people import (
    MACHINE,
    add_person,
    change_person,
    confirm_person,
    find_account,
    require_permission,
)
from phantom_core.accounts.roles import Permission, Role
from phantom_core.accounts.sign_in import (
    find_signed_in,
    note_use,
    reset_password,
    sign_in,
    sign_in_identity,
    sign_out,
)
from phantom_core.accounts.throttle import (
    FREE_TRIES,
    FREE_TRIES_OF_ADDRESS,
    LONGEST_MS,
    count_failure,
    is_throttled,
)
from phantom_core.accounts.waiting import WAIT_MS
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotSignedInError,
)
from phantom_core.core.settings import Settings
from phantom_core.core.workspace_id import workspace_id
from phantom_core.database.connection import control_of, write_transaction
from phantom_core.jobs.jobs import Jobs
from phantom_core.use_cases.data.demo import remove_demo
from phantom_core.use_cases.data.job_demo import DemoRequest
from tests.databases import database_url, engine
from tests.pages.browser import served
from tests.security.accounts import PASSWORD, add_accounts
from tests.security.websocket_client import sign_in as open_session
from tests.security.websocket_client import window

__all__ = ["database_url", "engine"]

HOUR_MS = 3_600_000
NOW_MS = time.time_ns() // 1_000_000
ISSUER = "https://id.example"
CLAIMS = {
    "iss": ISSUER,
    "sub": "4711",
    "iat": NOW_MS // 1_000,
    "email": "mia@shop.example",
    "email_verified": True,
    "name": "Mia",
}


@pytest.fixture
def staffed(engine: sa.Engine) -> sa.Engine:
    """Accounts of all roles, added long ago."""
    for login, role in (
        ("root", Role.ADMINISTRATOR),
        ("ada", Role.ADMINISTRATOR),
        ("vera", Role.VIEWER),
        ("max", Role.MANAGER),
    ):
        add(engine, MACHINE if login == "root" else "root", login, role, 1)
    return engine


def add(engine: sa.Engine, who: str, login: str, role: Role, now_ms: int) -> None:
    add_person(
        engine,
        who,
        login,
        name=login.title(),
        role=role,
        password=PASSWORD,
        now_ms=now_ms,
        must_change=False,
    )


def enter(engine: sa.Engine, login: str, password: str, address: str, now_ms: int = 10) -> bool:
    try:
        return bool(sign_in(engine, login, password, now_ms=now_ms, hours=1, address=address))
    except NotSignedInError:
        return False


def test_wrong_passwords_lock_nobody_out_from_elsewhere(staffed: sa.Engine) -> None:
    for _ in range(2 * FREE_TRIES):
        assert not enter(staffed, "max", "wrong password", "203.0.113.9")
    assert not enter(staffed, "max", PASSWORD, "203.0.113.9")
    assert enter(staffed, "max", PASSWORD, "198.51.100.1")
    assert enter(staffed, "max", PASSWORD, "203.0.113.9", 10 + LONGEST_MS)


def test_the_wait_grows_and_one_address_cannot_try_all_accounts(staffed: sa.Engine) -> None:
    waits, now_ms = [], 0
    for _ in range(12):
        fail(staffed, "max", "203.0.113.9", now_ms)
        steps = range(0, LONGEST_MS + 1, 1_000)
        waits.append(next(ms for ms in steps if not is_late(staffed, "max", now_ms + ms)))
        now_ms += waits[-1]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] > 60_000
    for number in range(FREE_TRIES_OF_ADDRESS):
        fail(staffed, f"guess{number}", "192.0.2.7", 10)
    assert not enter(staffed, "max", PASSWORD, "192.0.2.7")


def fail(engine: sa.Engine, login: str, address: str, now_ms: int = 10) -> None:
    """A wrong password, without the work of comparing it."""
    with write_transaction(engine) as connection:
        count_failure(connection, login, address, now_ms)


def is_late(engine: sa.Engine, login: str, now_ms: int) -> bool:
    with engine.connect() as connection:
        return is_throttled(connection, login, "203.0.113.9", now_ms)


def test_an_ipv6_household_is_one_address(staffed: sa.Engine) -> None:
    for number in range(2 * FREE_TRIES):
        fail(staffed, "max", f"2001:db8::{number:x}")
    assert not enter(staffed, "max", PASSWORD, "2001:db8::ffff")
    assert enter(staffed, "max", PASSWORD, "2001:db8:1::1")


def test_every_refusal_is_the_same_and_takes_the_same_work(
    staffed: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_person(staffed, "root", "vera", now_ms=2, is_active=False)
    for _ in range(FREE_TRIES + 2):
        fail(staffed, "max", "203.0.113.9")
    verified: list[str] = []
    verify = password_matches
    monkeypatch.setattr(
        accounts,
        "password_matches",
        lambda stored, password: (verified.append(password), verify(stored, password))[1],
    )
    seen = {}
    for name, login, password, address in (
        ("unknown", "nobody", PASSWORD, "198.51.100.1"),
        ("wrong", "root", "wrong password", "198.51.100.2"),
        ("off", "vera", PASSWORD, "198.51.100.3"),
        ("throttled", "max", PASSWORD, "203.0.113.9"),
        ("demo", "demo-manager", "", "198.51.100.4"),
    ):
        statements: list[str] = []

        def note(*given: object, found: list[str] = statements) -> None:
            found.append(str(given[2]).split(" ")[0])

        sa.event.listen(staffed, "before_cursor_execute", note)
        with pytest.raises(NotSignedInError) as refused:
            sign_in(staffed, login, password, now_ms=20, hours=1, address=address)
        sa.event.remove(staffed, "before_cursor_execute", note)
        seen[name] = (str(refused.value), statements)
    assert len(verified) == len(seen)
    assert len({text for text, _ in seen.values()}) == 1
    assert len({tuple(found) for _, found in seen.values()}) == 1


def test_no_address_is_stored(staffed: sa.Engine) -> None:
    enter(staffed, "max", "wrong password", "203.0.113.9")
    with staffed.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM sign_in_failures")).all()
    assert rows
    assert "203.0.113" not in str(rows)
    assert "max" not in str(rows)


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "aaaaaaaaaa",
        " " * 10,
        "abababababab",
        "qwertyuiop",
        "password123",
        "max-max-max-max",
        "0987654321",
        "ababcdcdabab",
        "phantom2026!"[:11],
        "１２３４５６７８９０",
    ],
)
def test_passwords_that_everybody_tries_first_are_refused(password: str) -> None:
    with pytest.raises(InputError):
        hash_password(password, "max")


@pytest.mark.parametrize(
    "password", [PASSWORD, "another long one", "xK9#vq2Lp!", "drei alte Fahrräder"]
)
def test_other_passwords_are_taken(password: str) -> None:
    assert password_matches(hash_password(password, "max"), password)


def test_passwords_are_hashed_at_the_cost_that_rfc_9106_recommends(real_hashes: None) -> None:
    stored = hash_password(PASSWORD, "max")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert password_matches(stored, PASSWORD)
    assert not password_matches(stored, PASSWORD + "r")


def test_logins_are_normalised(staffed: sa.Engine) -> None:
    with pytest.raises(ConflictError):
        add(staffed, "root", "ＭＡＸ", Role.VIEWER, 2)
    assert enter(staffed, " Ｍax ", PASSWORD, "")
    for forged in ("@shell", "this machine", "a\nb", "", "x" * 300, "oidc:1", "аna"):
        with pytest.raises(InputError):
            add(staffed, "root", forged, Role.VIEWER, 2)


def identity(**changed: object) -> object:
    return identity_of_claims({**CLAIMS, **changed}, now_ms=NOW_MS, hours=12)


def provided(engine: sa.Engine, now_ms: int = NOW_MS, **changed: object) -> str:
    found = identity_of_claims({**CLAIMS, **changed}, now_ms=now_ms, hours=12)
    return sign_in_identity(engine, found, role=Role.MANAGER, now_ms=now_ms, hours=12, idle_hours=2)


def test_a_person_of_a_provider_is_issuer_and_subject(engine: sa.Engine) -> None:
    add(engine, MACHINE, "mia@shop.example", Role.ADMINISTRATOR, 1)
    own = {
        provided_login(engine, provided(engine, **changed))
        for changed in (
            {},
            {"sub": "0815"},
            {"iss": "https://other.example"},
            {"sub": "mia@shop.example"},
            {"sub": "@shell"},
        )
    }
    assert len(own) == 5
    assert all(login.startswith("oidc:") for login in own)


def provided_login(engine: sa.Engine, token: str) -> str:
    found = find_signed_in(engine, token, NOW_MS + 1)
    assert found
    return found.login


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"iss": ""},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": NOW_MS // 1_000 - 12 * 3_600 - 1},
        {"iat": NOW_MS // 1_000 - 20 * 24 * 3_600},
        {"iat": NOW_MS // 1_000 + 3_600},
        {"sub": "x" * 300},
    ],
)
def test_claims_that_name_nobody_or_are_old_open_nothing(claims: dict[str, object]) -> None:
    with pytest.raises(NotSignedInError):
        identity(**claims)


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_that_is_not_verified_is_not_shown(verified: object) -> None:
    found = identity(
        email_verified=verified, email="root@shop.example", name="a\nb\u202e" + "x" * 300
    )
    assert "root" not in found.name  # type: ignore[attr-defined]
    assert found.name.isprintable()  # type: ignore[attr-defined]
    assert len(found.name) < 128  # type: ignore[attr-defined]


def test_a_providers_session_ends_as_set_and_at_sign_out(engine: sa.Engine) -> None:
    add(engine, MACHINE, "root", Role.ADMINISTRATOR, 1)
    late_ms = NOW_MS + 11 * HOUR_MS
    first, second = provided(engine), provided(engine, late_ms)
    assert find_signed_in(engine, second, late_ms + 1)
    assert find_signed_in(engine, second, NOW_MS + 12 * HOUR_MS + 1) is None
    sign_out(engine, second)
    assert find_signed_in(engine, first, NOW_MS + 1) is None
    with pytest.raises(NotSignedInError, match="has ended"):
        provided(engine, late_ms)
    assert provided(engine, late_ms, iat=late_ms // 1_000)


def test_beside_a_provider_nobody_has_a_second_account(engine: sa.Engine) -> None:
    add(engine, MACHINE, "root", Role.ADMINISTRATOR, 1)
    add(engine, "root", "max", Role.MANAGER, 1)
    token = sign_in(engine, "max", PASSWORD, now_ms=NOW_MS, hours=1)
    provided(engine)
    assert find_signed_in(engine, token, NOW_MS + 1) is None
    assert not enter(engine, "max", PASSWORD, "")
    assert enter(engine, "root", PASSWORD, "")
    for role in (Role.MANAGER, Role.VIEWER, Role.ADMINISTRATOR):
        with pytest.raises(ConflictError, match="identity provider"):
            add(engine, "root", "second", role, NOW_MS)


def test_a_sign_in_that_is_not_used_ends(staffed: sa.Engine) -> None:
    token = sign_in(staffed, "max", PASSWORD, now_ms=0, hours=12, idle_hours=1)
    for moment in range(1, 6):
        note_use(staffed, token, moment * HOUR_MS // 2)
        assert find_signed_in(staffed, token, moment * HOUR_MS // 2 + 1)
    assert find_signed_in(staffed, token, 5 * HOUR_MS // 2 + HOUR_MS) is None
    note_use(staffed, token, 5 * HOUR_MS)
    assert find_signed_in(staffed, token, 5 * HOUR_MS) is None


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMINISTRATOR])
def test_one_administrator_makes_no_eyes_of_their_own(staffed: sa.Engine, role: Role) -> None:
    add(staffed, "root", "puppet", role, NOW_MS)
    guarded = Permission.APPROVE if role is Role.MANAGER else Permission.LIMITS
    assert is_refused(staffed, "puppet", guarded)
    assert not is_refused(staffed, "puppet", Permission.KILL)
    for judge in ("root", "puppet", "max", "vera"):
        with pytest.raises(NotAllowedError):
            confirm_person(staffed, judge, "puppet", now_ms=NOW_MS)
    confirm_person(staffed, "ada", "puppet", now_ms=NOW_MS)
    assert not is_refused(staffed, "puppet", guarded)


def test_a_puppet_administrator_confirms_nobody(staffed: sa.Engine) -> None:
    add(staffed, "root", "puppet", Role.ADMINISTRATOR, NOW_MS)
    add(staffed, "root", "hand", Role.MANAGER, NOW_MS)
    with pytest.raises(NotAllowedError, match="may not manage people yet"):
        confirm_person(staffed, "puppet", "hand", now_ms=NOW_MS)


@pytest.mark.parametrize("way", ["role", "password", "active"])
def test_neither_a_new_role_nor_password_nor_return_gives_eyes(
    staffed: sa.Engine, way: str
) -> None:
    login = "vera" if way == "role" else "max"
    if way == "role":
        change_person(staffed, "root", login, now_ms=NOW_MS, role=Role.MANAGER)
    elif way == "password":
        reset_password(staffed, "root", login, "another long one", now_ms=NOW_MS)
        accounts.change_password(
            staffed, login, "another long one", "yet another one", now_ms=NOW_MS
        )
    else:
        change_person(staffed, "root", login, now_ms=NOW_MS, is_active=False)
        change_person(staffed, "root", login, now_ms=NOW_MS, is_active=True)
    assert is_refused(staffed, login, Permission.APPROVE)
    assert is_refused(staffed, login, Permission.PUBLISH)
    with write_transaction(staffed) as connection:
        connection.execute(
            sa.text("UPDATE people SET waits_until_ms = waits_until_ms - :day"), {"day": WAIT_MS}
        )
    assert not is_refused(staffed, login, Permission.APPROVE)


def test_people_of_the_first_day_begin_at_once(engine: sa.Engine) -> None:
    add(engine, MACHINE, "root", Role.ADMINISTRATOR, NOW_MS)
    add(engine, "root", "max", Role.MANAGER, NOW_MS)
    assert not is_refused(engine, "max", Permission.APPROVE)
    with engine.connect() as connection:
        assert find_account(connection, "max").waits_until_ms == 0  # type: ignore[union-attr]


def is_refused(engine: sa.Engine, login: str, permission: Permission) -> bool:
    with engine.connect() as connection:
        try:
            require_permission(connection, login, permission)
        except NotAllowedError:
            return True
    return False


def test_only_its_owner_opens_a_workspace(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "new" / "shop", redis_url="", database_url="")
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    (old / "control.sqlite").touch(mode=0o644)
    control_engine(settings).connect().close()
    control_of("", old).connect().close()
    workspace_id(tmp_path / "other")
    assert mode(settings.workspace) == mode(tmp_path / "other") == 0o700
    assert mode(settings.paths.control_database) == 0o600
    for path in (old, *old.iterdir()):
        assert not mode(path) & 0o007


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_jobs_are_cancelled_by_their_owner_or_the_kill_switch(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, redis_url="", database_url="")
    add_accounts(settings)
    jobs = Jobs(settings)
    jobs._spawn = lambda *_: None  # type: ignore[method-assign, assignment]
    for owner, others, ends in (("ana", ("vera", "gone"), "ana"), ("ana", ("vera",), "max")):
        with acting_as(Account(owner), settings):
            job = jobs.start(DemoRequest())
        for other in others:
            with acting_as(Account(other), settings), pytest.raises(NotAllowedError):
                jobs.cancel(job.job_id)
        assert not jobs.get(job.job_id).cancel
        with acting_as(Account(ends), settings):
            jobs.cancel(job.job_id)
        assert jobs.get(job.job_id).cancel
    with acting_as(Account("max"), settings):
        job = jobs.start(DemoRequest())
    with acting_as(Account("ana"), settings), pytest.raises(NotAllowedError, match="kill switch"):
        jobs.cancel(job.job_id)
    with control_of("", tmp_path).connect() as connection:
        query = sa.text("SELECT who FROM audit WHERE action = 'job.cancelled' ORDER BY seq")
        assert [row.who for row in connection.execute(query)] == ["ana", "max"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Settings]]:
    """The app of an installation with accounts."""
    settings = Settings(workspace=tmp_path_factory.mktemp("doors") / "shop")
    remove_demo(settings)
    add_accounts(settings)
    with served(settings.workspace, FORWARDED_ALLOW_IPS="127.0.0.1") as url:
        yield url, settings


def test_a_page_that_redraws_shows_the_door_to_a_deactivated_account(
    app: tuple[str, Settings],
) -> None:
    url, settings = app
    with window(url, open_session(url, "vera", PASSWORD)) as seen:
        seen.run()
        drawn = seen.run("live")
        assert any("No release is live" in text for text in drawn.texts), drawn
        change_person(control_engine(settings), "root", "vera", now_ms=NOW_MS, is_active=False)
        time.sleep(0.6)
        again = [seen.run("live", part=part) for part in sorted(drawn.fragments)]
        again.append(seen.run("live"))
    assert not any("No release is live" in text for one in again for text in one.texts)


def test_over_tls_the_cookie_belongs_to_this_host_alone(app: tuple[str, Settings]) -> None:
    url, _ = app
    answer = httpx.post(
        f"{url}/account/sign-in",
        data={"login": "max", "password": PASSWORD},
        headers={
            "Origin": url.replace("http:", "https:"),
            "X-Forwarded-Proto": "https",
            "Referer": url,
        },
    )
    cookie = next(one for one in answer.headers.get_list("set-cookie") if "refused" not in one)
    assert cookie.startswith("__Host-phantom_sign_in=")
    assert all(word in cookie for word in ("HttpOnly", "Secure", "Path=/", "SameSite"))
    assert "Domain" not in cookie
