"""Report the licences of the installed packages, as their metadata states them.

Exit code 1 where a package is under a licence that would bind the product (GPL, AGPL, SSPL and
their like), or states none and is not known; LGPL and MPL bind changes of the package alone.

Run: python .ci/licences.py
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions

BINDING = re.compile(r"\b(?<!L)(A?GPL|SSPL|BUSL|Commons Clause|GNU (Affero )?General Public)", re.I)
# Packages without a word in their metadata, and what their source says.
KNOWN = {"zen-engine": "MIT"}


@dataclass(frozen=True, slots=True)
class Licence:
    """A package and its licence; `text` is empty where nothing is stated."""

    package: str
    version: str
    text: str

    @property
    def is_fine(self) -> bool:
        """Whether the product may be shipped with it."""
        # A choice of licences binds only if every one of them does.
        choices = re.split(r"\bOR\b", self.text)
        return bool(self.text) and not all(BINDING.search(one) for one in choices)


def licence_of(package: Distribution) -> Licence:
    """The licence of an installed package."""
    metadata = package.metadata
    name = str(metadata["Name"])
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    stated = str(metadata.get("License-Expression") or "") or "; ".join(classifiers)
    text = stated or (str(metadata.get("License") or "").strip().splitlines() or [""])[0]
    return Licence(name, package.version, text or KNOWN.get(name, ""))


def report(found: Iterable[Licence]) -> int:
    """Print a line a package, those first that are not fine; returns the exit code."""
    rows = sorted(found, key=lambda one: (one.is_fine, one.package.lower()))
    for one in rows:
        print(f"{'  ' if one.is_fine else '✗ '}{one.package} {one.version}: {one.text or 'none'}")
    n_bad = sum(not one.is_fine for one in rows)
    print(f"{len(rows)} packages, {n_bad} under licences that cannot be shipped or are unknown.")
    return 1 if n_bad or not rows else 0


if __name__ == "__main__":
    sys.exit(report(map(licence_of, distributions())))
