"""Open the network pricer: the network in use, with the products of the workspace."""

import io

import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import ELASTICITIES, KIND
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.network_pricer import NetworkPricer, catalogue_values
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.models.price import default_objective, demand_scorer


@requires(Permission.READ)
def open_network_pricer(settings: Settings) -> NetworkPricer:
    """The network that pricing servers use, within the guard rails in force.

    Raises:
        NotFoundError: no network is in use.
        DataError: it has no demand curve, is damaged, or reads other features.
    """
    model = ModelStore(settings.workspace, KIND).open(pricing_version(settings, KIND))
    scorer = demand_scorer(model)
    known = pq.read_table(io.BytesIO(model.read(ELASTICITIES)))
    elasticities: dict[str, dict[str, float | None]] = {
        product: {"elasticity": value}
        for product, value in zip(
            known["product_id"].to_pylist(), known["elasticity"].to_pylist(), strict=True
        )
        if value is not None
    }
    with open_lake(settings).connect(("catalogue",)) as connection:
        catalogue = connection.sql("SELECT * FROM catalogue").to_arrow_table()
    return NetworkPricer(
        scorer, default_objective(settings), catalogue_values(catalogue, elasticities)
    )
