"""OpenAPI: the documents of the services as they are published in docs/openapi.

Run: python -m phantom_core.serving.openapi   writes them; a test fails while they are not current.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from phantom_core.serving.ingest_app import ingest_app
from phantom_core.serving.pricing import pricing_app
from phantom_core.settings import Settings

FOLDER: Final = Path(__file__).parents[2] / "docs" / "openapi"


def documents() -> Mapping[str, str]:
    """Content of each document by file name."""
    settings = Settings()
    apps = {"ingest": ingest_app(settings), "pricing": pricing_app(settings)}
    return {f"{name}.json": json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n" for name, app in apps.items()}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
