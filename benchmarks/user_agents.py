"""User agents: how many public agents, and how many browsers of people, are called automated.

The words of `phantom_core/features/user_agents.toml` were extended with the agents of this list, so
the share of agents is no forecast for agents that nobody listed yet; the share of browsers is.

Run: python -m benchmarks.user_agents [--missed] [--json]
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Final

from benchmarks.machine import machine
from phantom_core.features.online.user_agents import UserAgents
from phantom_core.features.relations import AGENT_MEASURES

DATA: Final = Path(__file__).parent / "data"
AGENTS: Final = DATA / "public_agents.txt"
BROWSERS: Final = DATA / "public_browsers.txt"
_SIGNS: Final = [
    place
    for place, measure in enumerate(AGENT_MEASURES)
    if getattr(measure, "word", "") in ("headless", "tool")
]


def listed(path: Path) -> list[str]:
    """The user agents of a list; lines with # say where it is from."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


def flagged(user_agents: list[str]) -> list[bool]:
    """Whether each is called an automation tool or a headless browser."""
    kinds = UserAgents(most_known=len(user_agents))
    kinds.learn(user_agents)
    return [any(kinds.kind(one)[place] for place in _SIGNS) for one in user_agents]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missed", action="store_true", help="list what is called wrongly")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures: dict[str, object] = {}
    for path, expected in ((AGENTS, True), (BROWSERS, False)):
        names = listed(path)
        found = flagged(names)
        wrong = [name for name, flag in zip(names, found, strict=True) if flag is not expected]
        figures[path.stem] = {
            "listed": len(names),
            "flagged": sum(found),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest()[:12],
            **({"wrong": wrong} if arguments.missed else {}),
        }
    figures["machine"] = machine(("duckdb",))
    print(json.dumps(figures, indent=None if arguments.json else 2, ensure_ascii=False))


if __name__ == "__main__":
    main()
