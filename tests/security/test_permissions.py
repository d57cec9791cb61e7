"""Every action asks for a permission, and nothing is allowed without an actor."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core import use_cases, views
from phantom_core.accounts.account_actors import GUEST, Account, actor_of_job
from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.people import MACHINE, add_person, change_person, require_permission
from phantom_core.accounts.permissions import ACTIONS, Action, requires
from phantom_core.accounts.roles import PERMISSIONS, Permission, Role
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import NotAllowedError, NotSignedInError, PhantomError
from phantom_core.core.settings import Settings

PASSWORD = "correct horse battery"
ROOT = Path(__file__).parents[2]
# What a function that needs no permission must not take: it would be a way to stored state.
STATE = ("Settings", "Snapshot", "Lake", "StoredModel", "Connection", "Engine", "Redis", "Path")
PEOPLE = {
    "vera": Role.VIEWER,
    "ana": Role.ANALYST,
    "max": Role.MANAGER,
    "root": Role.ADMINISTRATOR,
}


def public_functions() -> dict[str, object]:
    """Every public function of use cases and views, by its full name."""
    found: dict[str, object] = {}
    for package in (use_cases, views):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            for name, value in vars(module).items():
                if (
                    inspect.isfunction(value)
                    and not name.startswith("_")
                    and inspect.unwrap(value).__module__ == info.name
                ):
                    found[f"{info.name}.{name}"] = value
    return found


FUNCTIONS = public_functions()
CHECKED = {name: action for name, action in ACTIONS.items() if name in FUNCTIONS}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with an account of each role, and one that was deactivated."""
    settings = Settings(workspace=tmp_path_factory.mktemp("roles"), redis_url="", database_url="")
    engine = control_engine(settings)
    for login, role in {"root": PEOPLE["root"], **PEOPLE, "gone": Role.MANAGER}.items():
        add_person(
            engine,
            MACHINE,
            login,
            name="",
            role=role,
            password=PASSWORD,
            now_ms=1,
            must_change=False,
        )
    change_person(engine, MACHINE, "gone", now_ms=2, is_active=False)
    return settings


@pytest.fixture
def nobody() -> Iterator[None]:
    """The test has no actor."""
    with acting_as(None):
        yield


def test_every_public_function_of_use_cases_and_views_says_what_it_needs() -> None:
    assert sorted(set(FUNCTIONS) - set(ACTIONS)) == []
    assert len(FUNCTIONS) > 250


@pytest.mark.parametrize("name", [name for name, one in CHECKED.items() if one.permission is None])
def test_what_needs_no_permission_cannot_reach_stored_state(name: str) -> None:
    signature = inspect.signature(inspect.unwrap(FUNCTIONS[name]))  # type: ignore[arg-type]
    taken = " ".join(str(one.annotation) for one in signature.parameters.values())
    assert not [kind for kind in STATE if re.search(rf"\b{kind}\b", taken)]


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("action", [one for one in CHECKED.values() if one.permission], ids=str)
def test_nothing_is_done_for_nobody(action: Action) -> None:
    with pytest.raises(NotSignedInError):
        call(action)


@pytest.mark.parametrize("login", [*PEOPLE, "gone", "unknown", "@shell", "@watcher", ""])
def test_each_role_does_what_it_may_and_nothing_else(settings: Settings, login: str) -> None:
    allowed = PERMISSIONS[PEOPLE[login]] if login in PEOPLE else frozenset()
    with acting_as(Account(login), settings):
        for action in CHECKED.values():
            if action.permission:
                assert is_refused(action) is (action.permission not in allowed), action


def test_a_guest_does_nothing_once_there_are_accounts(settings: Settings, tmp_path: Path) -> None:
    fresh = Settings(workspace=tmp_path, redis_url="", database_url="")
    for chosen, allowed in ((settings, set()), (fresh, {Permission.READ, Permission.WORK})):
        with acting_as(GUEST, chosen):
            for action in CHECKED.values():
                if action.permission:
                    assert is_refused(action) is (action.permission not in allowed), action


@pytest.mark.parametrize("actor", [one for one in Internal if one is not Internal.WATCHER])
def test_no_part_of_phantom_but_the_watcher_moves_prices(actor: Internal) -> None:
    with acting_as(actor):
        for action in CHECKED.values():
            if action.permission not in (
                None,
                Permission.READ,
                Permission.WORK,
                Permission.PRIVACY,
            ):
                assert is_refused(action), action


def test_a_role_that_was_withdrawn_ends_at_once(settings: Settings) -> None:
    engine = control_engine(settings)
    change_person(engine, MACHINE, "ana", now_ms=3, role=Role.ANALYST, is_active=True)
    with acting_as(Account("ana"), settings):
        assert not work(settings)
        change_person(engine, MACHINE, "ana", now_ms=4, is_active=False)
        assert work(settings)
        change_person(engine, MACHINE, "ana", now_ms=5, is_active=True)


def test_nobody_acts_under_another_login(settings: Settings) -> None:
    @requires(Permission.WORK)
    def signs(settings: Settings, who: str) -> str:
        return who

    with acting_as(Account("max"), settings):
        assert signs(settings, "max") == signs(settings, who="max") == "max"
        with pytest.raises(NotAllowedError, match="max may not act in the name of ana"):
            signs(settings, "ana")
        with (
            control_engine(settings).connect() as connection,
            pytest.raises(NotAllowedError, match="in the name of ana"),
        ):
            require_permission(connection, "ana", Permission.READ)
    with acting_as(Internal.SHELL), pytest.raises(NotAllowedError, match="in the name of max"):
        signs(settings, "max")


def test_an_internal_actor_is_a_type_and_not_a_name(settings: Settings) -> None:
    engine = control_engine(settings)
    for forged in ("@shell", "@watcher", "this machine", "schedule", ""):
        with pytest.raises(NotAllowedError):
            add_person(
                engine,
                forged,
                "mallory",
                name="",
                role=Role.ADMINISTRATOR,
                password=PASSWORD,
                now_ms=1,
            )
        with pytest.raises(NotAllowedError):
            change_person(engine, forged, "max", now_ms=1, is_active=False)
    for stored in ("@watcher", "@shell", "@guest", ""):
        assert actor_of_job(stored) is Internal.WORKER


def test_pages_run_fragments_and_callbacks_as_their_reader_alone() -> None:
    wrapped = {"fragment", "callback"}
    for path in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        if path.name == "fragments.py":
            continue
        text = path.read_text(encoding="utf-8")
        assert "st.fragment" not in text, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.keyword) and node.arg in ("on_click", "on_change"):
                is_plain = isinstance(node.value, ast.Constant)
                is_own = isinstance(node.value, ast.Call) and (
                    ast.unparse(node.value.func) in wrapped
                )
                assert is_plain or is_own or ast.unparse(node.value) == "leave_provider", path


def is_refused(action: Action) -> bool:
    """Whether the actor is refused before the function begins."""
    try:
        call(action)
    except (NotSignedInError, NotAllowedError):
        return True
    except TypeError:
        return False  # It began, and misses its arguments.
    return False


def call(action: Action) -> None:
    """Call a function without arguments: permissions are asked for before they are looked at."""
    FUNCTIONS[f"{action.module}.{action.name}"]()  # type: ignore[operator]


def work(settings: Settings) -> bool:
    """Whether the current actor is refused to work."""
    try:
        importlib.import_module("phantom_core.use_cases.data.ingest").ingest_files(
            settings, [], now_ms=1
        )
    except (NotSignedInError, NotAllowedError):
        return True
    except PhantomError:
        return False
    return False
