"""Save a scenario: an uploaded market, as a file of the workspace."""

import re
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.market.scenario import Scenario, parse_scenario
from phantom_core.model_store.store import replace_file

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


@requires(Permission.WORK)
def save_scenario(settings: Settings, content: bytes, where: str) -> Scenario:
    """Save an uploaded scenario in the workspace, in place of an earlier one of that name.

    Args:
        settings: names the workspace.
        content: TOML.
        where: the file's name.
    Raises:
        InputError: it is not a scenario, or its name is not a valid file name.
    """
    scenario = parse_scenario(content, where)
    if not _NAME.fullmatch(scenario.name):
        raise InputError(
            f"'{scenario.name}' cannot be a scenario's name.",
            hint="Use letters, digits, '_', '-' and '.', at most 60.",
        )
    folder = settings.paths.scenarios
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"{scenario.name}.toml", scenario.to_toml().encode())
    return scenario
