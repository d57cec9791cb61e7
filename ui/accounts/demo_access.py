"""Demo access: whether anyone on this machine may sign in without an account."""

from typing import Final

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from phantom_core.accounts.people import has_accounts
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.settings import Settings

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def is_open(settings: Settings) -> bool:
    """Whether there are no accounts and no identity provider, and only this machine is served."""
    if (
        not settings.access.demo_people
        or has_provider()
        or st.get_option("server.address") not in _LOCAL
    ):
        return False
    with control_engine(settings).connect() as connection:
        return not has_accounts(connection)


def has_provider() -> bool:
    """Whether an identity provider is set up in .streamlit/secrets.toml."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False
