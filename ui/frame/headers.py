"""Headers: what a browser may do with the pages, told with every answer of the app.

The pages load nothing from elsewhere, so a policy of content keeps an image, script or form of
somebody else from working even where a text of theirs would be drawn as more than text.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit
from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HSTS: Final = "max-age=31536000; includeSubDomains"
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SHELL: Final = Path(streamlit.__file__).parent / "static" / "index.html"


def content_policy(shell: str) -> str:
    """The Content-Security-Policy of the pages.

    Args:
        shell: the HTML page that Streamlit serves; its own inline scripts are allowed by hash.
    """
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE.findall(shell))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {scripts}".strip(),
            # Streamlit and Plotly write their styles while a page is drawn.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class SafeHeaders:
    """Adds the headers of safety to every answer over HTTP.

    Args:
        app: the application.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": content_policy(_SHELL.read_text(encoding="utf-8")),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        forwarded = Headers(scope=scope).get("x-forwarded-proto", "")
        is_secure = "https" in (scope.get("scheme"), forwarded.split(",")[0].strip())

        async def send_safely(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if is_secure:
                    headers["Strict-Transport-Security"] = HSTS
            await send(message)

        await self._app(scope, receive, send_safely)
