"""Job: learn rules for money."""

from typing import TYPE_CHECKING, ClassVar, Literal

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, Texts

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.policy_learning.constraints import PolicyConstraints
    from phantom_core.policy_learning.learned_policy import LearnedPolicy


class LearnPolicyRequest(JobRequest):
    """Learn the rules with the most revenue that recover leakage and spare humans.

    Attributes:
        leakage_cut: least share of the leakage at base prices to recover.
        human_conversion_loss: most purchases by humans to lose, as a share.
        human_premium: most that humans may be quoted above the base price on average; None means
            the limit in force.
        depth: most conditions on a path.
        most_rules: with another mark-up than ELSE.
        lowest_markup, highest_markup: None means as far as the gates allow.
        without: features that must not change a price, besides those banned here.
        agent_share: lowest and highest share of agents to be prepared for; empty for the recorded
            one.
        source: "log" for recorded shoppers, "market" for simulated ones, "auto" for those where
            the log does not tell demand.
        seed: of the resamples; None means the installation's.
    """

    kind: ClassVar[str] = "learn_policy"
    title: ClassVar[str] = "Learn rules for money"
    leakage_cut: float = 0.3
    human_conversion_loss: float = 0.01
    human_premium: float | None = None
    depth: int = 5
    most_rules: int = 12
    lowest_markup: float | None = None
    highest_markup: float | None = None
    without: Texts = ()
    agent_share: tuple[float, ...] = ()
    source: Literal["log", "market", "auto"] = "log"
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "LearnedPolicy":
        """Learn, judge, save."""
        from phantom_core.use_cases.rules.learn_policy import learn_policy

        return learn_policy(
            settings,
            now_ms=now_ms,
            constraints=self.constraints(settings),
            source=self.source,
            seed=self.seed,
            progress=progress,
        )

    def constraints(self, settings: "Settings") -> "PolicyConstraints":
        """What rules must keep; what is left open comes from the limits in force.

        Raises:
            InputError: constraints that no rules can keep.
        """
        from dataclasses import replace

        from phantom_core.core.errors import InputError
        from phantom_core.use_cases.rules.learn_policy import usual_constraints

        if len(self.agent_share) not in (0, 2):
            raise InputError(
                f"{len(self.agent_share)} shares of agents were given.",
                hint="Give the lowest and the highest one, or none.",
            )
        usual = usual_constraints(settings)
        return replace(
            usual,
            leakage_cut=self.leakage_cut,
            human_conversion_loss=self.human_conversion_loss,
            human_premium=usual.human_premium if self.human_premium is None else self.human_premium,
            depth=self.depth,
            most_rules=self.most_rules,
            lowest_markup=usual.lowest_markup if self.lowest_markup is None else self.lowest_markup,
            highest_markup=usual.highest_markup
            if self.highest_markup is None
            else self.highest_markup,
            banned=tuple(dict.fromkeys((*usual.banned, *self.without))),
            agent_share=(self.agent_share[0], self.agent_share[1]) if self.agent_share else None,
        )
