"""A scenario: everything about a simulated market except the prices, as a TOML file."""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
import tomli_w
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.limits import GuardRails

HOURS_A_DAY: Final = 24
# Ten an hour in the daytime, else three: the seed market.
SEED_ARRIVALS: Final = tuple(10.0 if 9 <= hour <= 17 else 3.0 for hour in range(HOURS_A_DAY))
SHIPPED: Final = Path(__file__).parent / "scenarios"

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=1_000)]
Sensitivity = Annotated[float, Field(gt=0, le=50)]


class ScenarioPart(BaseModel):
    """Base of all parts of a scenario: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScenarioProduct(ScenarioPart):
    """A product that is sold.

    Attributes:
        base_price: list price, in currency or, where 1.0, in units of itself.
        stock: units at the start; never replenished.
        weight: share of the shoppers who come for it, in proportion to the other products' weights.
    """

    name: str = "room"
    base_price: float = Field(default=1.0, gt=0)
    stock: int = Field(default=50, ge=0, le=100_000)
    weight: float = Field(default=1.0, gt=0)


class DemandSurge(ScenarioPart):
    """Arrivals times a factor from one hour of the horizon to before another."""

    from_hour: int = Field(ge=0)
    to_hour: int = Field(gt=0)
    factor: float = Field(gt=0, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to_hour <= self.from_hour:
            raise ValueError(
                f"a surge that starts at hour {self.from_hour} cannot end at hour {self.to_hour}"
            )
        return self


class ShareChange(ScenarioPart):
    """From this hour of the horizon on, agents are another share of the arrivals."""

    from_hour: int = Field(ge=0)
    share: Share


class Detector(ScenarioPart):
    """Quality of agent detection, as an operating point of a classifier.

    Attributes:
        recall: probability that an agent is flagged.
        false_alarms: probability that a human is flagged.
    """

    recall: Share = 0.80
    false_alarms: Share = 0.08


class Velocity(ScenarioPart):
    """Events per minute of a session, gamma distributed.

    Attributes:
        mean: events per minute.
        spread: standard deviation over mean.
    """

    mean: float = Field(gt=0)
    spread: float = Field(gt=0)


class Scenario(ScenarioPart):
    """A simulated market except its prices.

    Attributes:
        horizon_h: how long it is open, hours.
        first_hour: hour of day at which it opens, 0 to 23.
        products: sold products.
        arrivals: expected shoppers in each hour of the day, 24 numbers.
        surges: times with more or fewer arrivals.
        agent_share: probability that an arriving shopper is an agent.
        share_changes: changes of the agent share over time.
        human_sensitivity, agent_sensitivity: exponent s of P(buy) = 1 / (1 + (price / base price) ^
            s).
        substitution: probability that a shopper who did not get their product looks at another one.
        leakage_weight: cost of one unit of leakage in the reward.
        reference_ratio: price that an agent should pay, in units of the base price.
        lowest_ratio, highest_ratio: guard rails of the price, in units of the base price.
        detector: quality of agent detection.
        human_velocity, agent_velocity: events per minute by class; the defaults are those of the
            generated shoppers.
    """

    name: str = Field(default="custom", min_length=1, max_length=60)
    title: str = ""
    note: str = ""
    horizon_h: int = Field(default=24, ge=1, le=8_760)
    first_hour: int = Field(default=0, ge=0, lt=HOURS_A_DAY)
    products: tuple[ScenarioProduct, ...] = Field(
        default=(ScenarioProduct(),), min_length=1, max_length=20
    )
    arrivals: tuple[Rate, ...] = Field(
        default=SEED_ARRIVALS, min_length=HOURS_A_DAY, max_length=HOURS_A_DAY
    )
    surges: tuple[DemandSurge, ...] = ()
    agent_share: Share = 0.7
    share_changes: tuple[ShareChange, ...] = ()
    human_sensitivity: Sensitivity = 2.0
    agent_sensitivity: Sensitivity = 5.0
    substitution: Share = 0.0
    leakage_weight: float = Field(default=0.5, ge=0, le=10)
    reference_ratio: float = Field(default=1.2, ge=0, le=10)
    lowest_ratio: float = Field(default=0.7, gt=0)
    highest_ratio: float = Field(default=1.5, le=10)
    detector: Detector = Detector()
    human_velocity: Velocity = Velocity(mean=7.4, spread=1.4)
    agent_velocity: Velocity = Velocity(mean=10.7, spread=0.86)
    format: Literal[1] = 1

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.lowest_ratio > self.highest_ratio:
            raise ValueError(
                f"the lowest price ratio {self.lowest_ratio} is above the highest "
                f"{self.highest_ratio}"
            )
        if not any(self.arrivals):
            raise ValueError("there are no arrivals: all 24 are 0")
        names = [product.name for product in self.products]
        if len(set(names)) < len(names):
            raise ValueError("two products have the same name")
        return self

    @property
    def guard_rails(self) -> GuardRails:
        """The guard rails of this market, in units of the base price."""
        return GuardRails(self.lowest_ratio, self.highest_ratio)

    def rates(self) -> NDArray[np.float64]:
        """Expected arrivals in each hour of the horizon, shape (horizon_h,)."""
        elapsed = np.arange(self.horizon_h)
        rates = np.array(self.arrivals)[(self.first_hour + elapsed) % HOURS_A_DAY]
        for surge in self.surges:
            rates[surge.from_hour : surge.to_hour] *= surge.factor
        return rates

    def shares(self) -> NDArray[np.float64]:
        """Probability that an arrival is an agent in each hour of the horizon, shape
        (horizon_h,).
        """
        shares = np.full(self.horizon_h, self.agent_share)
        for change in sorted(self.share_changes, key=lambda change: change.from_hour):
            shares[change.from_hour :] = change.share
        return shares

    def with_(self, **changes: object) -> "Scenario":
        """A counterfactual: this scenario with other values.

        Raises:
            InputError: a value that a scenario may not have.
        """
        return _validated({**self.model_dump(), **changes}, self.name)

    def to_toml(self) -> str:
        """Serialise the scenario; `load_scenario` reads it back to an equal one."""
        return tomli_w.dumps(self.model_dump(mode="json"))

    def without_wording(self) -> "Scenario":
        """The same market without its title and note, which may be reworded between releases."""
        return self.model_copy(update={"title": "", "note": ""})


def shipped_names() -> tuple[str, ...]:
    """Names of the built-in scenarios."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def load_scenario(name_or_path: str) -> Scenario:
    """A built-in scenario by name, or one from a TOML file.

    Raises:
        NotFoundError: neither a built-in name nor a file.
        InputError: the file is not a scenario.
    """
    shipped = SHIPPED / f"{name_or_path}.toml"
    path = shipped if name_or_path in shipped_names() else Path(name_or_path)
    try:
        content = path.read_bytes()
    except OSError:
        raise NotFoundError(
            f"There is no scenario '{name_or_path}'.",
            hint=f"Built in: {', '.join(shipped_names())}; or name a TOML file.",
        ) from None
    return parse_scenario(content, str(name_or_path))


