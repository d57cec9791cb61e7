"""Job: replay rules on simulated sessions."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, Texts

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.session_market.market import SessionTrial


class SimulateSessionsRequest(JobRequest):
    """Replay rule sets on simulated shoppers: events, features, probability, rule, price, purchase.

    Attributes:
        rules: none, bands, or files of rules.
        sessions: how many.
        seed: of everything random; None means the installation's plus 1.
    """

    kind: ClassVar[str] = "simulate_sessions"
    title: ClassVar[str] = "Replay rules on simulated sessions"
    rules: Texts = ()
    sessions: int = 2_000
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "SessionTrial":
        """Generate sessions and quote them under each rule set."""
        from phantom_core.use_cases.markets.simulate_sessions import simulate_sessions

        return simulate_sessions(
            settings, self.rules, n_sessions=self.sessions, seed=self.seed, progress=progress
        )
