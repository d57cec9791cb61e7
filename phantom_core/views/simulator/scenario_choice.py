"""Scenario choice: the markets that a workspace can simulate."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.market.scenario import Scenario, load_scenario, shipped_names
from phantom_core.use_cases.markets.calibrate import latest_calibration

CALIBRATED: Final = "calibrated"
FIRST: Final = "tight"
_OWN: Final = "own-"


@dataclass(frozen=True, slots=True)
class ScenarioChoice:
    """A market that can be chosen.

    Attributes:
        key: names it in links.
        title: as pages show it.
        scenario: the market.
    """

    key: str
    title: str
    scenario: Scenario


@requires(Permission.READ)
def scenario_choices(settings: Settings) -> dict[str, ScenarioChoice]:
    """Key → choice: the shipped ones, the workspace's own, and the one measured on the lake.

    Files that are not a scenario are left out.
    """
    shipped = sorted(shipped_names(), key=lambda name: (name != FIRST, name))
    choices = [_choice(name, load_scenario(name)) for name in shipped]
    for path in sorted(_folder(settings).glob("*.toml")):
        try:
            own = load_scenario(str(path))
        except InputError:
            continue
        choices.append(
            ScenarioChoice(f"{_OWN}{path.stem}", f"{own.title or own.name} (yours)", own)
        )
    measured = calibrated_scenario(settings)
    if measured:
        choices.append(_choice(CALIBRATED, measured))
    return {choice.key: choice for choice in choices}


@requires(Permission.READ)
def calibrated_scenario(settings: Settings) -> Scenario | None:
    """The market measured on the lake; None where there is none, or too little was measured."""
    try:
        return latest_calibration(settings).scenario()
    except (NotFoundError, DataError, InputError):
        return None


@needs_no_permission
def own_key(scenario: Scenario) -> str:
    """Key of a scenario that is saved in the workspace."""
    return f"{_OWN}{scenario.name}"


def _choice(key: str, scenario: Scenario) -> ScenarioChoice:
    return ScenarioChoice(key, scenario.title or scenario.name, scenario)


def _folder(settings: Settings) -> Path:
    return settings.paths.scenarios
