"""Types of what a workspace returns, to annotate with: `from phantom.results import Replay`.

Their attributes are documented in their docstrings: `help(phantom.results.Replay)`. Importing this
module loads the whole engine.
"""

from phantom_core.core.estimate import Estimate
from phantom_core.core.progress import Progress
from phantom_core.evaluation.multitask_report import MultitaskReport
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.leakage.leakage import Leakage
from phantom_core.market.calibration.calibration import Calibration
from phantom_core.market.scenario import Scenario
from phantom_core.market.trial import MarketTrial
from phantom_core.replay.replay import Replay
from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.data.demo import DemoReport
from phantom_core.use_cases.data.ingest import IngestReport

__all__ = [
    "Calibration",
    "ClassifierReport",
    "DemoReport",
    "Estimate",
    "Finding",
    "IngestReport",
    "Leakage",
    "MarketTrial",
    "MultitaskReport",
    "Progress",
    "Replay",
    "RuleSet",
    "Scenario",
]
