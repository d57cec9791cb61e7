"""Forged widget states change nothing, whichever account sends them.

PHANTOM_TEST_FUZZ_S says for how many seconds each sender goes on; ten minutes find what the usual
few seconds cannot.
"""

import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed

from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.valkey.server import stop_embedded
from tests.pages.browser import served
from tests.pages.conftest import SCREENS
from tests.security.accounts import PASSWORD, add_accounts
from tests.security.websocket_client import Drawn, Window, sign_in, window

pytestmark = pytest.mark.slow

FUZZ_S = float(os.environ.get("PHANTOM_TEST_FUZZ_S", "5"))
MOST_GROWTH_BYTES = 400 << 20
PEOPLE = "SELECT login, name, role, origin, password, is_active FROM people ORDER BY 1"
KEPT = (
    "limits",
    "change_requests",
    "decisions",
    "evidence",
    "releases",
    "price_experiments",
    "jobs",
)
FOLDERS = ("mappings", "scenarios", "rule_sets", "rules", "uploads", "demo", "models")
HOSTILE = (
    "",
    "=1+1",
    "../../../etc/passwd",
    "/etc/passwd",
    "![x](https://evil.test/x.png)",
    "\x00\ud7ff\U0010ffff",
    "' OR 1=1 --",
    "[" * 2_000,
    "max",
    "1e309",
    "9" * 400,
)


@pytest.fixture(scope="module")
def shop(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    workspace = shutil.copytree(trained, tmp_path_factory.mktemp("forged") / "shop")
    settings = Settings(workspace=workspace, redis_url="")
    add_accounts(settings)
    yield settings
    stop_embedded(settings)


@pytest.fixture(scope="module")
def address(shop: Settings) -> Iterator[str]:
    with served(shop.workspace) as url:
        yield url


@pytest.fixture(scope="module")
def known(address: str) -> dict[str, dict[str, str]]:
    """Kind of each widget by page and id, as those see it who may click it."""
    found: dict[str, dict[str, str]] = {page: {} for page in SCREENS}
    for login in ("root", "max", "ana"):
        with window(address, sign_in(address, login, PASSWORD)) as seen:
            for page in SCREENS:
                found[page] |= seen.run(page).widgets
    assert sum(kind == "button" for page in found.values() for kind in page.values()) > 20
    return found


@pytest.mark.parametrize("login", ["", "vera"])
def test_no_forged_click_changes_anything(
    login: str, address: str, shop: Settings, known: dict[str, dict[str, str]]
) -> None:
    token = sign_in(address, login, PASSWORD) if login else ""
    before, server = _kept(shop), _server(shop)
    size_bytes = server.memory_info().rss
    drawn = _fuzz(address, token, known, random.Random(20_261))
    assert drawn.tracebacks == []
    assert _kept(shop) == before
    assert server.memory_info().rss - size_bytes < MOST_GROWTH_BYTES


def test_bytes_that_are_no_message_end_that_window_alone(address: str) -> None:
    draw = random.Random(7)
    for n_bytes in (0, 1, 17, 4_096, 1 << 20):
        with window(address) as seen:
            seen.send(draw.randbytes(n_bytes))
            with pytest.raises((ConnectionClosed, TimeoutError)):
                seen.wait_closed(0.2)
    with window(address) as seen:
        assert seen.run().texts


def _fuzz(address: str, token: str, known: dict[str, dict[str, str]], draw: random.Random) -> Drawn:
    """Send forged states for FUZZ_S seconds, each page at least once."""
    ends_s = time.monotonic() + FUZZ_S
    found, rounds = Drawn(), 0
    while time.monotonic() < ends_s or rounds < len(SCREENS):
        page = SCREENS[rounds % len(SCREENS)]
        with window(address, token) as seen:
            _add(found, seen.run(page))
            for _ in range(3):
                _add(found, _forge(seen, page, known, draw))
                if time.monotonic() > ends_s:
                    break
        rounds += 1
    return found


def _forge(seen: Window, page: str, known: dict[str, dict[str, str]], draw: random.Random) -> Drawn:
    elsewhere = draw.choice(SCREENS)
    widgets = known[page] | (known[elsewhere] if draw.random() < 0.3 else {})
    states = tuple(_state(one, kind, draw) for one, kind in widgets.items() if draw.random() < 0.7)
    return seen.run(page, states, query=draw.choice(("", "session=x", "request=1", "propose=a")))


def _state(widget: str, kind: str, draw: random.Random) -> WidgetState:
    state = WidgetState(id=widget)
    match kind:
        case "button":
            state.trigger_value = True
        case "checkbox":
            state.bool_value = draw.random() < 0.5
        case "text_input" | "text_area" | "color_picker" | "selectbox":
            state.string_value = draw.choice(HOSTILE)
        case "number_input":
            state.double_value = draw.choice((-1e300, -1, 0, 0.5, 1e300))
        case "slider":
            state.double_array_value.data.append(draw.choice((-1e300, -1, 0, 0.5, 1e300)))
        case "multiselect" | "button_group":
            state.string_array_value.data.append(draw.choice(HOSTILE))
        case "file_uploader":
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.name, info.file_id, info.size = "../../x.csv", draw.choice(HOSTILE), 1
        case _:
            state.json_value = json.dumps({"x": draw.choice(HOSTILE)})
    return state


def _add(found: Drawn, more: Drawn) -> None:
    found.tracebacks += more.tracebacks


def _kept(settings: Settings) -> dict[str, object]:
    """Everything that a forged click could have changed."""
    with control_database(settings).connect() as connection:
        rows: dict[str, object] = {"people": connection.execute(sa.text(PEOPLE)).all()}
        rows |= {
            table: connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1")).all()
            for table in KEPT
        }
    files = [path for name in FOLDERS for path in (settings.workspace / name).rglob("*")]
    return rows | {str(path): path.stat().st_size for path in files if path.is_file()}


def _server(settings: Settings) -> psutil.Process:
    wanted = str(settings.workspace)
    return next(
        one
        for one in psutil.Process().children(recursive=True)
        if "streamlit" in " ".join(one.cmdline())
        and one.environ().get("PHANTOM_WORKSPACE") == wanted
    )
