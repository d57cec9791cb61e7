"""Migrations: upgrades of the control database's schema from any release to the newest.

To change a table: change its definition, add `versions/m<number>_<what>.py` after the newest one
with an `upgrade` function, and set HEAD to its revision. To change a database constraint: do the
same with an empty `upgrade`, and set CONSTRAINTS and FINGERPRINTS; constraints are dropped before
an upgrade and created from their declarations after it. Tests compare all of these. The only way
back is a backup.
"""

from typing import Final

HEAD: Final = "0007"
# Of the triggers and indexes of an up-to-date database, which every process compares at its start.
FINGERPRINTS: Final = {"sqlite": "8b5f4b1ae441f179", "postgresql": "d6d0ed549acfd4ef"}
CONSTRAINTS: Final = "557c8c2dca439c59"
