"""Fixtures that attacks share with the tests of pages."""

from tests.pages.conftest import empty, networked, open_page, own, unlabelled

__all__ = ["empty", "networked", "open_page", "own", "unlabelled"]
