"""Offer explanation: why a network scores one session and one product as it does."""

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.explain.explanation import Output
from phantom_core.explain.one_offer import OfferExplanation
from phantom_core.lake.lake import open_lake
from phantom_core.views.explain.explanation import ExplanationView
from phantom_core.views.workspace.snapshot import Snapshot


@requires(Permission.READ)
def offer_explanation(
    settings: Settings, session_id: str, product_id: str | None, output: Output, version: str
) -> OfferExplanation:
    """Explain one offer by a saved network.

    Args:
        settings: workspace.
        session_id: id of the session.
        product_id: id of the product; None means the first one quoted in the session.
        output: of the network.
        version: of the network.
    Raises:
        NotFoundError: no such session or network, or the session has no quote.
        DataError: the network is damaged, or its features are defined differently now.
    """
    from phantom_core.use_cases.explanations.explain_offer import explain_offer  # noqa: PLC0415 - torch takes seconds to import

    return explain_offer(
        settings, open_lake(settings), session_id, output, product_id=product_id, version=version
    )


@requires(Permission.READ)
def shown_products(snapshot: Snapshot, session_id: str) -> list[str]:
    """Products that a session was shown at a price, in order."""
    rows = snapshot.rows(
        """
        WITH shown AS (
            SELECT product_id, event_ms FROM quotes WHERE session_id = $1
            UNION ALL
            SELECT product_id, event_ms FROM events
            WHERE session_id = $1 AND price_seen IS NOT NULL
                AND event_name IN ('view_item_page', 'learn_more_about_item')
        )
        SELECT product_id FROM shown WHERE product_id IS NOT NULL
        GROUP BY product_id ORDER BY MIN(event_ms), product_id""",
        [session_id],
    )
    return [row[0] for row in rows]


@needs_no_permission
def example_offers(view: ExplanationView | None) -> dict[str, str]:
    """Sessions of example offers, by title; empty before an explanation."""
    if view is None or not view.points.num_rows:
        return {}
    output, names = view.contributions.output, view.points["session_id"]
    what = "an agent" if view.explanation.output == "agent" else "to be bought"
    at = {f"Most likely {what}": output.argmax(), f"Least likely {what}": output.argmin()}
    return {title: str(names[int(row)]) for title, row in at.items()}


@needs_no_permission
def offer_table(found: OfferExplanation) -> pd.DataFrame:
    """Contributions, the largest first: feature, family, value (text), log_odds."""
    rows = [
        (row.name, row.family, "" if row.value is None else str(row.value), row.log_odds)
        for row in found.contributions
    ]
    return pd.DataFrame(rows, columns=["feature", "family", "value", "log_odds"])
