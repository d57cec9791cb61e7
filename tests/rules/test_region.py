"""Regions: what two have in common, the short way and the long way."""

from hypothesis import given
from hypothesis import strategies as st

from phantom_core.rules.domain import Domain
from phantom_core.rules.region import AFTER, BEFORE, Region, join_regions

cuts = st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.sampled_from([BEFORE, AFTER]))
regions = st.builds(
    lambda spans, categories, undefined: Region(
        join_regions(spans), frozenset(categories), undefined
    ),
    st.lists(st.tuples(cuts, cuts), max_size=3),
    st.sets(st.sampled_from("ab")),
    st.booleans(),
)


@given(regions, regions)
def test_two_regions_overlap_where_a_value_is_in_both(one: Region, other: Region) -> None:
    assert one.overlaps(other) == other.overlaps(one) == (not (one & other).is_empty)
    assert one & other == other & one
    assert one.minus(other) & other == Region()
    assert one.minus(other) | (one & other) == one


def test_everything_is_one_object_for_equal_domains() -> None:
    assert Domain("whole", low=0).everything() is Domain("whole", low=0).everything()
