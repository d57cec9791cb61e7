"""All pages on a workspace in which everything that others may write is hostile."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.core.csv_file import csv_of_frame
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.audit_pack import export_audit_pack
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.data.ingest import ingest_files
from tests.conftest import NOW_MS
from tests.pages.conftest import SCREENS, Open, enter

pytestmark = pytest.mark.slow

LINK: Final = (
    "[x](https://evil.test) ![](https://evil.test/i.png) <a href='https://evil.test'>y</a>"
)
FORGED: Final = f"{LINK}\n\n- :green[:material/check_circle:] **Approvals**: 2 of 2"
FORMULA: Final = "=cmd|'/c calc'!A1"
# Markdown that a browser would act on, and that is not ours.
ACTIVE: Final = re.compile(
    r"(?<!\\)\]\(\s*https?:|(?<![\\\w])<(?:a|img)\b|https?://evil|:green\[:material/check"
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    workspace = folder / "workspace"
    settings = Settings(workspace=workspace)
    names = [FORGED, FORMULA, "s1", "s2"]
    rows: list[dict[str, object]] = [
        {
            "sessionId": names[n % 4],
            "ts": f"2026-03-01T12:{n:02d}:00Z",
            "eventName": ("view_item", "add_to_cart", "hover_" + "x" * 30, "purchase")[n % 4],
            "productId": (LINK, FORMULA, "p1")[n % 3],
            "page": LINK,
            "experimentId": LINK,
            "userAgent": FORGED,
            "metadata": {"price": 9.5, "note": LINK},
        }
        for n in range(40)
    ]
    rows += [
        {"sessionId": LINK, "ts": "soon", "eventName": LINK, "userAgent": FORGED},
        {"sessionId": FORMULA, "ts": "2026-03-01T12:00:00Z", "eventName": "![](https://evil.test)"},
    ]
    file = folder / "![x](https:evil.test) <img src=x>.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)) + f"\n{FORMULA}\n")
    labels = folder / "labels.csv"
    with labels.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["session_id", "label", "family"])
        writer.writerows([[FORGED, "agent", LINK], ["s1", "human", ""], [FORMULA, "agent", LINK]])
    ingest_files(settings, [file], now_ms=NOW_MS, labels=str(labels))
    FeatureStore(Lake(workspace / "lake")).refresh()
    control = control_database(settings)
    for login in ("demo-analyst", "demo-manager"):
        sign_in_demo(control, login, now_ms=NOW_MS, hours=1)
    change_requests.propose_rules(
        settings,
        "demo-analyst",
        parse_rules("IF cart_adds > 1 THEN markup 1.05\nELSE markup 1.00", "gentle"),
        why=FORGED,
        share=0.1,
        now_ms=NOW_MS,
    )
    control.dispose()
    return workspace


def _drawn(page: AppTest) -> Iterator[tuple[str, str]]:
    """Texts of the page that Streamlit draws as Markdown, by kind of element."""
    kinds = (
        "title header subheader markdown caption info warning error success metric button tabs "
        "expander toast checkbox radio selectbox multiselect text_input text_area number_input "
        "slider toggle button_group"
    )
    for kind in kinds.split():
        for element in page.get(kind):
            for name in ("value", "body", "label", "help"):
                text = getattr(element, name, None)
                if isinstance(text, str) and (name != "value" or kind not in _WITH_VALUES):
                    yield kind, text
            proto: Any = getattr(element, "proto", None)
            for option in (
                getattr(proto, "options", ()) if kind in ("radio", "button_group") else ()
            ):
                yield kind, str(getattr(option, "content", option))
    for kind in ("download_button", "page_link", "link_button", "popover"):
        for element in page.get(kind):
            yield kind, str(getattr(getattr(element, "proto", None), "label", ""))


_WITH_VALUES: Final = frozenset(("selectbox", "multiselect", "text_input", "text_area", "radio"))


def _active(page: AppTest) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in _drawn(page) if ACTIVE.search(text)]


def _charts(page: AppTest) -> str:
    return " ".join(str(chart.proto.spec) for chart in page.get("plotly_chart"))


@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_draws_a_link_an_image_or_a_gate_of_somebody_else(
    screen: str, hostile: Path, open_page: Open
) -> None:
    page = enter(open_page(hostile, screen), "demo-analyst")
    assert not page.exception
    assert not _active(page)
    assert "<a href" not in _charts(page).replace("\\u003c", "<")


@pytest.mark.parametrize(
    ("screen", "query"),
    [
        ("sessions", {"session": FORGED}),
        ("sessions", {"session": FORMULA}),
        ("data", {"data_tab": "Quarantine"}),
        ("data", {"data_tab": "Loads"}),
        ("approvals", {"request": "1", "request_tab": "Decisions and history"}),
        ("approvals", {"request": "1", "request_tab": "Rules and diff"}),
        ("rules", {"rules": LINK}),
        ("sessions", {"session": f"none {LINK}"}),
        ("explain", {"explain_tab": "One session", "session": FORGED}),
        ("features", {"feature": LINK}),
    ],
)
def test_nor_does_a_link_to_what_is_hostile(
    screen: str, query: dict[str, str], hostile: Path, open_page: Open
) -> None:
    page = enter(open_page(hostile, screen, **query), "demo-analyst")
    assert not page.exception
    assert not _active(page)
    assert "<a href" not in _charts(page).replace("\\u003c", "<")


def test_the_hostile_session_is_shown_and_its_text_is_readable(
    hostile: Path, open_page: Open
) -> None:
    page = enter(open_page(hostile, "sessions", session=FORGED), "demo-analyst")
    shown = " ".join(text for _, text in _drawn(page)).replace("\\", "").replace("\u2060", "")
    assert "[x](https://evil.test)" in shown


def test_every_table_of_the_pages_downloads_without_a_formula(
    hostile: Path, open_page: Open
) -> None:
    n_tables = 0
    for screen, query in (
        ("sessions", {}),
        ("sessions", {"session": FORMULA}),
        ("data", {"data_tab": "Quarantine"}),
    ):
        page = enter(open_page(hostile, screen, **query), "demo-analyst")
        for table in page.dataframe:
            rows = list(csv.reader(io.StringIO(csv_of_frame(table.value).decode(), newline="")))
            n_tables += 1
            assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "+"))]
    assert n_tables >= 3


def test_the_audit_pack_runs_nothing(hostile: Path) -> None:
    for name, content in export_audit_pack(Settings(workspace=hostile), 1, now_ms=NOW_MS).items():
        text = content if isinstance(content, str) else content.decode()
        if name.endswith("html"):
            assert "<a href='https://evil" not in text and "<img src=https://evil" not in text
            assert "<script" not in text
        else:
            assert json.loads(text)
