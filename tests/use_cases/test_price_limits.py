"""Limits set by an administrator hold in checks, evidence, optimum, prices and releases."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phantom_core.accounts.people import MACHINE
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.approvals.limits import read_price_limits, seed_price_limits, set_limits
from phantom_core.cli import app
from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import LimitSettings, Settings
from phantom_core.evidence.evidence import Evidence
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.models.price import default_objective

STEEP = "IF p_agent > 0.7 THEN markup 1.40 (likely agent)\nELSE markup 1.00"
NOW_MS = 1_772_500_000_000


def phantom(workspace: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    """Exit code and answer of a verb."""
    done = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_a_rule_above_the_highest_markup_of_the_limits_is_an_error(tmp_path: Path) -> None:
    rules = tmp_path / "steep.txt"
    rules.write_text(STEEP)
    code, found = phantom(tmp_path, "rules", "check", str(rules))
    assert code == 0
    code, limits = phantom(tmp_path, "limits", "highest_markup=1.2")
    assert (code, limits["highest_markup"], limits["approvals_needed"]) == (0, 1.2, 1)
    code, found = phantom(tmp_path, "rules", "check", str(rules))
    assert code == 1
    assert [one["says"] for one in found["findings"] if one["kind"] == "out of guard rails"] == [  # type: ignore[attr-defined]
        "rule 1 has a mark-up of ×1.4, above the guard rails ×0.70 to ×1.20."
    ]


@pytest.fixture
def shop(trained: Path, tmp_path: Path) -> Settings:
    """A workspace with a classifier, a demo analyst, and guard rails narrowed by an admin."""
    import shutil

    settings = Settings(workspace=shutil.copytree(trained, tmp_path / "shop"))
    sign_in_demo(control_database(settings), "demo-analyst", now_ms=NOW_MS, hours=1)
    set_limits(
        control_database(settings),
        MACHINE,
        {"lowest_markup": 1.0, "highest_markup": 1.2},
        settings,
        now_ms=NOW_MS,
    )
    return settings


def evidence_of(settings: Settings, text: str) -> Evidence:
    request = change_requests.propose_rules(
        settings, "demo-analyst", parse_rules(text, "steep"), why="Try.", now_ms=NOW_MS
    )
    change_requests.submit_request(
        settings, "demo-analyst", request.request_id, now_ms=NOW_MS, trial_sessions=60
    )
    found = change_requests.review_request(settings, request.request_id).evidence
    assert found
    return found


def test_evidence_and_its_optimum_keep_to_the_limits(shop: Settings) -> None:
    found = evidence_of(shop, STEEP)
    assert [one.kind for one in found.findings if one.severity == "error"] == ["out of guard rails"]
    assert found.limits == read_price_limits(shop)
    # Where no price below the base price is allowed, nothing beats the base prices that are live.
    trial = found.trial.found
    assert trial
    assert trial.optimum == trial.live
    assert trial.live_of_optimum.value == 1.0


def test_a_network_prices_within_the_limits(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    assert default_objective(settings).guard_rails == GuardRails(0.7, 1.5)
    set_limits(
        control_database(settings), MACHINE, {"highest_markup": 1.2}, settings, now_ms=NOW_MS
    )
    assert default_objective(settings).guard_rails == GuardRails(0.7, 1.2)


def test_settings_seed_what_no_administrator_set(tmp_path: Path) -> None:
    settings = Settings(
        workspace=tmp_path, limits=LimitSettings(highest_markup=1.3, largest_step=0.2)
    )
    set_limits(
        control_database(settings), MACHINE, {"highest_markup": 1.2}, settings, now_ms=NOW_MS
    )
    found = read_price_limits(settings)
    assert (found.highest_markup, found.largest_step, found.lowest_markup) == (1.2, 0.2, 0.7)
    assert seed_price_limits(settings).highest_markup == 1.3
    with control_database(settings).connect() as connection:
        assert read_price_limits(settings, connection) == found


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lowest_markup": 1.1}, "leave out the base price"),
        ({"highest_markup": 0.9}, "leave out the base price"),
        ({"highest_markup": 11.0}, "No price lies within"),
        ({"lowest_markup": 0.0}, "No price lies within"),
        ({"first_share": 0.0}, "first release cannot have 0 of"),
        ({"approvals_needed": 1.5}, r"cannot need 1\.5 approvals"),
        ({"approvals_needed": 0.0}, "cannot need 0 approvals"),
        ({"largest_step": 0.0}, "cannot be negative"),
        ({"human_premium_cap": float("nan")}, "cannot be negative"),
        ({"steepness": 1.0}, "There is no limit 'steepness'"),
    ],
)
def test_what_cannot_be_a_limit_is_rejected(
    values: dict[str, float], said: str, tmp_path: Path
) -> None:
    settings = Settings(workspace=tmp_path)
    before = read_price_limits(settings)
    with pytest.raises(InputError, match=said):
        set_limits(control_database(settings), MACHINE, values, settings, now_ms=NOW_MS)
    assert read_price_limits(settings) == before


def test_an_administrator_corrects_a_setting_that_cannot_be(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, limits=LimitSettings(lowest_markup=1.1))
    with pytest.raises(InputError, match="leave out the base price"):
        read_price_limits(settings)
    assert (
        set_limits(
            control_database(settings), MACHINE, {"lowest_markup": 0.9}, settings, now_ms=NOW_MS
        ).lowest_markup
        == 0.9
    )
