"""Post form: a form that the browser posts to a route, whose response can set a cookie."""

from html import escape

import streamlit as st

from ui.accounts.sign_in_cookie import base_path


def post_button(
    label: str, path: str, *, about: str = "", is_quiet: bool = False, **fields: str
) -> None:
    """A button that posts hidden fields.

    Args:
        label: on the button.
        path: of the route, below the path of the app.
        about: tooltip.
        is_quiet: without a frame.
        fields: name and value of each.
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    look = ' class="quiet"' if is_quiet else ""
    button = f'<button title="{escape(about)}"{look}>{escape(label)}</button>'
    st.html(
        '<form class="post-form" method="post" '
        f'action="{escape(base_path() + path)}">{hidden}{button}</form>',
        width="content",
    )


def password_form(path: str, login: str) -> None:
    """Login and password.

    Args:
        path: of the route, below the path of the app.
        login: as it was entered before.
    """
    st.html(
        f"""<form class="post-form" method="post" action="{escape(base_path() + path)}">
<label>Login<input name="login" value="{escape(login)}"
 autocomplete="username" autocapitalize="none" required></label>
<label>Password<input name="password" type="password"
 autocomplete="current-password" required></label>
<button class="primary">Sign in</button>
</form>"""
    )
