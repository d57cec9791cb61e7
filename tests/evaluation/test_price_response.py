"""Price response: elasticities cover the true value although the fitted curve is too flat."""

import numpy as np

from phantom_core.evaluation.price_response import Response, elasticity_of_class, price_bands


def response(
    rng: np.random.Generator, sensitivity: float, fitted: float, n: int = 20_000
) -> Response:
    """Choices of P(buy) = 0.2 / (1 + r^s), and a curve fitted with another s."""
    log_ratio = np.log(rng.choice([0.7, 0.85, 1.0, 1.2, 1.4], n))
    bought = rng.random(n) < 0.2 / (1.0 + np.exp(sensitivity * log_ratio))
    return Response(
        log_ratio=log_ratio,
        bought=bought,
        p_purchase=0.2 / (1.0 + np.exp(fitted * log_ratio)),
        p_at_base=np.full(n, 0.1),
        elasticity=np.full(n, -fitted / 2),
        actor=np.arange(n),
    )


def test_a_curve_that_is_too_flat_is_corrected() -> None:
    covered = 0
    for seed in range(20):
        found = elasticity_of_class(
            response(np.random.default_rng(seed), 5.0, 2.0), np.ones(20_000)
        )
        covered += found.value.low <= -2.5 <= found.value.high
        assert found.as_fitted == -1.0
        assert found.value.high < -1.0
    assert covered >= 17


def test_weights_choose_the_class() -> None:
    one, other = (response(np.random.default_rng(seed), s, 3.0) for seed, s in ((1, 2.0), (2, 5.0)))
    both = Response(
        *(np.concatenate([getattr(one, name), getattr(other, name)]) for name in Response.__slots__)
    )
    is_agent = np.repeat([0.0, 1.0], 20_000)
    human, agent = (elasticity_of_class(both, weight) for weight in (1 - is_agent, is_agent))
    assert human.value.low <= -1.0 <= human.value.high
    assert agent.value.low <= -2.5 <= agent.value.high
    assert human.n_offers == agent.n_offers == 20_000


def test_bands_count_offers_once() -> None:
    made = response(np.random.default_rng(3), 2.0, 2.0)
    bands = price_bands(made, {"human": np.full(20_000, 0.7), "agent": np.full(20_000, 0.3)})
    assert [(band.who, band.low_ratio, band.high_ratio) for band in bands] == [
        ("human", None, 0.9),
        ("human", 0.9, 1.1),
        ("human", 1.1, None),
    ]
    assert sum(band.bin.n_sessions for band in bands) == 20_000
    assert all(band.bin.share_low <= band.bin.probability <= band.bin.share_high for band in bands)
