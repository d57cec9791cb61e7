from pathlib import Path

import pytest
from pydantic import ValidationError

from phantom_core.core.settings import Settings, explain_invalid, setting_groups
from phantom_core.core.settings_page import PAGE, settings_page
from phantom_core.core.workspace import WorkspacePaths


def test_every_setting_is_documented() -> None:
    groups = setting_groups()
    missing = [
        f"{name}.{field}"
        for name, group in groups.items()
        for field, info in group.model_fields.items()
        if field not in groups and not info.description
    ]
    assert missing == []


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page(), (
        "run python -m phantom_core.core.settings_page"
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PHANTOM_RETRAIN_DAYS", "1"),
        ("PHANTOM_ALERT_STALE_DAYS", "-1"),
        ("PHANTOM_SEED", "x"),
        ("PHANTOM_OIDC_ROLES", '{"a": "king"}'),
    ],
)
def test_a_wrong_value_names_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError) as found:
        Settings()
    assert explain_invalid(found.value).startswith(f"{variable} cannot be used: ")


def test_variables_of_earlier_releases_still_set_what_they_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PHANTOM_ALERT_FROM", "shop@example.com")
    monkeypatch.setenv("PHANTOM_ALERT_TO", "a@example.com, b@example.com")
    monkeypatch.setenv("PHANTOM_KAFKA_OPTIONS", '{"acks": "all"}')
    monkeypatch.setenv("PHANTOM_RETRAIN_RULE", "not_worse")
    settings = Settings()
    assert settings.alerts.sender == "shop@example.com"
    assert settings.alerts.recipients == ("a@example.com", "b@example.com")
    assert settings.kafka.options == {"acks": "all"}
    assert settings.retraining.rule == "not_worse"


def test_all_paths_lie_in_the_workspace(tmp_path: Path) -> None:
    paths = WorkspacePaths(tmp_path)
    names = [name for name, kind in vars(WorkspacePaths).items() if isinstance(kind, property)]
    found = [getattr(paths, name) for name in names]
    assert len(set(found)) == len(found) > 15
    assert all(tmp_path in path.parents for path in found)
