"""Classifier report: the results of a training, as one value and as a file."""

from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.baselines import BestFeature, VelocityRule
from phantom_core.evaluation.metrics import CalibrationBin, Confusion
from phantom_core.evaluation.quote_figures import AtQuoteReport, QuoteFigures
from phantom_core.evaluation.ranking import Curve, Ranking
from phantom_core.evaluation.robustness import ClockAttack, PrefixResult, UnseenFamily
from phantom_core.evaluation.threshold import ThresholdChoice
from phantom_core.evaluation.weak_labels import WeakLabels
from phantom_core.model_kinds.classifier import CLASSIFIER

FILE: Final = CLASSIFIER.report_file


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Sessions by label."""

    human: int
    agent: int
    unknown: int


@dataclass(frozen=True, slots=True)
class LabelSources:
    """Labelled sessions by source: a person, or the experiment that the session belongs to."""

    person: int
    experiment: int


@dataclass(frozen=True, slots=True)
class Data:
    """What the classifier was trained on.

    Attributes:
        lake_version: version of the events.
        sessions: all sessions loaded, count; only those with a label are trained on.
        labels: sessions by label.
        sources: labelled sessions by where the label came from.
        actors: subjects, experiments, or sessions outside experiments, among the labelled; count.
        subjects_split: subjects of several experiments whose experiments count as different actors,
            because there are too few subjects to fold by; count.
        lone_sessions: labelled sessions whose actor has no other; count.
        labels_sha256: of session keys, labels and actors.
        families: labelled sessions of each named family of agents.
        start_ms: start of the first labelled session, UTC milliseconds.
        end_ms: end of the last, UTC milliseconds.
    """

    lake_version: int
    sessions: int
    labels: LabelCounts
    sources: LabelSources
    actors: int
    subjects_split: int
    lone_sessions: int
    labels_sha256: str
    families: dict[str, int]
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """How far probabilities can be trusted.

    Attributes:
        method: the curve chosen.
        log_loss: held-out log loss of each curve tried, nats.
        ece: expected calibration error, in [0, 1].
        ece_of_chance: what perfectly calibrated probabilities of as many sessions would show on
            average.
        brier: mean squared error, in [0, 1].
        brier_base_rate: of predicting the share of agents for every session.
        bins: predicted against observed shares.
    """

    method: str
    log_loss: dict[str, float]
    ece: float
    ece_of_chance: float
    brier: float
    brier_base_rate: float
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True, slots=True)
class Baselines:
    """Simpler models on the same folds; `base_rate` is the precision of marking every session."""

    base_rate: float
    velocity_rule: VelocityRule
    logistic: Ranking
    kernel: Ranking
    best_feature: BestFeature


@dataclass(frozen=True, slots=True)
class Robustness:
    """Performance on new agents, short sessions, and forged clocks or user agents.

    Attributes:
        leave_family_out: each family of agents, evaluated with classifiers trained without it.
        prefixes: sessions seen by their first events only, the shortest first.
        delay_attack: agents that wait longer, at random.
        human_clock_attack: agents that copy human waits; None when no human session has two events.
        without_timing: without the temporal features; None when there are no others, or none of
            them is known.
        without_user_agent: without the user-agent features; None when there are no others, or none
            of them is known.
        n_sessions: studied, a sample of whole actors where there are many; 0 where not recorded.
    """

    leave_family_out: tuple[UnseenFamily, ...]
    prefixes: tuple[PrefixResult, ...]
    delay_attack: ClockAttack
    human_clock_attack: ClockAttack | None
    without_timing: Estimate | None
    without_user_agent: Estimate | None
    n_sessions: int = 0


@dataclass(frozen=True, slots=True)
class FeatureGain:
    """Share of the trees' total gain that one feature brought, in [0, 1]."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class BanCost:
    """What it costs to leave out the features that prices may not depend on.

    Attributes:
        features: left out.
        roc_auc_with: with them, on the same folds.
        difference: ROC-AUC of this model minus that, 95 % interval over actors.
    """

    features: tuple[str, ...]
    roc_auc_with: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class ClassifierReport:
    """Results of one training of the agent classifier; all figures are out of fold.

    Attributes:
        model_version: name of the saved model.
        created_ms: UTC milliseconds.
        seconds: wall time of training and evaluation, s.
        seed: of everything random.
        n_folds: count.
        without: families of features left out.
        features: columns read, in order.
        data: what it was trained on.
        ranking: how well the score ranks.
        ranking_by_fold: ROC-AUC of each fold.
        roc: the ROC curve.
        precision_recall: the precision-recall curve.
        calibration: how far probabilities can be trusted.
        threshold: where to mark up, by expected cost.
        confusion: sessions by label and decision at that threshold.
        baselines: results of simpler models.
        robustness: results under harder conditions; None before they were studied.
        gains: what the trees of the saved model rely on, most first.
        period_ms: trained on sessions that began in [start, end), UTC milliseconds; None means
            all.
        ban: what it costs to leave out the features that prices may not depend on; None where
            they were not left out.
        at_quote: P(agent) at quotes, where prices are set; None for a model that learned from
            whole sessions only.
        weak: what it learned from where labels were missing; None where it learned from labels.
            Figures above are then measured against weak labels.
    """

    model_version: str
    created_ms: int
    seconds: float
    seed: int
    n_folds: int
    without: tuple[str, ...]
    features: tuple[str, ...]
    data: Data
    ranking: Ranking
    ranking_by_fold: tuple[float, ...]
    roc: Curve
    precision_recall: Curve
    calibration: CalibrationReport
    threshold: ThresholdChoice
    confusion: Confusion
    baselines: Baselines
    robustness: Robustness | None
    gains: tuple[FeatureGain, ...]
    period_ms: tuple[int, int] | None = None
    ban: BanCost | None = None
    at_quote: AtQuoteReport | None = None
    weak: WeakLabels | None = None

    def with_robustness(self, found: Robustness) -> "ClassifierReport":
        """The same, with the results of the studies."""
        return replace(self, robustness=found)

    def to_file(self) -> bytes:
        """Everything, as report.json holds it."""
        return _ADAPTER.dump_json(self)

    def to_json(self) -> dict[str, JsonValue]:
        """The main figures, flat, as the command line prints them."""
        return {
            "model_version": self.model_version,
            "lake_version": self.data.lake_version,
            "sessions": self.data.sessions,
            "labels": {
                "human": self.data.labels.human,
                "agent": self.data.labels.agent,
                "unknown": self.data.labels.unknown,
            },
            "actors": self.data.actors,
            "folds": self.n_folds,
            "without": list(self.without),
            "seed": self.seed,
            **_ranking_json(self.ranking),
            "ece": self.calibration.ece,
            "ece_of_chance": self.calibration.ece_of_chance,
            "brier": self.calibration.brier,
            "calibration": self.calibration.method,
            "threshold": self.threshold.threshold,
            "cost_per_session": self.threshold.cost_per_session,
            "cost_per_session_nobody": self.threshold.nobody_cost_per_session,
            "cost_per_session_everybody": self.threshold.everybody_cost_per_session,
            "confusion": _confusion_json(self.confusion),
            "baselines": _baselines_json(self.baselines),
            **_robustness_json(self.robustness, self.ranking.roc_auc),
            "banned": list(self.ban.features) if self.ban else [],
            "ban_auc_difference": self.ban.difference.value if self.ban else None,
            "ban_auc_difference_ci": _interval(self.ban.difference) if self.ban else None,
            **_at_quote_json(self.at_quote),
            "weak": self.weak.to_json() if self.weak else None,
            "seconds": self.seconds,
        }


