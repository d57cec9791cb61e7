import numpy as np
import pytest

from benchmarks.demo_difficulty import price_sensitivity
from phantom_core.shoppers.catalogue import demo_catalogue
from phantom_core.shoppers.generate import Generated, generate_sessions
from phantom_core.shoppers.path import Path
from phantom_core.shoppers.quotes import PriceExperiment, Quoted, QuoteRequest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def large() -> Generated:
    return generate_sessions(40_000, 11)


@pytest.mark.parametrize(("is_agent", "true_s"), [(False, 2.0), (True, 5.0)])
def test_logistic_regression_on_log_price_ratio_recovers_the_sensitivity(
    large: Generated, is_agent: bool, true_s: float
) -> None:
    s, standard_error = price_sensitivity(large, is_agent=is_agent)
    assert standard_error < 0.25
    assert abs(s - true_s) < 3 * standard_error


def test_whether_a_product_is_considered_does_not_depend_on_its_price(large: Generated) -> None:
    truth = large.truth.to_pandas()
    open_minded = truth[truth["interest"] > 0]
    low, high = (
        open_minded[side]["considered"]
        for side in (open_minded["price_ratio"] < 1, open_minded["price_ratio"] > 1)
    )
    error = np.sqrt(low.var() / len(low) + high.var() / len(high))
    assert abs(low.mean() - high.mean()) < 3 * error


def test_considered_products_are_bought_as_often_as_the_true_probability_says(
    large: Generated,
) -> None:
    truth = large.truth.to_pandas()
    for column, rows in (("p_buy", truth), ("p_buy_considered", truth[truth["considered"]])):
        error = np.sqrt((rows[column] * (1 - rows[column])).sum()) / len(rows)
        assert abs(rows["bought"].mean() - rows[column].mean()) < 3 * error


def test_a_visit_considers_one_product_at_most(large: Generated) -> None:
    assert large.truth.to_pandas().groupby("sessionId")["considered"].sum().max() == 1


def test_each_multiplier_is_drawn_as_often_as_its_propensity_says() -> None:
    n = 20_000
    rows = np.zeros(n, np.int64)
    experiment = PriceExperiment(multipliers=(0.5, 2.0), propensities=(0.25, 0.75))
    quoted = experiment(
        QuoteRequest(rows, rows, np.full(n, 10.0), rows, Path()), np.random.default_rng(1)
    )
    assert set(zip(quoted.price.tolist(), quoted.propensity.tolist(), strict=True)) == {
        (5.0, 0.25),
        (20.0, 0.75),
    }
    assert (quoted.price == 5.0).mean() == pytest.approx(0.25, abs=0.01)


class OnePrice:
    """Everything at one multiple of its base price, not drawn at random; notes how long ago
    each visit did something.
    """

    def __init__(self, multiple: float) -> None:
        self.multiple = multiple
        self.idle_ms: list[int] = []

    def __call__(self, request: QuoteRequest, rng: np.random.Generator) -> Quoted:
        events = request.path.events() if request.visit.size else None
        for visit, event_ms in zip(request.visit, request.event_ms, strict=True):
            self.idle_ms.append(event_ms - events.event_ms[events.visit == visit].max())
        return Quoted(self.multiple * request.base_price, np.full(request.visit.size, np.nan))


def test_shoppers_meet_whatever_policy_answers_their_questions() -> None:
    given_away, forbidding = (
        generate_sessions(300, 4, quote=OnePrice(multiple)).truth.to_pandas()
        for multiple in (1e-6, 1e6)
    )
    assert given_away["considered"].sum() > 10
    assert (given_away["bought"] == given_away["considered"]).all()
    assert not forbidding["bought"].any()


def test_a_price_that_was_not_randomised_has_no_propensity() -> None:
    assert generate_sessions(20, 4, quote=OnePrice(1.0)).quotes["propensity"].null_count > 0


def test_a_policy_sees_what_visits_did_before_its_quote_and_nothing_after() -> None:
    policy = OnePrice(1.0)
    generated = generate_sessions(50, 4, quote=policy)
    assert len(policy.idle_ms) == generated.quotes.num_rows
    assert min(policy.idle_ms) > 0


def test_the_catalogue_is_sorted_by_price_and_lists_every_product_once() -> None:
    catalogue = demo_catalogue()
    assert len(set(catalogue.product_id)) == len(catalogue.product_id) == catalogue.size.sum()
    for first, size in zip(catalogue.first, catalogue.size, strict=True):
        assert (np.diff(catalogue.base_price[first : first + size]) >= 0).all()
        assert sorted(catalogue.listing[first : first + size]) == list(range(first, first + size))


def test_the_price_ladder_folds_back_at_both_ends() -> None:
    catalogue, store = demo_catalogue(), np.zeros(5, np.int64)
    rungs = catalogue.on_price_ladder(store, np.array([0.0, 0.5, 1.0, -0.5, 1.5]))
    assert rungs.tolist() == [0, 30, 59, 30, 30]
