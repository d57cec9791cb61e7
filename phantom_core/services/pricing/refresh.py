"""The refresh: a thread that keeps the published state up to date, by announcements and, in case
one is lost, by polling.

A change is read, opened and tested beside the state in use, and then takes effect by one
assignment: no request waits. What cannot be used leaves the previous state in place and says why.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import redis

from phantom_core.core.errors import PhantomError
from phantom_core.core.telemetry.metrics import RULES_EPOCH, count_error, use_model
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.announce import poll_announcements
from phantom_core.publishing.announcement import Kind
from phantom_core.publishing.experiments import read_experiments
from phantom_core.publishing.figures import read_elasticities, read_prices
from phantom_core.publishing.live import NOTHING_LIVE
from phantom_core.publishing.models import read_model
from phantom_core.publishing.publish import read_live, read_release
from phantom_core.publishing.release import RuleRelease
from phantom_core.rules.decide import Decider
from phantom_core.rules.evaluate import check_features
from phantom_core.services.pricing.models import open_model
from phantom_core.services.pricing.published_state import EMPTY, PublishedState, Ready

SERVICE: Final = "pricing"
_LOGGER: Final = logging.getLogger(__name__)


class Refresh:
    """Keeps the published state up to date.

    Args:
        client: of the server.
        poll_s: time between two polls without an announcement.

    Attributes:
        state: everything published, as last read.
        read_s: monotonic time at which it was last known to be up to date; None before the first.
        problem: why the server cannot be reached; empty while it can.
    """

    def __init__(self, client: redis.Redis, poll_s: float = 1.0) -> None:
        self._client, self._poll_s = client, poll_s
        self.state: PublishedState = EMPTY
        self.read_s: float | None = None
        self.problem = "Not connected yet."
        self._lock = threading.Lock()
        self._stop, self._first = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="pricing-refresh", daemon=True)

    def start(self, wait_s: float) -> None:
        """Start the thread; waits up to `wait_s` for the first read, and goes on without it where
        the server does not answer.
        """
        self._thread.start()
        self._first.wait(wait_s)

    def stop(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()

    def reload(self) -> None:
        """Reload everything now.

        Raises:
            UnavailableError: the server does not answer.
        """
        for kind in _readers():
            self._read(kind)

    def _run(self) -> None:
        # Reload first: each kind is announced once, and the state is complete only after a reload.
        while not self._stop.is_set() and not self._loaded():
            self._stop.wait(self._poll_s / 4)
        for announcement in poll_announcements(
            self._client, self._stop, poll_s=self._poll_s, on_problem=self._report_problem
        ):
            try:
                self._read(announcement.kind)
            except PhantomError as error:
                self.problem = str(error)

    def _loaded(self) -> bool:
        try:
            self.reload()
        except PhantomError as error:
            self._report_problem(str(error))
            self._first.set()
            return False
        self._report_problem("")
        self._first.set()
        return True

    def _report_problem(self, problem: str) -> None:
        if problem and problem != self.problem:
            _LOGGER.warning("The published state cannot be read: %s", problem)
        self.problem = problem
        if not problem:
            self.read_s = time.monotonic()

    def _read(self, kind: Kind) -> None:
        with self._lock:
            self.state = _readers()[kind](self._client, self.state)


def _read_rules(client: redis.Redis, state: PublishedState) -> PublishedState:
    try:
        live = read_live(client) or NOTHING_LIVE
    except PhantomError as error:
        return _keep_previous(state, "rules", error)
    RULES_EPOCH.labels(SERVICE).set(live.epoch)
    return _with_releases(client, replace(_solved(state, "rules"), live=live))


def _read_experiments(client: redis.Redis, state: PublishedState) -> PublishedState:
    try:
        found = read_experiments(client)
    except PhantomError as error:
        return _keep_previous(state, "experiments", error)
    return _with_releases(
        client,
        replace(_solved(state, "experiments"), experiments=found.experiments if found else ()),
    )


def _with_releases(client: redis.Redis, state: PublishedState) -> PublishedState:
    """Prepare the releases that are live or in an arm, and drop the others."""
    named = dict.fromkeys(
        (
            *state.live.versions,
            *(arm.version for one in state.experiments for arm in one.arms),
        )
    )
    wanted = [version for version in named if version not in ("", "live")]
    problems = {
        name: problem for name, problem in state.problems.items() if name in (*_readers(), *wanted)
    }
    releases: dict[str, Ready] = {}
    for version in wanted:
        try:
            releases[version] = state.releases.get(version) or make_ready(
                read_release(client, version)
            )
            problems.pop(version, None)
        except PhantomError as error:
            problems[version] = _report(version, error)
    return replace(state, releases=releases, problems=problems)


def make_ready(release: RuleRelease) -> Ready:
    """Prepare a release to decide.

    Raises:
        InputError: it reads what is not known of a session.
    """
    rules = release.rules()
    check_features(rules, (*feature_names(), P_AGENT))
    return Ready(release, Decider(rules), P_AGENT in rules.features, bool(rules.features))


def _read_model(kind: str, client: redis.Redis, state: PublishedState) -> PublishedState:
    try:
        found = read_model(client, kind)
        model = open_model(found) if found else None
    except PhantomError as error:
        return _keep_previous(state, kind, error)
    others = {name: one for name, one in state.models.items() if name != kind}
    if model is None:
        return replace(_solved(state, kind), models=others)
    use_model(kind, model.version)
    return replace(_solved(state, kind), models={**others, kind: model})


def _read_prices(client: redis.Redis, state: PublishedState) -> PublishedState:
    try:
        found = read_prices(client)
    except PhantomError as error:
        return _keep_previous(state, "prices", error)
    values, version = (found.values, found.version) if found else ({}, "")
    return replace(_solved(state, "prices"), prices=values, prices_version=version)


def _read_elasticities(client: redis.Redis, state: PublishedState) -> PublishedState:
    try:
        found = read_elasticities(client)
    except PhantomError as error:
        return _keep_previous(state, "elasticity", error)
    values, version = (found.values, found.version) if found else ({}, "")
    return replace(_solved(state, "elasticity"), elasticities=values, elasticities_version=version)


_Reader = Callable[[redis.Redis, PublishedState], PublishedState]


def _readers() -> Mapping[Kind, _Reader]:
    """The reader of each kind, in the order of a reload."""
    models = {kind: partial(_read_model, kind) for kind in MODEL_KINDS.names()}
    return {**_BEFORE_MODELS, **models, **_AFTER_MODELS}


_BEFORE_MODELS: Final[Mapping[Kind, _Reader]] = {
    "rules": _read_rules,
    "experiments": _read_experiments,
}
_AFTER_MODELS: Final[Mapping[Kind, _Reader]] = {
    "prices": _read_prices,
    "elasticity": _read_elasticities,
}


def _keep_previous(state: PublishedState, name: str, error: PhantomError) -> PublishedState:
    """The previous state, with the reason why it was not updated."""
    if error.http_status == 503:
        raise error
    return replace(state, problems={**state.problems, name: _report(name, error)})


def _report(name: str, error: PhantomError) -> str:
    count_error(SERVICE, f"published_{type(error).__name__}")
    _LOGGER.error("%s cannot be used: %s", name, error)
    return str(error)


def _solved(state: PublishedState, name: str) -> PublishedState:
    return replace(
        state,
        problems={other: problem for other, problem in state.problems.items() if other != name},
    )
