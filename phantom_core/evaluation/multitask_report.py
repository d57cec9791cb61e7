"""Multi-task report: the results of a training of the network, as one value and as a file."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.baselines import BestFeature
from phantom_core.evaluation.price_response import Band, ElasticityEstimate
from phantom_core.evaluation.report import BanCost
from phantom_core.evaluation.task import ComparisonModel, TaskReport
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.models.multitask.epochs import Epoch
from phantom_core.models.multitask.hyperparameters import Hyperparameters

KIND: Final = NETWORK.name
FILE: Final = NETWORK.report_file
ELASTICITIES: Final = "elasticities.parquet"
OUT_OF_FOLD: Final = "oof.parquet"


@dataclass(frozen=True, slots=True)
class OfferData:
    """What the network was trained on.

    Attributes:
        lake_version: version of the events.
        moments: "first_quote" or "before_cart".
        offers: rows labelled bought or not, count.
        bought: offers that were bought, count.
        sessions: sessions behind them, count.
        labelled_sessions: sessions known to be human or agent, count.
        actors: subjects, experiments, or sessions outside experiments, count.
        randomised: share of the offers whose price an experiment chose.
        sha256: of sessions, products, labels and actors.
        start_ms, end_ms: first and last offer, UTC milliseconds.
    """

    lake_version: int
    moments: str
    offers: int
    bought: int
    sessions: int
    labelled_sessions: int
    actors: int
    randomised: float
    sha256: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class AgentTask:
    """The agent task: on whole sessions, as for the classifier, and at each offer."""

    whole_sessions: TaskReport
    at_offers: TaskReport
    rivals: tuple[ComparisonModel, ...]


@dataclass(frozen=True, slots=True)
class PurchaseTask:
    """The purchase task: who buys at the price offered."""

    offers: TaskReport
    rivals: tuple[ComparisonModel, ...]
    best_feature: BestFeature


@dataclass(frozen=True, slots=True)
class DemandCurve:
    """How price moves purchases, where that is identified.

    Attributes:
        refusal: why there is no demand curve, one sentence; empty where there is one.
        hint: what would give one.
        human, agent: elasticity of each class; None without a curve, or without labels.
        bands: predicted against observed purchases by class and price.
        is_monotone: whether P(purchase) never rose with the price wherever it was evaluated.
    """

    refusal: str
    hint: str
    human: ElasticityEstimate | None
    agent: ElasticityEstimate | None
    bands: tuple[Band, ...]
    is_monotone: bool

    @property
    def is_identified(self) -> bool:
        """Whether there is a curve."""
        return not self.refusal


@dataclass(frozen=True, slots=True)
class LaterTask:
    """Trained on earlier sessions, evaluated on later ones by held-out actors.

    Attributes:
        split_ms: end of the earlier sessions, UTC milliseconds.
        n_sessions, n_offers: later ones, count.
        agent, purchase: ROC-AUC with intervals; None where a class is missing.
    """

    split_ms: int
    n_sessions: int
    n_offers: int
    agent: Estimate | None
    purchase: Estimate | None


@dataclass(frozen=True, slots=True)
class MultitaskReport:
    """Results of one training of the network.

    Attributes:
        model_version: name of the saved model.
        created_ms: UTC milliseconds.
        seconds: wall time of training and evaluation, s.
        seed: of everything random.
        n_folds: count.
        hyperparameters: of the network.
        data: what it was trained on.
        agent: None where no session has a label.
        purchase: who buys.
        demand: how price moves purchases.
        later: results on later sessions; None where time cannot be split.
        leak_suspects: features that rank purchases suspiciously well on their own.
        n_epochs: epochs of the saved network.
        passes: epochs of the first fold, for the learning curve.
        ban_agent, ban_purchase: what it costs to leave out the features that prices may not depend
            on, by task; None where they were not left out, or the task has no labels.
    """

    model_version: str
    created_ms: int
    seconds: float
    seed: int
    n_folds: int
    hyperparameters: Hyperparameters
    data: OfferData
    agent: AgentTask | None
    purchase: PurchaseTask
    demand: DemandCurve
    later: LaterTask | None
    leak_suspects: tuple[str, ...]
    n_epochs: int
    passes: tuple[Epoch, ...]
    ban_agent: BanCost | None = None
    ban_purchase: BanCost | None = None

    def to_file(self) -> bytes:
        """Everything, as report.json holds it."""
        return _ADAPTER.dump_json(self)

    def to_json(self) -> dict[str, JsonValue]:
        """The main figures, as the command line prints them."""
        purchase, agent = self.purchase.offers, self.agent
        return {
            "model_version": self.model_version,
            "lake_version": self.data.lake_version,
            "moments": self.data.moments,
            "offers": self.data.offers,
            "bought": self.data.bought,
            "actors": self.data.actors,
            "folds": self.n_folds,
            "seed": self.seed,
            "banned": list(self.hyperparameters.without),
            "ban_auc_difference": {
                "agent": self.ban_agent.difference.value if self.ban_agent else None,
                "purchase": self.ban_purchase.difference.value if self.ban_purchase else None,
            },
            "agent_auc": agent.whole_sessions.roc_auc.value if agent else None,
            "agent_auc_ci": _interval(agent.whole_sessions.roc_auc) if agent else None,
            "agent_auc_at_offers": agent.at_offers.roc_auc.value if agent else None,
            "agent_auc_at_offers_ci": _interval(agent.at_offers.roc_auc) if agent else None,
            "agent_base_rate": agent.whole_sessions.base_rate if agent else None,
            "purchase_auc": purchase.roc_auc.value,
            "purchase_auc_ci": _interval(purchase.roc_auc),
            "purchase_pr_auc": purchase.pr_auc.value,
            "purchase_pr_auc_ci": _interval(purchase.pr_auc),
            "purchase_base_rate": purchase.base_rate,
            "ece_agent": agent.whole_sessions.calibration.ece if agent else None,
            "ece_agent_at_offers": agent.at_offers.calibration.ece if agent else None,
            "ece_purchase": purchase.calibration.ece,
            "ece_purchase_of_chance": purchase.calibration.ece_of_chance,
            "brier_purchase": purchase.calibration.brier,
            "brier_purchase_base_rate": purchase.calibration.brier_base_rate,
            "single_task": {
                "agent": _comparison_json(agent.rivals, SINGLE_TASK) if agent else None,
                "purchase": _comparison_json(self.purchase.rivals, SINGLE_TASK),
            },
            "xgboost": {
                "agent": _comparison_json(agent.rivals, XGBOOST) if agent else None,
                "purchase": _comparison_json(self.purchase.rivals, XGBOOST),
            },
            "price_alone_auc": next(
                (model.roc_auc for model in self.purchase.rivals if model.name == PRICE_ALONE), None
            ),
            "best_feature": {
                "name": self.purchase.best_feature.name,
                "roc_auc": self.purchase.best_feature.roc_auc,
            },
            "leak_suspects": list(self.leak_suspects),
            "later": _later_json(self.later),
            "monotone": self.demand.is_monotone,
            "identified": self.demand.is_identified,
            "refusal": self.demand.refusal or None,
            "price_elasticity": {
                "human": _elasticity(self.demand.human),
                "agent": _elasticity(self.demand.agent),
            },
            "epochs": self.n_epochs,
            "seconds": self.seconds,
        }


SINGLE_TASK: Final = "single-task network"
XGBOOST: Final = "XGBoost"
PRICE_ALONE: Final = "price alone"
_ADAPTER: Final = TypeAdapter(MultitaskReport)


def parse_report(text: bytes) -> MultitaskReport:
    """Read report.json back.

    Raises:
        DataError: it is not a report this version can read.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise DataError(
            f"{FILE} is not a report that this version of PHANTOM can read.", hint="Train again."
        ) from error


def _interval(estimate: Estimate) -> list[JsonValue]:
    return [estimate.low, estimate.high]


def _comparison_json(models: tuple[ComparisonModel, ...], name: str) -> dict[str, JsonValue] | None:
    found = next((model for model in models if model.name == name), None)
    return (
        {
            "auc": found.roc_auc,
            "multitask_ahead": found.ahead.value,
            "multitask_ahead_ci": _interval(found.ahead),
        }
        if found
        else None
    )


def _elasticity(found: ElasticityEstimate | None) -> dict[str, JsonValue] | None:
    return (
        {"value": found.value.value, "ci": _interval(found.value), "as_fitted": found.as_fitted}
        if found
        else None
    )


def _later_json(later: LaterTask | None) -> dict[str, JsonValue] | None:
    if later is None:
        return None
    figures = {"agent": later.agent, "purchase": later.purchase}
    return {
        "sessions": later.n_sessions,
        "offers": later.n_offers,
        **{f"{name}_auc": found.value if found else None for name, found in figures.items()},
        **{
            f"{name}_auc_ci": _interval(found) if found else None for name, found in figures.items()
        },
    }
