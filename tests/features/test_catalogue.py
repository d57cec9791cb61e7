"""The catalogue: 29 features, and the page that shows them."""

from collections import Counter
from pathlib import Path

import pytest

from phantom_core.core.errors import InputError
from phantom_core.features.catalogue import FEATURES, catalogue_markdown, feature_names

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_there_are_29_features_in_four_families() -> None:
    assert Counter(feature.family for feature in FEATURES) == {
        "temporal": 8,
        "behavioural": 10,
        "product": 8,
        "user_agent": 3,
    }
    assert len(set(feature_names())) == 29


def test_families_can_be_left_out() -> None:
    assert len(feature_names(without=["temporal"])) == 21
    assert feature_names(without=["temporal", "behavioural", "product", "user_agent"]) == ()


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(InputError, match="timing"):
        feature_names(without=["timing"])


def test_the_page_shows_the_catalogue_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(catalogue_markdown()), (
        "python -m phantom_core.features.catalogue prints the tables anew"
    )
