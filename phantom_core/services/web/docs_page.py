"""Docs page: the routes of a service as one HTML page without a script.

FastAPI's own page runs a script from a content network in the browser of whoever reads it.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f3f4f2;padding:.7rem;overflow:auto}h2{font-size:1.05rem;margin-top:2rem}"
)


def add_docs_page(app: FastAPI) -> None:
    """Serve /docs from the application's own OpenAPI document."""

    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    app.add_api_route("/docs", docs, include_in_schema=False)


def docs_page(document: Mapping[str, Any]) -> str:
    """The page.

    Args:
        document: OpenAPI.
    """
    title = escape(str(document["info"]["title"]))
    routes = "".join(
        part
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for part in _route(path, method, operation)
    )
    schemas = document.get("components", {}).get("schemas", {})
    shared = f"<h2>Schemas</h2>{_json(schemas)}" if schemas else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p>As a document for machines: <a href="openapi.json">openapi.json</a></p>'
        f"{routes}{shared}</body></html>"
    )


def _route(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
    yield f"<p>{escape(str(operation.get('description') or operation.get('summary') or ''))}</p>"
    if operation.get("parameters"):
        yield f"<p>Parameters</p>{_json(operation['parameters'])}"
    if "requestBody" in operation:
        yield f"<p>Body</p>{_json(operation['requestBody'])}"
    answers = "".join(
        f"<li><code>{escape(status)}</code> {escape(str(answer.get('description', '')))}</li>"
        for status, answer in operation.get("responses", {}).items()
    )
    yield f"<p>Answers</p><ul>{answers}</ul>"


def _json(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"
