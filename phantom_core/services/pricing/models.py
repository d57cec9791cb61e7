"""Published models, opened for inference: checked against their manifest, and rejected where the
definition of a feature has changed.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import feature_names
from phantom_core.features.definitions import is_defined_alike
from phantom_core.features.offers.product_features import product_names
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.manifest import Manifest, parse_manifest
from phantom_core.models.inference_classifier import InferenceClassifier, open_classifier
from phantom_core.models.multitask.description import open_scorer
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.models.trial_opening import check_opens
from phantom_core.publishing.models import PublishedModel


@dataclass(frozen=True, slots=True)
class _Files:
    """A published model with the interface of a saved one."""

    published: PublishedModel
    manifest: Manifest

    def read(self, name: str) -> bytes:
        return self.published.read(name)


class OpenedModel(Protocol):
    """A published model ready for inference."""

    @property
    def version(self) -> str:
        """Name of the model."""


class OpenPublished(Protocol):
    """Opens a published model of one kind and tests it with one prediction."""

    def __call__(self, published: PublishedModel) -> OpenedModel:
        """Raises DataError where it is damaged, or was trained on other features."""


def open_model(published: PublishedModel) -> OpenedModel:
    """Open a published model of any kind.

    Raises:
        DataError: it is damaged, or was trained on other features.
    """
    open_published = cast(OpenPublished, MODEL_KINDS.find(published.kind).open_published.load())
    return open_published(published)


def open_safely(published: PublishedModel, known: Path) -> OpenedModel:
    """Open a published model, in a child process first.

    Args:
        published: verified.
        known: folder of the hashes of models that were opened well.
    Raises:
        DataError: it is damaged, ends the process that opens it, or was trained on other features.
    """
    check_opens(published, known)
    return open_model(published)


def open_published_classifier(published: PublishedModel) -> InferenceClassifier:
    """Open a classifier and test it with one prediction.

    Raises:
        DataError: it is damaged, or was trained on other features.
    """
    classifier = open_classifier(_files(published))
    classifier.agent_probability({})
    return classifier


def open_published_network(published: PublishedModel) -> NetworkScorer:
    """Open a network and test it with one prediction.

    Raises:
        DataError: it is damaged, or was trained on other features.
    """
    scorer = open_scorer(_files(published))
    nothing = (
        np.full((1, len(feature_names())), math.nan, np.float32),
        np.full((1, len(product_names())), math.nan, np.float32),
    )
    scorer.score(Inputs(*nothing, np.zeros(1, np.float32)))
    return scorer


def _files(published: PublishedModel) -> _Files:
    manifest = parse_manifest(
        published.manifest, published.kind, f"The published {published.kind} {published.version}"
    )
    if manifest.version != published.version:
        raise DataError(
            f"The published {published.kind} is named {published.version}, but its manifest says "
            f"{manifest.version}.",
            hint="Publish it again.",
        )
    if not is_defined_alike(manifest.sql_hash, manifest.features):
        raise DataError(
            f"Model {manifest.version} was trained on features with different definitions.",
            hint="Train it again.",
        )
    return _Files(published, manifest)
