"""docs/api.md: its examples run in order, and its table lists every method."""

import inspect
import re
from pathlib import Path

import pytest

import phantom
from tests.api.names import is_public_api

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHANTOM_DEMO_SESSIONS", "300")
    names: dict[str, object] = {}
    for example in EXAMPLES:
        assert is_public_api(example)
        exec(compile(example, "docs/api.md", "exec"), names)
    shop = names["shop"]
    assert isinstance(shop, phantom.Workspace)
    assert shop.sessions().num_rows == 300
    assert capsys.readouterr().out.startswith("Saved: ")


def test_the_table_lists_every_method() -> None:
    methods = {
        name
        for name, value in inspect.getmembers(phantom.Workspace, inspect.isfunction)
        if not name.startswith("_")
    }
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert methods == set(re.findall(r"`(\w+)\(", "".join(rows)))


def test_the_page_names_every_error() -> None:
    errors = {name for name in phantom.__all__ if name.endswith("Error") and name != "PhantomError"}
    section = PAGE.partition("## Errors")[2].partition("## Notebooks")[0]
    assert errors == set(re.findall(r"`(\w+Error)`", section))
