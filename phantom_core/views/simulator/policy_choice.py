"""Policy choice: the policies that can be simulated, with rules and runs of a workspace."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.market.policies.kind import POLICIES
from phantom_core.market.scenario import Scenario

EXAMPLE: Final = """\
IF inventory < 10 AND hours_left > 6 THEN markup 1.40 (last rooms)
ELIF agent_fraction > 0.7 THEN markup 1.20 (mostly agents)
ELSE markup 1.05
"""


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """A policy that can be simulated.

    Attributes:
        name: in jobs and on the command line.
        title: as pages show it.
        does: one sentence.
    """

    name: str
    title: str
    does: str


@requires(Permission.READ)
def policy_choices(settings: Settings, scenarios: tuple[Scenario, ...]) -> dict[str, PolicyChoice]:
    """Name → choice: the built-in ones, the workspace's rules, its trained policies.

    Args:
        settings: names the workspace.
        scenarios: to simulate; the optimum is known for one product only.
    """
    one_product = all(len(scenario.products) == 1 for scenario in scenarios)
    plain = [
        kind
        for kind in POLICIES.all()
        if kind.detail != "required" and (one_product or not kind.has_one_product)
    ]
    choices = [
        PolicyChoice(kind.name, kind.title, kind.description.partition(";")[0].rstrip(".") + ".")
        for kind in plain
    ]
    choices += _suggested(scenarios, one_product)
    for path in sorted(settings.paths.policy_rules.glob("*.txt")):
        choices.append(
            PolicyChoice(f"rules:{path}", f"Rules {path.stem}", "Rules of this workspace.")
        )
    for path in trained_runs(settings):
        choices.append(
            PolicyChoice(f"ppo:{path.name}", f"PPO {path.name}", "Trained in this workspace.")
        )
    return {choice.name: choice for choice in choices}


def _suggested(scenarios: tuple[Scenario, ...], one_product: bool) -> list[PolicyChoice]:
    """Policies with a detail that suits the first scenario."""
    found = []
    for kind in POLICIES.all():
        if kind.suggest is not None and scenarios and (one_product or not kind.has_one_product):
            name = f"{kind.name}:{kind.suggest(scenarios[0])}"
            found.append(
                PolicyChoice(name, policy_title(name), f"{kind.description.split('; ')[0]}.")
            )
    return found


@requires(Permission.READ)
def trained_runs(settings: Settings) -> list[Path]:
    """Folders of runs that hold a finished policy, by name."""
    folder = settings.paths.policies
    return sorted(
        path
        for path in folder.glob("[!.]*")
        if any(path.glob("policy.safetensors")) or any(path.glob("*/policy.safetensors"))
    )


@needs_no_permission
def policy_title(name: str) -> str:
    """A policy's name in a trial, as pages show it.

    >>> policy_title("best_fixed"), policy_title("fixed:1.2"), policy_title("night")
    ('Best fixed price', 'Fixed ×1.2', 'night')
    """
    kind, _, detail = name.partition(":")
    if kind == "fixed" and detail:
        return f"Fixed ×{detail}"
    titles = _titles()
    if name in titles:
        return titles[name]
    return f"{titles[kind]} {detail}" if detail and kind in titles else name


@needs_no_permission
def policy_styles() -> dict[str, tuple[str, str]]:
    """Colour and dash in charts of each policy that has its own, by name; see PolicyKind."""
    return {kind.name: (kind.colour, kind.dash) for kind in POLICIES.all() if kind.colour}


def _titles() -> dict[str, str]:
    """Results' names → titles; results of rules go by the rules' own names."""
    kinds = [kind for kind in POLICIES.all() if kind.name != "rules"]
    return {
        name: title
        for kind in kinds
        for name, title in ((kind.name, kind.title), *kind.result_titles.items())
    }
