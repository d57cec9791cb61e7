"""Figures: what a replay, a ledger or a trial found, as Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from phantom.results import Leakage, MarketTrial, Replay


def figures(result: Replay | Leakage | MarketTrial) -> pa.Table:
    """Every figure of a result with its 95 % interval.

    Args:
        result: of `Workspace.replay`, `Workspace.leakage` or `Workspace.simulate`.
    Returns:
        Of a replay: rules, figure, value, low, high.
        Of a ledger: by (day, product, …), key, reference (price), leakage, low, high (currency),
        share (of the leakage), share_of_revenue, purchases, by_agents (expected count).
        Of a trial: policy, n_seeds, measure, unit, value, low, high.
    Raises:
        InputError: it is none of these.
    """
    import pyarrow as pa

    from phantom.results import Leakage, MarketTrial, Replay
    from phantom_core.core.errors import InputError
    from phantom_core.views.leakage.leakage import everything_table
    from phantom_core.views.rules.replays import figures_table as replay_table
    from phantom_core.views.simulator.trial_tables import figures_table as trial_table

    match result:
        case Replay():
            frame = replay_table(result)
        case Leakage():
            frame = everything_table(result)
        case MarketTrial():
            frame = trial_table(result)
        case _:
            raise InputError(
                f"A {type(result).__name__} has no figures.",
                hint="Give what replay, leakage or simulate returned.",
            )
    return pa.Table.from_pandas(frame, preserve_index=False)


def paths(trial: MarketTrial) -> pa.Table:
    """How a trial went hour by hour, on average over its episodes.

    Args:
        trial: of `Workspace.simulate`.
    Returns:
        policy, hour (from 1), ratio, ratio_p10, ratio_p90 (price in units of the base price; NULL
        where every shop is sold out), revenue, leakage (currency so far), stock (units left).
    """
    import pyarrow as pa

    from phantom_core.views.simulator.trial_tables import paths_table

    return pa.Table.from_pandas(paths_table(trial), preserve_index=False)
