"""Held-out P(agent): of each recorded quote by a model that did not learn from its actor.

Rules that are learned from the probabilities of the model in use would trust them too much on the
very sessions it was trained on.
"""

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.progress import Progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.labelled_sessions import read_labelled
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.classifier import classifier_margin
from phantom_core.models.cross_fit import cross_fit
from phantom_core.models.encoding import encode_features
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.use_cases.models.train_classifier import KIND, OUT_OF_FOLD
from phantom_core.use_cases.rules.replay_data import ReplayData

UNLABELLED_FOLDS = 5


@requires(Permission.WORK)
def held_out_p_agent(
    settings: Settings, data: ReplayData, version: str, progress: Progress
) -> tuple[Floats, Ints]:
    """P(agent) of each quote, and its fold.

    Quotes of actors that the model did not learn from keep the model's own P(agent), and are dealt
    to folds by actor.

    Args:
        settings: workspace.
        data: the quotes, with every feature.
        version: of the classifier in use.
        progress: called during the training of a model for each fold.
    Returns:
        Shape (n_quotes,) each; no actor is in two folds.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    classifier = read_classifier(model)
    known = pq.read_table(io.BytesIO(model.read(OUT_OF_FOLD)), columns=["session_id", "fold"])
    labelled = read_labelled(open_lake(settings), classifier.names, UNLABELLED_FOLDS, progress)
    place = pc.index_in(
        labelled.matrix["session_id"], value_set=known["session_id"].combine_chunks()
    )
    fold = pc.fill_null(known["fold"].take(place), -1).to_numpy().astype(np.int64)
    folds = cross_fit(
        labelled.rows[fold >= 0], fold[fold >= 0], seed=settings.seed, progress=progress
    )
    of_session = pc.fill_null(
        known["fold"].take(
            pc.index_in(data.matrix["session_id"], value_set=known["session_id"].combine_chunks())
        ),
        -1,
    )
    of_quote = of_session.to_numpy().astype(np.int64)[data.quotes.session]
    features = pa.table(
        {
            name: pa.array(data.features_at_quote[name], from_pandas=True)
            for name in classifier.names
        }
    )
    values = encode_features(features, classifier.names)
    p_agent = data.p_agent_then.copy()
    for position, booster in enumerate(folds.boosters):
        own = (of_quote == position) & ~np.isnan(p_agent)
        p_agent[own] = classifier.calibration.probability(classifier_margin(booster, values[own]))
    alone = data.sessions.actor[data.quotes.session] % (len(folds.boosters) or UNLABELLED_FOLDS)
    return p_agent, np.where(of_quote >= 0, of_quote, alone)
