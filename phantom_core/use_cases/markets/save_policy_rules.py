"""Save policy rules: a rule set that the simulator plays, as a file of the workspace."""

import re
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.market.policies.rules import RulePolicy
from phantom_core.model_store.store import replace_file
from phantom_core.rules.text import parse_rules

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@requires(Permission.WORK)
def save_policy_rules(settings: Settings, name: str, text: str) -> str:
    """Save rules in the workspace, in place of earlier ones of that name; returns the
    name of the policy that plays them.

    Raises:
        InputError: invalid rules, unknown features, or a name that is not a valid file name.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be the name of a rule set.",
            hint="Use letters, digits, '_', '-' and '.', at most 40.",
        )
    RulePolicy(parse_rules(text, name))
    folder = settings.paths.policy_rules
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.txt"
    replace_file(path, text.encode())
    return f"rules:{path}"
