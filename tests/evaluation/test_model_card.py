"""The model card names what was not measured, and simpler models that rank as well."""

from dataclasses import replace

import numpy as np

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.model_card import model_card
from phantom_core.evaluation.report import LabelSources, Robustness
from phantom_core.evaluation.robustness import ClockAttack, UnseenFamily
from phantom_core.evaluation.threshold import choose_threshold
from tests.views.reports import IS_AGENT, PROBABILITY, small_report

REPORT = small_report()
NEVER = ClockAttack("", REPORT.ranking.roc_auc, REPORT.ranking.roc_auc)
STUDIED = REPORT.robustness or Robustness((), (), NEVER, None, None, None)


def test_a_clock_attack_without_human_waits_is_not_measured() -> None:
    card = model_card(replace(REPORT, robustness=replace(STUDIED, human_clock_attack=None)))
    assert (
        "| agents wait as long as humans do | not measured: no human session has two events |"
        in card
    )


def test_where_no_agent_bought_the_card_says_that_nothing_is_saved() -> None:
    no_purchase = np.full(len(PROBABILITY), False)
    chosen = choose_threshold(
        IS_AGENT, no_purchase, PROBABILITY, marking_up_human_cost=0.3, leaking_to_agent_cost=0.2
    )
    assert "from probability 0.600 on: no agent bought, so marking up saves nothing" in model_card(
        replace(REPORT, threshold=chosen)
    )


def test_the_buying_rate_stands_beside_the_threshold() -> None:
    assert "100.0 % of the agent sessions bought" in model_card(REPORT)


def test_families_have_columns_of_their_own() -> None:
    family = UnseenFamily("scraper", 7, REPORT.ranking.roc_auc, REPORT.ranking.roc_auc)
    card = model_card(replace(REPORT, robustness=replace(STUDIED, leave_family_out=(family,))))
    assert (
        "| family | sessions | held out | in training |\n| --- | --- | --- | --- |\n"
        "| scraper | 7 | 0.500" in card
    )


def test_the_card_says_where_labels_came_from() -> None:
    def card(person: int, experiment: int) -> str:
        return model_card(
            replace(REPORT, data=replace(REPORT.data, sources=LabelSources(person, experiment)))
        )

    assert "Labels come from experiments" in card(0, 5)
    assert "Labels were given to sessions one by one" in card(5, 0)
    assert "3 labels come from experiments" in card(2, 3)


def test_simpler_models_that_rank_as_well_are_named_as_a_limit() -> None:
    assert "The feature item_views alone reaches a ROC-AUC of 0.500" in model_card(REPORT)
    better = replace(REPORT.ranking, roc_auc=Estimate(0.9, 0.9, 0.9))
    assert "adds little" not in model_card(replace(REPORT, ranking=better))


def test_before_its_studies_the_card_says_how_to_run_them() -> None:
    assert "study classifier" in model_card(replace(REPORT, robustness=None))
