"""The routes that set and delete the sign-in cookie, as any client may ask them."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from phantom_core.accounts.people import MACHINE, add_person
from phantom_core.accounts.roles import Role
from phantom_core.accounts.sign_in import find_signed_in
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.data.demo import remove_demo
from tests.pages.browser import served

PASSWORD = "correct horse battery"
SIGN_IN, DEMO, SIGN_OUT = "/account/sign-in", "/account/demo", "/account/sign-out"
VIC = {"login": "vic", "password": PASSWORD}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(workspace=tmp_path_factory.mktemp("signed") / "shop")
    remove_demo(settings)
    engine = control_database(settings)
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
    return settings


@pytest.fixture(scope="module")
def address(shop: Settings) -> Iterator[str]:
    with served(shop.workspace, FORWARDED_ALLOW_IPS="127.0.0.1") as url:
        yield url


@pytest.fixture(scope="module")
def open_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An installation without accounts, behind a proxy that is not trusted."""
    workspace = tmp_path_factory.mktemp("open") / "shop"
    remove_demo(Settings(workspace=workspace))
    with served(workspace, FORWARDED_ALLOW_IPS="192.0.2.1") as url:
        yield url


def post(
    address: str, path: str, fields: dict[str, str], *, origin: str | None = "", **headers: str
) -> httpx.Response:
    """Post a form as a browser does from a page of the app; another origin, or None for none."""
    sent = {"Referer": f"{address}/people?q=1"} | headers
    if origin is not None:
        sent["Origin"] = origin or address.removesuffix("/phantom")
    return httpx.post(f"{address}{path}", data=fields, headers=sent)


def token_of(answer: httpx.Response) -> str:
    return answer.cookies["phantom_sign_in"]


def test_the_right_password_sets_a_cookie_that_no_script_reads_and_goes_back(
    address: str, shop: Settings
) -> None:
    answer = post(address, SIGN_IN, VIC)
    assert (answer.status_code, answer.headers["location"]) == (303, "/people?q=1")
    cookie = next(
        line
        for line in answer.headers.get_list("set-cookie")
        if line.startswith("phantom_sign_in=")
    )
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes >= {"httponly", "samesite=lax", "path=/", "max-age=43200"}
    assert "secure" not in attributes
    found = find_signed_in(control_database(shop), token_of(answer), 1)
    assert found and found.login == "vic"


def test_behind_a_trusted_proxy_that_speaks_tls_the_cookie_is_secure(
    address: str, open_address: str
) -> None:
    secure = post(
        address,
        SIGN_IN,
        VIC,
        origin=address.replace("http:", "https:"),
        **{"X-Forwarded-Proto": "https"},
    )
    assert "; secure" in secure.headers["set-cookie"].lower()
    claimed = post(open_address, DEMO, {"who": "demo-analyst"}, **{"X-Forwarded-Proto": "https"})
    assert "; secure" not in claimed.headers["set-cookie"].lower()


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null", None])
@pytest.mark.parametrize("path", [SIGN_IN, DEMO, SIGN_OUT])
def test_a_form_of_another_origin_is_refused(address: str, path: str, origin: str | None) -> None:
    answer = post(address, path, {**VIC, "who": "demo-analyst"}, origin=origin)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_over_tls_a_page_that_came_without_it_is_another_origin(address: str) -> None:
    assert (
        post(address, SIGN_IN, VIC, origin=address, **{"X-Forwarded-Proto": "https"}).status_code
        == 403
    )


def test_signing_out_elsewhere_does_not_sign_out_here(address: str, shop: Settings) -> None:
    token = token_of(post(address, SIGN_IN, VIC))
    assert (
        post(
            address, SIGN_OUT, {}, origin="https://evil.example", Cookie=f"phantom_sign_in={token}"
        ).status_code
        == 403
    )
    assert find_signed_in(control_database(shop), token, 1)


@pytest.mark.parametrize("path", [SIGN_IN, DEMO, SIGN_OUT])
def test_a_get_sets_nothing(address: str, path: str) -> None:
    answer = httpx.get(f"{address}{path}?{urlencode(VIC)}", headers={"Origin": address})
    assert "set-cookie" not in answer.headers


def test_signing_out_deletes_the_cookie_and_ends_the_session_in_the_database(
    address: str, shop: Settings
) -> None:
    token = token_of(post(address, SIGN_IN, VIC))
    answer = post(address, SIGN_OUT, {}, Cookie=f"phantom_sign_in={token}")
    assert answer.status_code == 303
    assert 'phantom_sign_in=""; HttpOnly; Max-Age=0' in answer.headers["set-cookie"]
    assert find_signed_in(control_database(shop), token, 1) is None


def test_signing_in_again_ends_the_session_before(address: str, shop: Settings) -> None:
    token = token_of(post(address, SIGN_IN, VIC))
    again = token_of(post(address, SIGN_IN, VIC, Cookie=f"phantom_sign_in={token}"))
    assert find_signed_in(control_database(shop), token, 1) is None
    assert find_signed_in(control_database(shop), again, 1)


def test_a_wrong_password_signs_nobody_in(address: str) -> None:
    answer = post(address, SIGN_IN, {"login": "vic", "password": "something else"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/people?q=1")
    assert "phantom_sign_in" not in answer.cookies
    assert "something" not in str(answer.headers)


def test_with_accounts_nobody_enters_as_a_demo_person(address: str, open_address: str) -> None:
    assert "phantom_sign_in" not in post(address, DEMO, {"who": "demo-manager"}).cookies
    assert "phantom_sign_in" not in post(open_address, DEMO, {"who": "root"}).cookies


@pytest.mark.parametrize(
    "referer", ["", "https://evil.example/people", "http://127.0.0.1:1/people"]
)
def test_one_who_comes_from_elsewhere_goes_to_the_start_page(address: str, referer: str) -> None:
    assert post(address, SIGN_IN, VIC, Referer=referer).headers["location"] == "/"


def test_no_way_back_leads_to_another_site(address: str) -> None:
    assert (
        post(address, SIGN_IN, VIC, Referer=f"{address}//evil.example/x").headers["location"]
        == "/evil.example/x"
    )


def test_what_is_no_form_is_refused(address: str) -> None:
    assert post(address, SIGN_IN, {"login": "v" * 20_000}).status_code == 413
    assert post(address, SIGN_IN, {f"f{i}": "" for i in range(50)}).status_code == 400


def test_below_a_base_path_the_routes_and_the_cookie_are_there_too(tmp_path: Path) -> None:
    remove_demo(Settings(workspace=tmp_path / "shop"))
    with served(tmp_path / "shop", base="/phantom") as url:
        answer = post(url, DEMO, {"who": "demo-analyst"})
        assert answer.headers["location"] == "/phantom/people?q=1"
        assert "Path=/phantom;" in answer.headers["set-cookie"]
