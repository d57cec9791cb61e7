"""Rules of any shape are checked within seconds, with the answers of the plain definition."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given

from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.features.domains import session_domains
from phantom_core.rules.checks.check import MOST_CHECKED, check_rules
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.forms import MOST_CHARACTERS, read_form
from phantom_core.rules.rule_set import MOST_RULES, RuleSet
from phantom_core.rules.space import uncovered_pieces
from phantom_core.rules.text import parse_rules
from tests.examples import examples
from tests.pages.conftest import Open
from tests.rules.strategies import rule_sets

LIMITS: Final = RuleLimits(session_domains(), GuardRails(0.7, 1.5), ())
FEATURES: Final = (
    "interaction_velocity",
    "cart_to_view_ratio",
    "unique_products_viewed",
    "hover_intensity",
    "avg_time_between_events",
    "p_agent",
    "cart_adds",
    "conversion_rate",
)


def _half_spaces(draw: random.Random, position: int) -> str:
    chosen = draw.sample(FEATURES, 3)
    return " AND ".join(f"{name} {draw.choice('<>')} {round(draw.random(), 3)}" for name in chosen)


def _windows(draw: random.Random, position: int) -> str:
    starts = [(name, round(draw.random() * 0.9, 3)) for name in draw.sample(FEATURES, 2)]
    return " AND ".join(f"{name} > {low} AND {name} < {low + 0.1:.3f}" for name, low in starts)


def _bands(draw: random.Random, position: int) -> str:
    low = position % 50 / 50
    velocity = f"interaction_velocity > {draw.random() * 10:.2f}"
    return f"p_agent > {low:.3f} AND p_agent <= {low + 0.02:.3f} AND {velocity}"


def _rules(n: int, condition: Callable[[random.Random, int], str], declared: str = "") -> RuleSet:
    draw = random.Random(1)
    lines = [
        f"{'ELIF' if n_before else 'IF'} {condition(draw, n_before)} "
        f"THEN markup {0.8 + draw.randrange(60) / 100:.2f}"
        for n_before in range(n)
    ]
    return parse_rules("\n".join([*declared.splitlines(), *lines, "ELSE markup 1.00"]), "large")


@pytest.mark.parametrize("condition", [_half_spaces, _windows, _bands])
def test_a_hundred_and_fifty_rules_are_checked_within_bounds(
    condition: Callable[[random.Random, int], str],
) -> None:
    rules = _rules(150, condition)
    began_s = time.process_time()
    found = check_rules(rules, LIMITS)
    assert time.process_time() - began_s < 15.0
    assert found and "undecided" not in {one.kind for one in found}


def test_the_largest_rule_set_with_declarations_is_checked_within_bounds() -> None:
    rules = _rules(MOST_CHECKED, _windows, "MARKUP RISES WITH p_agent")
    began_s = time.process_time()
    check_rules(rules, LIMITS)
    assert time.process_time() - began_s < 15.0


@given(rule_sets)
@examples(60)
def test_the_grid_finds_the_pieces_of_the_plain_definition(rules: RuleSet) -> None:
    prepared = Prepared.of(rules, LIMITS)
    everything = prepared.space.everything()
    for position, box in enumerate((*prepared.boxes, everything)):
        plain = list(uncovered_pieces(box, prepared.boxes[:position]))
        quick = prepared.grid.uncovered(prepared.grid.encode(box), position)
        assert [prepared.grid.decode(piece) for piece in quick] == plain


def test_more_rules_than_can_be_checked_are_refused_with_the_limit() -> None:
    with pytest.raises(InputError, match=f"at most {MOST_RULES:,} rules"):
        _rules(MOST_RULES + 1, _bands)
    with pytest.raises(InputError, match=f"at most {MOST_CHECKED} can be checked"):
        check_rules(_rules(MOST_CHECKED + 1, _bands), LIMITS)


@pytest.mark.parametrize(
    "content",
    [
        '{"rules": ' + "[" * 100_000,
        '{"rules": ' + "[" * 600 + "]" * 600 + "}",
        '{"nodes": ' + "[" * 600 + "]" * 600 + "}",
        '{"otherwise": ' + "9" * 5_000 + "}",
        "#" * (MOST_CHARACTERS + 1),
    ],
)
def test_rules_nested_without_end_or_too_long_are_one_sentence(content: str) -> None:
    with pytest.raises(InputError, match=r"deep|JSON|JDM|characters"):
        read_form(content, "deep")


def test_a_page_that_redraws_itself_checks_the_same_draft_once(
    unlabelled: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from phantom_core.rules.checks.check import check_rules
    from ui.rules import check

    n_checks = 0

    def counted(rules: RuleSet, limits: RuleLimits) -> object:
        nonlocal n_checks
        n_checks += 1
        return check_rules(rules, limits)

    monkeypatch.setattr(check, "check_rules", counted)
    page = open_page(unlabelled, "rules", rules_tab="Check", rules="bands")
    first = n_checks
    page.run()
    page.run()
    assert first <= 1 and n_checks == first
