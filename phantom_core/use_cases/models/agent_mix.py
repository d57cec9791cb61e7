"""Agent mix: probabilities of sessions, corrected for another share of agents than labelled."""

import io
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.models.label_shift import AgentMix, MixCorrection, estimate_mix
from phantom_core.use_cases.models.compare_models import OUT_OF_FOLD


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedSessions:
    """Sessions, and how their probabilities were corrected.

    Attributes:
        sessions: with corrected probabilities where there is no label.
        as_labelled: the same with probabilities for the mix of the labels.
        correction: None where too few sessions lack a label, or nothing was learned from labels.
    """

    sessions: SessionIndex
    as_labelled: SessionIndex
    correction: MixCorrection | None

    @property
    def mix(self) -> AgentMix | None:
        """The estimated mix."""
        return self.correction.mix if self.correction else None

    @property
    def drawn_factors(self) -> Floats | None:
        """What each resample of the mix multiplies the corrected odds by."""
        return self.correction.factors / self.correction.factor if self.correction else None


@requires(Permission.READ)
def correct_mix(
    settings: Settings, matrix: pa.Table, sessions: SessionIndex, rng: np.random.Generator
) -> CorrectedSessions:
    """Correct probabilities for the share of agents among the sessions without a label.

    Args:
        settings: workspace.
        matrix: of the feature store, its rows those of the sessions.
        sessions: with the probabilities of a saved classifier.
        rng: draws resamples of actors.
    """
    is_open = np.isnan(sessions.label) & ~np.isnan(sessions.p_agent)
    learned = _learned(settings, sessions.model)
    if learned is None or not is_open.any():
        return CorrectedSessions(sessions, sessions, None)
    row = pc.index_in(learned["session_id"], value_set=matrix["session_id"].combine_chunks())
    at = pc.fill_null(row, -1).to_numpy()
    # A session that is no longer in the lake is an actor of its own.
    alone = int(sessions.actor.max()) + 1 + np.arange(at.size)
    found = estimate_mix(
        sessions.p_agent[is_open],
        sessions.actor[is_open],
        learned["agent_probability"].to_numpy(),
        learned["is_agent"].to_numpy().astype(np.bool_),
        np.where(at >= 0, sessions.actor[at], alone),
        rng,
    )
    if found is None:
        return CorrectedSessions(sessions, sessions, None)
    p_agent = np.where(is_open, found.corrected(sessions.p_agent), sessions.p_agent)
    return CorrectedSessions(replace(sessions, p_agent=p_agent), sessions, found)


def _learned(settings: Settings, version: str) -> pa.Table | None:
    """Labels and out-of-fold probabilities of the sessions that a classifier learned from."""
    if not version:
        return None
    try:
        content = ModelStore(settings.workspace, CLASSIFIER.name).open(version).read(OUT_OF_FOLD)
    except (DataError, NotFoundError):
        return None
    return pq.read_table(
        io.BytesIO(content), columns=["session_id", "is_agent", "agent_probability"]
    )
