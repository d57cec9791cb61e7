"""uv.lock pins the dependencies of pyproject.toml with hashes, and so do the requirements files."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CUDA = re.compile(r"triton|cuda-.*|nvidia-.*")  # left to torch, whose CPU build needs none of it
STALE = "stale: run `make lock`"

Package = dict[str, Any]


@pytest.fixture(scope="module")
def packages() -> dict[str, Package]:
    """Every package of the lock by name."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return {package["name"]: package for package in lock["package"]}


def needed(
    packages: dict[str, Package], name: str, extras: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Transitive dependencies of a package, as name and extra; the extra is empty for its own."""
    found: set[tuple[str, str]] = set()
    waiting = [(name, ""), *((name, extra) for extra in extras)]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        package, extra = packages[one[0]], one[1]
        needs = (
            package.get("optional-dependencies", {}).get(extra, [])
            if extra
            else package.get("dependencies", [])
        )
        waiting += [(need["name"], more) for need in needs for more in ("", *need.get("extra", ()))]
    yield from found - {(name, extra) for extra in ("", *extras)}


def pins(file: str) -> dict[str, str]:
    """Version by name, as a requirements file and those it includes pin them."""
    found: dict[str, str] = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found |= pins(line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            requirement = Requirement(line)
            found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return found


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.txt", ()),
        ("requirements-dev.txt", ("dev",)),
        ("requirements-spark.txt", ("spark",)),
    ],
)
def test_requirements_pin_what_the_lock_does(
    packages: dict[str, Package], file: str, extras: tuple[str, ...]
) -> None:
    names = {name for name, _ in needed(packages, "phantom", extras) if not CUDA.fullmatch(name)}
    assert pins(file) == {name: packages[name]["version"] for name in names}, STALE


def test_the_lock_holds_what_the_project_asks_for(packages: dict[str, Package]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    wanted = {
        (canonicalize_name(line.name), str(line.specifier)) for line in map(Requirement, declared)
    }
    assert wanted == {
        (need["name"], need["specifier"])
        for need in packages["phantom"]["metadata"]["requires-dist"]
    }, STALE


def test_the_lock_names_one_index_and_a_hash_for_every_file(packages: dict[str, Package]) -> None:
    others = [package for package in packages.values() if package["source"] != {"editable": "."}]
    assert len({package["source"]["registry"] for package in others}) == 1
    for package in others:
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        assert files
        assert all(
            file["url"].startswith("https://") and file["hash"].startswith("sha256:")
            for file in files
        )
