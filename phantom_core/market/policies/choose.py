"""Policies by name, as people write them on the command line and choose them on the page."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.market.optimum import solve_optimum
from phantom_core.market.policies.bands import Bands
from phantom_core.market.policies.best_fixed import best_fixed
from phantom_core.market.policies.elasticity import elasticity_policy
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.policies.optimal import Optimal
from phantom_core.market.policies.ppo import PpoPolicy, load_policies
from phantom_core.market.policies.rules import RulePolicy
from phantom_core.market.policies.surge import Surge
from phantom_core.market.policy import Policy
from phantom_core.market.scenario import Scenario
from phantom_core.market.team import Team
from phantom_core.rules.text import parse_rules

# Name → what it does, in the words of the page.
DESCRIPTIONS: Final = {
    "fixed": "Always the base price; fixed:1.2 is always 1.2 times the base price.",
    "best_fixed": "The one price that earns most when it never changes.",
    "surge": "1.2 times the base price after an hour with more than 10 visitors, else 0.9.",
    "elasticity": "The price that earns most from the mix of visitors just seen, as if stock had "
    "no end.",
    "bands": "1.3 when more than 70 % of the visitors were flagged as agents, 1.1 above 40 %, "
    "else the base price.",
    "optimum": "The exact best price for every hour and stock; one product only.",
    "rules:FILE": "A file of rules over demand, inventory, hour, hours_left, agent_fraction, "
    "avg_velocity, p_agent, p_purchase.",
    "ppo:RUN": "A policy trained by PPO: the name of a run of this workspace, or its folder.",
}
USUAL: Final = ("fixed", "best_fixed", "surge", "elasticity", "bands", "optimum")


def policies_named(
    names: str | list[str] | tuple[str, ...], scenario: Scenario, *, seed: int, runs: Path
) -> list[Policy | Team]:
    """Policies by name, in order.

    Args:
        names: a list, or one text with commas.
        scenario: what they are for.
        seed: of the search for the best fixed price where that is simulated.
        runs: folder of the workspace's trained policies.
    Raises:
        InputError: no name, a name that means nothing, or a policy that does not fit the scenario.
        NotFoundError: no such file or run.
    """
    listed = names.split(",") if isinstance(names, str) else names
    wanted = [name.strip() for name in listed if name.strip()]
    if not wanted:
        raise InputError(
            "There is no policy to try.", hint=f"Name at least one of {', '.join(DESCRIPTIONS)}."
        )
    return _told_apart(wanted, [_policy(name, scenario, seed, runs) for name in wanted])


def _told_apart(wanted: list[str], policies: list[Policy | Team]) -> list[Policy | Team]:
    """Trained policies of one kind, which share a name, by their runs."""
    names = [policy.name for policy in policies]
    return [
        replace(policy, name=f"{policy.name}:{Path(asked.partition(':')[2]).name}")
        if isinstance(policy, PpoPolicy | Team) and names.count(policy.name) > 1
        else policy
        for asked, policy in zip(wanted, policies, strict=True)
    ]


def _policy(name: str, scenario: Scenario, seed: int, runs: Path) -> Policy | Team:
    kind, _, detail = name.partition(":")
    if kind == "rules" and detail:
        return _rules(Path(detail))
    if kind == "ppo" and detail:
        return _trained(detail, runs)
    if kind == "fixed" and detail:
        return _fixed(name, detail)
    if detail or kind not in USUAL:
        raise InputError(
            f"There is no policy '{name}'.", hint=f"There are {', '.join(DESCRIPTIONS)}."
        )
    if kind == "optimum":
        return Optimal(solve_optimum(scenario))
    if kind == "best_fixed":
        return best_fixed(scenario, seed)
    plain: dict[str, Policy] = {
        "fixed": Fixed(1.0),
        "surge": Surge(),
        "elasticity": elasticity_policy(scenario),
        "bands": Bands(),
    }
    return plain[kind]


def _fixed(name: str, detail: str) -> Policy:
    try:
        ratio = float(detail)
    except ValueError:
        ratio = float("nan")
    if not 0 < ratio < float("inf"):
        raise InputError(
            f"'{detail}' in policy {name} is no price.",
            hint="Write fixed:1.2 for 1.2 times the base price.",
        )
    return Fixed(ratio, name)


def _rules(path: Path) -> Policy:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        raise NotFoundError(
            f"There is no rules file '{path}'.",
            hint="Name a text file of IF … THEN markup … lines.",
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"Rules file '{path}' is not text in UTF-8.") from None
    return RulePolicy(parse_rules(text, name=path.stem))


def _trained(detail: str, runs: Path) -> Policy | Team:
    folder = runs / detail if (runs / detail).is_dir() else Path(detail)
    if not folder.is_dir():
        saved = (
            ", ".join(sorted(path.name for path in runs.glob("[!.]*") if path.is_dir())) or "none"
        )
        raise NotFoundError(
            f"There is no trained policy '{detail}'.",
            hint=f"Trained in this workspace: {saved}. Train one: simulate train.",
        )
    return load_policies(folder)
