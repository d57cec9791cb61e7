"""OpenAPI: the documents of the services as they are published in docs/openapi.

Run: python -m phantom_core.serving.openapi   writes them; a test fails while they are not current.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from phantom_core.serving.pricing import pricing_app
from phantom_core.settings import Settings

FOLDER: Final = Path(__file__).parents[2] / "docs" / "openapi"


def documents() -> Mapping[str, str]:
    """Content of each document by file name."""
    return {"pricing.json": json.dumps(pricing_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
