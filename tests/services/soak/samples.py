"""A soak that is over."""

from phantom_core.services.soak.ledger import Decisions, Ledger, Messages
from phantom_core.services.soak.probe import Blind
from phantom_core.services.soak.report import SoakReport
from phantom_core.services.soak.soak import Course, Struck
from phantom_core.services.soak.usage import Sample, Usage


def soak_report(*, missing: int = 0) -> SoakReport:
    """Nine events, a quote and a price, with a fault that happened and one that did not."""
    events = Messages(9, 7 - missing, 1, 1, missing, 0, 2, 1, 3)
    quotes = Messages(1, 1, 0, 0, 0, 0, 0, 0, 0)
    decisions = Decisions(1, 1, 0, 0, 0, 0, 0, 0, 0)
    struck = [Struck("kill-worker", 2.0, 0.1, 3.0), Struck("full-disk", 4.0, skipped="no disk")]
    usage = Usage([Sample(0.0, {"worker": 10.0}, {"lake": 1.0})])
    about = {"date": "2026-03-01", "minutes": 1.0, "shoppers a minute": 60.0, "seed": 1}
    return SoakReport(
        about | {"machine": "two cores"},
        Ledger(events, quotes, decisions),
        Course(struck=struck, usage=usage, seconds=60.0, caught_up_s=1.5),
        {"kill-worker": Blind(60.0, 1.0, 0.0, 30.0, 0.0)},
        (),
    )