def scenario_given(name_or_toml: str) -> Scenario:
    """A built-in scenario by its name, or one given in full as TOML.

    Raises:
        InputError: neither.
    """
    if name_or_toml in shipped_names():
        return load_scenario(name_or_toml)
    return parse_scenario(name_or_toml.encode(), "custom")


def parse_scenario(content: bytes, where: str) -> Scenario:
    """Parse a scenario.

    Args:
        content: TOML in UTF-8.
        where: name used in errors, and the scenario's name where the file gives none.
    Raises:
            InputError: not TOML, or a value that a scenario may not have.
    """
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"Scenario {where} is not a text file in UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"Scenario {where} is not TOML: {error}.") from None
    return _validated({"name": Path(where).stem, **table}, where)


def _validated(values: dict[str, object], where: str) -> Scenario:
    try:
        return Scenario.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_problem(found) for found in _first_causes(error.errors()))
        raise InputError(
            f"Scenario {where} cannot be simulated: {problems}.",
            hint="docs/market.md lists what a scenario holds.",
        ) from None


def _first_causes(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Errors that do not follow from others: a list with invalid entries is not also reported as
    too short.
    """
    places = [error["loc"] for error in found]
    follows = [
        error["type"] == "too_short"
        and any(place[:-1][: len(error["loc"])] == error["loc"] for place in places)
        for error in found
    ]
    return [error for error, is_second in zip(found, follows, strict=True) if not is_second]


def _problem(found: ErrorDetails) -> str:
    """What is wrong with one value, in the terms of the file."""
    place, given = [str(part) for part in found["loc"]], found["input"]
    name = (
        f"{place[-1]} of {place[0]} number {int(place[1]) + 1}"
        if len(place) == 3
        else " ".join(place)
    )
    if found["type"] == "extra_forbidden":
        return f"it has no setting '{place[-1]}'"
    if found["type"] in {"too_short", "too_long"}:
        limits = found["ctx"]
        return (
            f"{name} has {limits['actual_length']} entries instead of "
            f"{limits.get('min_length', limits.get('max_length'))}"
        )
    message = (
        found["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
    )
    shown = f" (found {given!r})" if isinstance(given, int | float | str) else ""
    return f"{name} {message}{shown}" if place else message
