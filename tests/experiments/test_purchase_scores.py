"""Purchase scores come from labelled sessions, and read nothing that a price changes."""

from pathlib import Path

import pytest

from phantom_core.core.errors import DataError
from phantom_core.core.settings import Settings
from phantom_core.experiments.baseline import human_baseline
from phantom_core.experiments.purchase_scores import NOT_PRICE_BLIND, fit_scorer, price_blind_names
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.demo import load_demo


def test_no_feature_of_a_price_or_of_a_purchase_is_read() -> None:
    assert set(feature_names()) > NOT_PRICE_BLIND
    assert not {name for name in price_blind_names() if "price" in name}
    assert "purchases" not in price_blind_names()


@pytest.mark.slow
def test_labelled_purchases_give_scores_and_a_baseline(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, demo_sessions=1_500)
    load_demo(settings, now_ms=1_772_366_400_000)
    lake = open_lake(settings)
    matrix = FeatureStore(lake).matrix()
    scorer = fit_scorer(matrix)
    assert scorer.means.agent - scorer.means.human > 0.3
    assert ((scorer.score(matrix) > 0) & (scorer.score(matrix) < 1)).all()
    humans = human_baseline(lake, 0)
    assert humans is not None
    known = matrix.to_pandas()
    true = ((known["purchases"] > 0) & ~known["is_agent"].astype(bool)).mean()
    assert humans.mean == pytest.approx(true)
    with pytest.raises(DataError, match="purchases are labelled human"):
        fit_scorer(matrix.slice(0, 300))
