"""Policies by name, as given on the command line and chosen on the page."""

from dataclasses import replace
from pathlib import Path

from phantom_core.core.errors import InputError
from phantom_core.market.policies.kind import POLICIES, PolicyRequest
from phantom_core.market.policies.ppo import PpoPolicy
from phantom_core.market.policy import Policy
from phantom_core.market.scenario import Scenario
from phantom_core.market.team import Team


def policies_named(
    names: str | list[str] | tuple[str, ...], scenario: Scenario, *, seed: int, runs: Path
) -> list[Policy | Team]:
    """Policies by name, in order.

    Args:
        names: a list, or one text with commas.
        scenario: what they are for.
        seed: of the search for the best fixed price, where that is simulated.
        runs: folder of the workspace's trained policies.
    Raises:
        InputError: no name, an unknown name, or a policy that does not fit the scenario.
        NotFoundError: there is no such file or run.
    """
    listed = names.split(",") if isinstance(names, str) else names
    wanted = [name.strip() for name in listed if name.strip()]
    if not wanted:
        raise InputError("There is no policy to try.", hint=f"Name at least one of {_names()}.")
    return _named_by_run(wanted, [_policy(name, scenario, seed, runs) for name in wanted])


def _named_by_run(wanted: list[str], policies: list[Policy | Team]) -> list[Policy | Team]:
    """Name trained policies of one kind, which share a name, by their runs."""
    names = [policy.name for policy in policies]
    return [
        replace(policy, name=f"{policy.name}:{Path(requested.partition(':')[2]).name}")
        if isinstance(policy, PpoPolicy | Team) and names.count(policy.name) > 1
        else policy
        for requested, policy in zip(wanted, policies, strict=True)
    ]


def _policy(name: str, scenario: Scenario, seed: int, runs: Path) -> Policy | Team:
    kind, _, detail = name.partition(":")
    found = next((one for one in POLICIES.all() if one.name == kind), None)
    if found is None or found.detail == ("none" if detail else "required"):
        raise InputError(f"There is no policy '{name}'.", hint=f"There are {_names()}.")
    return found.make(PolicyRequest(name, detail, scenario, seed, runs))


def _names() -> str:
    return ", ".join(kind.written for kind in POLICIES.all())
