"""The catalogue: features by family, and the page that shows them."""

from pathlib import Path

import pytest

from phantom_core.core.errors import InputError
from phantom_core.features.catalogue import FAMILIES, FEATURES, catalogue_markdown, feature_names

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_every_feature_has_a_name_of_its_own_and_a_family() -> None:
    assert len(set(feature_names())) == len(FEATURES)
    assert {feature.family for feature in FEATURES} == set(FAMILIES)


def test_families_can_be_left_out() -> None:
    assert set(feature_names()) - set(feature_names(without=["temporal"])) == {
        item.name for item in FEATURES if item.family == "temporal"
    }
    assert feature_names(without=["temporal", "behavioural", "product", "user_agent"]) == ()


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(InputError, match="timing"):
        feature_names(without=["timing"])


def test_the_page_shows_the_catalogue_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(catalogue_markdown()), (
        "python -m phantom_core.features.catalogue writes the tables again"
    )
