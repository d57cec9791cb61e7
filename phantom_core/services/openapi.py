"""OpenAPI: the documents of the services as they are published in docs/openapi.

Run: python -m phantom_core.services.openapi   writes them; a test fails while they are outdated.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from phantom_core.core.settings import Settings
from phantom_core.services.ingest.app import ingest_app
from phantom_core.services.pricing.app import pricing_app

FOLDER: Final = Path(__file__).parents[2] / "docs" / "openapi"


def openapi_documents() -> Mapping[str, str]:
    """Content of each document by file name."""
    settings = Settings()
    apps = {"ingest": ingest_app(settings), "pricing": pricing_app(settings)}
    return {
        f"{name}.json": json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
        for name, app in apps.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in openapi_documents().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
