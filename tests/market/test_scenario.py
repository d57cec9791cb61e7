"""Scenarios: files that read back to themselves, and one sentence for each file that cannot be
used.
"""

from pathlib import Path

import numpy as np
import pytest

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.market.scenario import (
    DemandSurge,
    Detector,
    Scenario,
    ScenarioProduct,
    ShareChange,
    Velocity,
    load_scenario,
    parse_scenario,
    shipped_names,
)
from phantom_core.market.traffic import AGENT, HUMAN


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_scenario_explains_itself_and_reads_back_from_its_own_text(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.title
    assert scenario.note
    assert parse_scenario(scenario.to_toml().encode(), "copy.toml") == scenario


def test_the_known_scenarios_are_there() -> None:
    assert {
        "seed",
        "tight",
        "slack",
        "share_30",
        "share_50",
        "share_80",
        "less_sensitive",
        "share_jump",
        "arrival_surge",
        "substitutes",
    } <= set(shipped_names())
    seed, slack = load_scenario("seed"), load_scenario("slack")
    assert (seed.products[0].stock, seed.horizon_h, seed.agent_share) == (50, 1000, 0.7)
    assert (slack.products[0].stock, slack.horizon_h, slack.agent_share) == (1000, 168, 0.7)


def test_ten_come_an_hour_from_nine_to_seventeen_and_three_otherwise() -> None:
    rates = Scenario(horizon_h=24).rates()
    assert rates[[8, 9, 17, 18]].tolist() == [3.0, 10.0, 10.0, 3.0]
    assert rates.sum() == 9 * 10 + 15 * 3


def test_surges_and_changes_of_share_hold_from_their_hour_on() -> None:
    scenario = Scenario(
        horizon_h=6,
        first_hour=22,
        arrivals=(2.0,) * 24,
        surges=(DemandSurge(from_hour=1, to_hour=3, factor=2.0),),
        share_changes=(ShareChange(from_hour=4, share=0.9),),
        agent_share=0.1,
    )
    assert scenario.rates().tolist() == [2, 4, 4, 2, 2, 2]
    assert np.allclose(scenario.shares(), [0.1] * 4 + [0.9] * 2)


def test_a_counterfactual_is_checked_like_a_file() -> None:
    assert Scenario().with_(agent_share=0.2).agent_share == 0.2
    with pytest.raises(InputError, match="agent_share should be less than or equal to 1"):
        Scenario().with_(agent_share=2)


BROKEN = {
    "negative stock": (
        b"[[products]]\nstock = -1",
        "stock of products number 1 should be greater than or equal to 0 (found -1)",
    ),
    "share over one": (
        b"agent_share = 1.5",
        "agent_share should be less than or equal to 1 (found 1.5)",
    ),
    "share that is no number": (b"agent_share = nan", "agent_share should be"),
    "endless arrivals": (b"arrivals = [" + b"inf," * 24 + b"]", "arrivals 0 should be"),
    "too few hours of arrivals": (b"arrivals = [1.0]", "arrivals has 1 entries instead of 24"),
    "no arrivals": (b"arrivals = [" + b"0.0," * 24 + b"]", "there are no arrivals"),
    "unknown key": (b"agentshare = 0.5", "it has no setting 'agentshare'"),
    "text for a number": (b'horizon_h = "long"', "horizon_h should be a valid integer"),
    "no product": (b"products = []", "products has 0 entries instead of 1"),
    "one name twice": (b"[[products]]\n[[products]]", "two products have the same name"),
    "rails the wrong way round": (
        b"lowest_ratio = 1.4\nhighest_ratio = 1.2",
        "the lowest price ratio 1.4 is above the highest 1.2",
    ),
    "a surge that ends before it starts": (
        b"[[surges]]\nfrom_hour = 5\nto_hour = 5\nfactor = 2.0",
        "cannot end at hour 5",
    ),
    "no TOML": (b"agent_share 0.5", "is not TOML"),
    "a picture": (b"\x89PNG\r\n\xff\xfe", "is not a text file in UTF-8"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_scenario_is_rejected_in_one_sentence(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as rejected:
        load_scenario(str(path))
    assert message in rejected.value.message
    assert "mine.toml" in rejected.value.message
    assert "\n" not in rejected.value.message


@pytest.mark.parametrize("name", ["tihgt", "", "nowhere/mine.toml", "/"])
def test_an_unknown_scenario_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(NotFoundError) as rejected:
        load_scenario(name)
    assert "tight" in rejected.value.hint


def test_a_shop_keeps_each_product_by_its_name() -> None:
    scenario = Scenario(
        products=(ScenarioProduct(name="a"), ScenarioProduct(name="b", base_price=2.0))
    )
    assert [product.base_price for product in scenario.products] == [1.0, 2.0]


def test_the_default_velocities_are_those_of_the_generated_shoppers() -> None:
    from phantom_core.shoppers.families import FAMILIES
    from phantom_core.shoppers.generate import generate_sessions

    made = generate_sessions(4_000, seed=11)
    agents = {family.name for family in FAMILIES if family.is_agent}
    is_agent = dict(
        zip(
            made.labels["session"].to_pylist(),
            (family in agents for family in made.labels["family"].to_pylist()),
            strict=True,
        )
    )
    counts = made.events.group_by("sessionId").aggregate(
        [("ts", "min"), ("ts", "max"), ("ts", "count")]
    )
    seconds = np.array(
        [
            (np.datetime64(last.rstrip("Z")) - np.datetime64(first.rstrip("Z")))
            / np.timedelta64(1, "ms")
            / 1e3
            for first, last in zip(
                counts["ts_min"].to_pylist(), counts["ts_max"].to_pylist(), strict=True
            )
        ]
    )
    velocity = counts["ts_count"].to_numpy()[seconds > 0] / seconds[seconds > 0] * 60
    who = np.array([is_agent[session] for session in counts["sessionId"].to_pylist()])[seconds > 0]
    scenario = Scenario()
    for kind, expected in ((HUMAN, scenario.human_velocity), (AGENT, scenario.agent_velocity)):
        seen = velocity[who == bool(kind)]
        assert seen.mean() == pytest.approx(expected.mean, rel=0.1)
        assert seen.std() / seen.mean() == pytest.approx(expected.spread, rel=0.25)


def test_the_documentation_names_every_setting() -> None:
    text = (Path(__file__).parents[2] / "docs" / "market.md").read_text(encoding="utf-8")
    reference = text[text.index("## A scenario file") :]
    parts = (Scenario, ScenarioProduct, DemandSurge, ShareChange, Detector, Velocity)
    assert [
        name
        for part in parts
        for name in part.model_fields
        if f"`{name}`" not in reference and f"[{name}]" not in reference
    ] == []


def test_a_wrong_entry_is_reported_once() -> None:
    with pytest.raises(InputError) as told:
        parse_scenario(b"[[products]]\nstock = -1", "mine.toml")
    assert "entries" not in told.value.message
