"""PHANTOM from Python: automated shoppers in clickstream data, and prices that govern them.

    import phantom

    shop = phantom.open("data/workspace")
    shop.sessions().to_pandas()

Public are the names below, `phantom.results` (what methods return) and nothing of `phantom_core`,
which changes without notice. Tables are Arrow tables; times are UTC, money is in the currency of
the shop, NULL means undefined. Importing this module loads no library that takes time; a method
loads what it needs.
"""

from phantom.figures import figures, paths
from phantom.model import Model
from phantom.workspace import Workspace, open
from phantom_core.core.errors import (
    BusyError,
    CancelledError,
    ConflictError,
    DamageError,
    DataError,
    HeaderError,
    InputError,
    MappingError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    PhantomError,
    SourceError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)

__all__ = [
    "BusyError",
    "CancelledError",
    "ConflictError",
    "DamageError",
    "DataError",
    "HeaderError",
    "InputError",
    "MappingError",
    "Model",
    "NotAllowedError",
    "NotFoundError",
    "NotSignedInError",
    "PhantomError",
    "SourceError",
    "TooLargeError",
    "UnavailableError",
    "UnsupportedError",
    "Workspace",
    "figures",
    "open",
    "paths",
]