_ADAPTER: Final = TypeAdapter(ClassifierReport)


def parse_report(text: bytes) -> ClassifierReport:
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


def _ranking_json(ranking: Ranking) -> dict[str, JsonValue]:
    return {
        "roc_auc": ranking.roc_auc.value,
        "roc_auc_ci": _interval(ranking.roc_auc),
        "pr_auc": ranking.pr_auc.value,
        "pr_auc_ci": _interval(ranking.pr_auc),
        "precision_at_recall_80": ranking.precision_at_recall_80.value,
        "precision_at_recall_80_ci": _interval(ranking.precision_at_recall_80),
    }


def _at_quote_json(report: AtQuoteReport | None) -> dict[str, JsonValue]:
    """The figures of all quotes, and of every slice."""
    if report is None:
        return {"at_quote": None}
    slices: list[JsonValue] = [
        {
            "quotes": one.name,
            "n_quotes": one.n_quotes,
            "n_sessions": one.n_sessions,
            "agent_share": one.agent_share,
            "brier_base_rate": one.brier_base_rate,
            "ece_of_chance": one.ece_of_chance,
            **_quote_figures_json(one.at_quote),
            "whole_session": _quote_figures_json(one.whole_session),
        }
        for one in report.slices
    ]
    return {
        "at_quote": {
            "moments": report.moments,
            "calibration": report.method,
            "rounds": report.n_rounds,
            "slices": slices,
        }
    }


