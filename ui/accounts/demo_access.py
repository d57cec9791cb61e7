"""Demo access: whether anyone on this machine may sign in without an account."""

from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from phantom_core.accounts.people import has_accounts
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.hosts import is_local_request, is_loopback
from phantom_core.core.settings import Settings


def is_open(settings: Settings, client: str, headers: Mapping[str, str]) -> bool:
    """Whether there are no accounts and no identity provider, only this machine is served, and the
    request comes straight from it.

    Args:
        settings: of the installation.
        client: address of the browser.
        headers: of the request, by lower-case name.
    """
    if not is_local_request(client, headers):
        return False
    if (
        not settings.access.demo_people
        or has_provider()
        or not is_loopback(str(st.get_option("server.address") or ""))
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
