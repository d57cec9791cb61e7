"""What is imported when it is first needed, and not before."""

import subprocess
import sys

import pytest

LEARNING = frozenset(
    {"torch", "xgboost", "sklearn", "scipy", "shap", "onnxruntime", "stable_baselines3"}
)
DATA = frozenset({"pandas", "pyarrow", "polars", "numpy", "duckdb", "deltalake"})
PAGES = frozenset({"streamlit", "plotly"})
HEAVY = LEARNING | DATA | PAGES
HELP = "import sys; sys.argv = ['phantom', '--help']; import phantom_core.__main__"


def imported(code: str) -> set[str]:
    """Top-level packages that a new interpreter has imported after a statement."""
    program = (
        f"import sys\ntry:\n exec({code!r})\nexcept SystemExit:\n pass\nprint(*sys.modules, "
        "file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_accounts_need_a_database_alone() -> None:
    found = imported("import phantom_core.accounts.people, phantom_core.accounts.sign_in")
    assert "sqlalchemy" in found
    assert not found & (HEAVY | {"pydantic", "fastapi", "redis"})


def test_wording_needs_no_library() -> None:
    assert not imported("import ui.frame.wording") & (HEAVY | {"sqlalchemy", "pydantic"})


@pytest.mark.parametrize("code", ["import phantom_core.cli", HELP])
def test_the_command_line_imports_what_a_verb_needs_when_it_runs(code: str) -> None:
    found = imported(code)
    assert "typer" in found
    assert not found & (HEAVY | {"sqlalchemy", "pydantic_settings", "asyncio", "redis"})
