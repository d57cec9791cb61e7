"""Network scores: what the newest network says of held-out sessions, for policies that learn."""

import io

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import FILE, KIND, OUT_OF_FOLD, parse_report
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.market.model_scores import ModelScores, quantiles_of
from phantom_core.model_store.store import ModelStore


@requires(Permission.READ)
def network_scores(settings: Settings) -> ModelScores:
    """P(agent) of labelled sessions by networks that held their actor out, and the price
    sensitivities that the network found.

    Raises:
        NotFoundError: no network was trained.
        DataError: it knows no agents, or no demand of either class.
    """
    model = ModelStore(settings.workspace, KIND).open()
    demand = parse_report(model.read(FILE)).demand
    if demand.human is None or demand.agent is None:
        raise DataError(
            f"Network {model.manifest.version} found no price elasticity of humans and agents.",
            hint="Train it on sessions with labels and randomised prices.",
        )
    scores = pq.read_table(io.BytesIO(model.read(OUT_OF_FOLD)))
    matrix = FeatureStore(open_lake(settings)).matrix()
    place = pc.index_in(scores["session_id"], value_set=matrix["session_id"].combine_chunks())
    label = np.asarray(
        pc.cast(matrix["is_agent"].take(place), "float64").fill_null(np.nan), np.float64
    )
    p_agent = np.asarray(scores["agent_probability"], np.float64)
    human, agent = p_agent[label == 0], p_agent[label == 1]
    if not human.size or not agent.size:
        raise DataError(
            f"Network {model.manifest.version} scored no labelled sessions of both classes.",
            hint="Load labels and train it again.",
        )
    # At the base price the elasticity of 1 / (1 + r^s) is −s / 2.
    return ModelScores(
        f"network {model.manifest.version}",
        quantiles_of(human),
        quantiles_of(agent),
        -2.0 * demand.human.value.value,
        -2.0 * demand.agent.value.value,
    )
