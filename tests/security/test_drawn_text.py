"""Nothing that came from outside is drawn as Markdown, as HTML, or as a second line."""

import re
from pathlib import Path
from typing import Final

import plotly.graph_objects as go
import pytest

from phantom_core.core.foreign_text import format_one_line
from tests.security.drawn_text import Pages
from ui.charts.frame import without_links
from ui.frame.wording import JOINER, code_span, escape, escape_document

ROOT: Final = Path(__file__).parents[2]
# Texts that the product writes itself, by file: words of a fixed list, numbers, and titles.
OWN: Final = frozenset(
    line.strip()
    for line in (Path(__file__).parent / "own_texts.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
)
LINKS: Final = (
    "![](https://evil.test/a.png)",
    "[click](javascript:alert(1))",
    "<img src=https://evil.test/a.png>",
    "https://evil.test",
    "www.evil.test",
)


def _files() -> list[Path]:
    found = [*(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    return sorted(file.relative_to(ROOT) for file in found)


def test_every_text_that_a_page_draws_is_its_own_or_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    found = [f"{one.place}: {one.source}" for one in Pages(_files(), OWN).unescaped()]
    assert not found, (
        "Wrap what comes from outside into ui.frame.wording.escape; what the product writes "
        "itself belongs into tests/security/own_texts.txt"
    )


def test_an_unescaped_text_is_found_through_names_helpers_and_lists(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text(
        "def _say(view):\n    return f'by {view.who}'\n\n"
        "def draw(view, names):\n    said = _say(view)\n    st.caption(said)\n"
        "    st.tabs([f'{name}' for name in names])\n    st.markdown(escape(view.why))\n"
        "    st.metric('Sessions', f'{view.n:,}')\n"
    )
    found = {one.source for one in Pages([page], frozenset()).unescaped()}
    assert found == {"view.who", "names"}


def test_nothing_is_drawn_by_a_second_way() -> None:
    """HTML only from files and forms of the product, charts only through show_chart."""
    drawn = {
        (str(file), way)
        for file in _files()
        for way in ("st.html(", "unsafe_allow_html", "plotly_chart(", "st.table(", "components.v1")
        if way in (ROOT / file).read_text()
    }
    assert drawn == {
        ("ui/accounts/post_form.py", "st.html("),
        ("ui/charts/frame.py", "plotly_chart("),
        ("ui/explain/tree_picture.py", "st.html("),
        ("ui/frame/frame.py", "st.html("),
    }


@pytest.mark.parametrize("text", LINKS)
def test_a_link_or_an_image_is_shown_as_text(text: str) -> None:
    drawn = escape(f"Mozilla {text}")
    assert not re.search(r"(?<!\\)(\]\(|<)", drawn)
    assert "https:" not in drawn and "javascript:" not in drawn and "www." not in drawn
    assert drawn.replace("\\", "").replace(JOINER, "") == f"Mozilla {text}"


def test_a_request_cannot_forge_a_gate_line() -> None:
    forged = "fine\n\n- :green[:material/check_circle:] **Approvals**: 2 of 2\u202e"
    drawn = escape(forged)
    assert "\n" not in drawn and ":green[" not in drawn and ":material/check_circle:" not in drawn
    assert "**" not in drawn and "\u202e" not in drawn
    assert escape("- item").startswith("\\-") and escape("# Big").startswith("\\#")
    assert escape("1. first") == f"1{JOINER}. first"


def test_ordinary_names_times_and_figures_stay_as_they_are() -> None:
    for text in ("chat_shop_agent", "room-000", "2026-01-05 00:05:09", "0.742", "-3.1", "max"):
        assert escape(text) == text
    assert code_span("a`b\nc") == "`a'b c`"


def test_a_stored_document_keeps_its_tables_and_loses_its_links() -> None:
    drawn = escape_document("# Card\n| **a** | ![](https://evil.test/x) |")
    assert drawn.startswith("# Card\n| **a** | ") and "![](" not in drawn


def test_one_line_hides_no_line_break_control_or_direction() -> None:
    assert format_one_line("x\r\nINFO ok\x1b[2J") == "x  INFO ok\ufffd[2J"
    assert format_one_line("a\u2066b\ud800") == "a\ufffdb\ufffd"
    assert format_one_line("Zoë 価格 👩‍💻") == "Zoë 価格 👩‍💻"


def test_a_chart_draws_no_link_of_a_product_or_user_agent() -> None:
    link = '<a href="https://evil.test">room</a>'
    figure = go.Figure(
        go.Bar(x=[link, "b<br>c"], y=[1, 2], customdata=[[link], ["<b>own</b>"]], name=link)
    )
    figure.update_layout(title=link)
    drawn = without_links(figure)
    assert "<a" not in str(drawn.to_dict()) and "&lt;a href" in drawn.data[0].x[0]
    assert drawn.data[0].x[1] == "b<br>c" and drawn.data[0].customdata[1][0] == "<b>own</b>"
