"""Audit the locked dependencies against the advisories of osv.dev.

Exit code 0: no advisory applies. 1: some do, each on a line. 3: it could not be checked, which is
said and counts as a failure where PHANTOM_AUDIT_REQUIRED is 1, as on a machine that can reach
the advisories.

Run: python .ci/audit_dependencies.py [UV [options of `uv audit`]]
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNCHECKED = 3


def audit_dependencies(uv: str, options: Sequence[str] = ()) -> int:
    """Print what applies; returns the exit code."""
    command = [uv, "audit", "--frozen", "--output-format", "json", *options]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        found = json.loads(ended.stdout)
        n_packages = int(found["summary"]["audited_packages"])
        advisories = [*found["vulnerabilities"], *found["adverse_statuses"]]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        return _unchecked(error)
    if ended.returncode not in (0, 1) or not n_packages:
        return _unchecked(RuntimeError(f"uv audit ended with {ended.returncode}"))
    for one in advisories:
        package = one.get("dependency", {})
        print(f"{package.get('name')} {package.get('version')}: {one.get('id')} {one}"[:400])
    print(f"{len(advisories)} advisories for {n_packages} locked packages.")
    return 1 if advisories else 0


def _unchecked(error: Exception) -> int:
    print(
        "DEPENDENCIES COULD NOT BE CHECKED: the advisories do not answer "
        f"({type(error).__name__}).",
        file=sys.stderr,
    )
    return UNCHECKED


if __name__ == "__main__":
    code = audit_dependencies(sys.argv[1] if len(sys.argv) > 1 else "uv", sys.argv[2:])
    is_required = os.environ.get("PHANTOM_AUDIT_REQUIRED") == "1"
    sys.exit(0 if code == UNCHECKED and not is_required else code)
