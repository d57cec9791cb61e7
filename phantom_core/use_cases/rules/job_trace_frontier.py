"""Job: trace what prices can reach."""

from typing import TYPE_CHECKING, ClassVar, Literal

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.policy_learning.frontier import PolicyFrontier


class TraceFrontierRequest(JobRequest):
    """Work out what every policy changes on this shop, revenue against leakage.

    Attributes:
        leakage_cut, revenue_gain, human_conversion_loss: what the shop would like to reach, as
            shares of base prices'.
        depth: most conditions on a path of learned rules.
        most_rules: of learned rules, with another mark-up than ELSE.
        lowest_markup, highest_markup: of learned rules; None means as far as the gates allow.
        source: "log" for recorded shoppers, "market" for simulated ones, "auto" for those where
            the log does not tell demand.
        seed: of everything random; None means the installation's.
    """

    kind: ClassVar[str] = "trace_frontier"
    title: ClassVar[str] = "Trace the frontier"
    leakage_cut: float = 0.3
    revenue_gain: float = 0.1
    human_conversion_loss: float = 0.01
    depth: int = 5
    most_rules: int = 12
    lowest_markup: float | None = None
    highest_markup: float | None = None
    source: Literal["log", "market", "auto"] = "auto"
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "PolicyFrontier":
        """Trace and save."""
        from phantom_core.policy_learning.target import Target
        from phantom_core.use_cases.rules.job_learn_policy import LearnPolicyRequest
        from phantom_core.use_cases.rules.trace_frontier import trace_frontier

        learned = LearnPolicyRequest(
            leakage_cut=self.leakage_cut,
            human_conversion_loss=self.human_conversion_loss,
            depth=self.depth,
            most_rules=self.most_rules,
            lowest_markup=self.lowest_markup,
            highest_markup=self.highest_markup,
        )
        return trace_frontier(
            settings,
            now_ms=now_ms,
            target=Target(self.leakage_cut, self.revenue_gain, self.human_conversion_loss),
            constraints=learned.constraints(settings),
            source=self.source,
            seed=self.seed,
            progress=progress,
        )