def _quote_figures_json(figures: QuoteFigures) -> dict[str, JsonValue]:
    return {
        "roc_auc": figures.roc_auc.value,
        "roc_auc_ci": _interval(figures.roc_auc),
        "ece": figures.ece.value,
        "ece_ci": _interval(figures.ece),
        "brier": figures.brier.value,
        "brier_ci": _interval(figures.brier),
    }


def _confusion_json(confusion: Confusion) -> dict[str, JsonValue]:
    return {
        "agents_found": confusion.agents_found,
        "agents_missed": confusion.agents_missed,
        "humans_marked": confusion.humans_marked,
        "humans_left": confusion.humans_left,
        "precision": confusion.precision,
        "recall": confusion.recall,
    }


def _baselines_json(baselines: Baselines) -> dict[str, JsonValue]:
    rule = baselines.velocity_rule
    return {
        "base_rate": baselines.base_rate,
        "velocity_rule": {
            "precision": rule.precision,
            "recall": rule.recall,
            "auc": rule.roc_auc.value,
            "roc_auc": rule.roc_auc.value,
            "roc_auc_ci": _interval(rule.roc_auc),
        },
        "logistic": _ranking_json(baselines.logistic),
        "kernel": _ranking_json(baselines.kernel),
        "best_feature": {
            "name": baselines.best_feature.name,
            "roc_auc": baselines.best_feature.roc_auc,
        },
    }


def _robustness_json(robustness: Robustness | None, whole: Estimate) -> dict[str, JsonValue]:
    if robustness is None:
        return {}
    without_timing, without_user_agent = robustness.without_timing, robustness.without_user_agent
    human_clock = robustness.human_clock_attack
    return {
        "studied_sessions": robustness.n_sessions,
        "leave_family_out": {
            result.family: result.roc_auc.value for result in robustness.leave_family_out
        },
        "known_family": {
            result.family: result.roc_auc_known.value for result in robustness.leave_family_out
        },
        "prefix_auc": {
            **{str(result.n_events): result.roc_auc.value for result in robustness.prefixes},
            "all": whole.value,
        },
        "prefix_auc_retrained": {
            str(result.n_events): result.roc_auc_retrained.value for result in robustness.prefixes
        },
        "delay_attack_auc": robustness.delay_attack.roc_auc.value,
        "delay_attack_retrained_auc": robustness.delay_attack.roc_auc_retrained.value,
        "human_clock_attack_auc": human_clock.roc_auc.value if human_clock else None,
        "human_clock_attack_retrained_auc": human_clock.roc_auc_retrained.value
        if human_clock
        else None,
        "without_timing_auc": without_timing.value if without_timing else None,
        "without_user_agent_auc": without_user_agent.value if without_user_agent else None,
    }
