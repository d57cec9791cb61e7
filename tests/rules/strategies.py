"""Rule sets and sessions for property tests, with few features and round thresholds."""

import numpy as np
from hypothesis import strategies as st

from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column
from phantom_core.rules.rule_set import Rule, RuleSet

NUMBERS = ("interaction_velocity", "cart_adds", "std_price_seen", "p_agent")
CATEGORY = "browser_family"
BROWSERS = ("Chrome", "Firefox", "Safari", "Edge", "Other")
THRESHOLDS = (0.0, 0.1, 1 / 3, 0.5, 2 / 3, 1.0, 2.0, 10.0, 12.345678901234567)
MARKUPS = (0.9, 1.0, 1.1, 1.3, 1.2345678901234567)

conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(NUMBERS),
        st.sampled_from([">", ">=", "<", "<=", "=", "!="]),
        st.sampled_from(THRESHOLDS),
        st.booleans(),
    ),
    st.builds(
        Condition,
        st.just(CATEGORY),
        st.sampled_from(["=", "!="]),
        st.sampled_from(BROWSERS),
        st.booleans(),
    ),
    st.builds(
        lambda name: Condition(name, "IS UNDEFINED", when_undefined=True),
        st.sampled_from((*NUMBERS, CATEGORY)),
    ),
)
rules = st.builds(
    Rule, st.lists(conditions, min_size=1, max_size=4).map(tuple), st.sampled_from(MARKUPS)
)
rule_sets = st.builds(
    RuleSet, st.just("any"), st.lists(rules, max_size=7).map(tuple), st.sampled_from(MARKUPS)
)


def random_sessions(n: int, rng: np.random.Generator) -> dict[str, Column]:
    """Sessions, a third with undefined features; numbers lie on thresholds, near them, anywhere."""
    columns: dict[str, Column] = {}
    has_gaps = rng.random(n) < 1 / 3
    for name in NUMBERS:
        on = rng.choice(THRESHOLDS, n)
        beside = np.nextafter(on, rng.choice([-np.inf, np.inf], n))
        values = np.choose(rng.integers(0, 3, n), [on, beside, rng.gamma(1.0, 3.0, n)])
        columns[name] = np.where(has_gaps & (rng.random(n) < 0.5), np.nan, values)
    browsers = np.array(BROWSERS, object)[rng.integers(0, len(BROWSERS), n)]
    browsers[has_gaps & (rng.random(n) < 0.5)] = None
    columns[CATEGORY] = browsers
    return columns


def row(columns: dict[str, Column], i: int) -> dict[str, float | str | None]:
    """One session as a mapping."""
    return {
        name: values[i] if isinstance(values[i], str) or values[i] is None else float(values[i])
        for name, values in columns.items()
    }
