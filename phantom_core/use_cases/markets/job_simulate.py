"""Job: try prices in a simulated market."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.jobs.job_request import JobRequest, OptionalText, PlainReport, Texts

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


@dataclass(frozen=True, slots=True)
class TrialPair(PlainReport):
    """Names of the saved trials: of the scenario, and of the one it is compared with (empty without
    one).
    """

    trial: str
    beside: str = ""


class SimulateRequest(JobRequest):
    """Play policies in a scenario, and in another one to compare with, and save the trials.

    Attributes:
        scenario: name of a shipped one, or TOML.
        beside: the scenario to compare with, the same way; None for none.
        policies: names as in `market.policies.choose`; none means all that need no detail.
        episodes: how often each is played.
        seed: of the shoppers; None means the installation's.
    """

    kind: ClassVar[str] = "simulate"
    title: ClassVar[str] = "Run a simulation"
    scenario: str = "tight"
    beside: OptionalText = None
    policies: Texts = ()
    episodes: int = 400
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> TrialPair:
        """Play each scenario."""
        from phantom_core.market.policies.kind import plain_policies
        from phantom_core.market.scenario import scenario_given
        from phantom_core.use_cases.markets.simulate import simulate_policies

        scenarios = [scenario_given(one) for one in (self.scenario, self.beside) if one is not None]
        trials = []
        for n, scenario in enumerate(scenarios):
            part = part_progress(progress, n / len(scenarios), (n + 1) / len(scenarios))
            saved = simulate_policies(
                settings,
                scenario,
                self.policies or plain_policies(),
                n_episodes=self.episodes,
                seed=self.seed,
                now_ms=now_ms,
                progress=part,
            )
            trials.append(saved.trial_id)
        return TrialPair(*trials)
