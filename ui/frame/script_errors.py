"""Script errors: a page that fails shows a number, and the log has the rest under it.

Traces hold paths, SQL and values; whoever looks at a page need not be allowed to see them.
"""

import logging
import secrets

from phantom_core.core.damage import explain_damage
from phantom_core.core.errors import PhantomError
from ui.frame.errors import show_error

_LOGGER = logging.getLogger(__name__)


def show_script_error(error: Exception) -> bool:
    """Show what an uncaught error means to its reader, and log it.

    Args:
        error: from a page or a callback.
    Returns:
        True: nothing else shows it.
    """
    found = error if isinstance(error, PhantomError) else explain_damage(error)
    if found is not None:
        show_error(found.message, found.hint)
        return True
    number = secrets.token_hex(4)
    _LOGGER.error("Page error %s.", number, exc_info=error)
    show_error(
        f"This page failed (error {number}).",
        "Load it again; if it fails again, an administrator finds the error in the app's log "
        "under this number.",
    )
    return True
