"""Migrations: upgrades of the control database's schema from any release to the newest.

To change a table: change its definition, add `versions/m<number>_<what>.py` after the newest one
with an `upgrade` function, and set HEAD to its revision. To change a database constraint: do the
same with an empty `upgrade`, and set CONSTRAINTS and FINGERPRINTS; constraints are dropped before
an upgrade and created from their declarations after it. Tests compare all of these. The only way
back is a backup.
"""

from typing import Final

HEAD: Final = "0008"
# Of the triggers and indexes of an up-to-date database, which every process compares at its start.
FINGERPRINTS: Final = {"sqlite": "9b078262081cb8f0", "postgresql": "75706614a1c4a2dc"}
CONSTRAINTS: Final = "ba9d1c2ab7642a6e"
