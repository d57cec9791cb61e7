"""The refresh: a thread that keeps the standing up to date, by announcement and by looking where a
word got lost.

What is new is read, opened and tried beside what is in use, and then put in its place by one
assignment: no request waits. What cannot be used leaves the one before in place and says why.
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
    """Keeps a standing.

    Args:
        client: of the server.
        poll_s: time between two looks without a word.

    Attributes:
        standing: everything published, as it was last read.
        read_s: steady clock when it was last found to be up to date; None before the first time.
        problem: why the server cannot be heard; empty while it can.
    """

    def __init__(self, client: redis.Redis, poll_s: float = 1.0) -> None:
        self._client, self._poll_s = client, poll_s
        self.standing: PublishedState = EMPTY
        self.read_s: float | None = None
        self.problem = "Not connected yet."
        self._lock = threading.Lock()
        self._stop, self._first = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="pricing-refresh", daemon=True)

    def start(self, wait_s: float) -> None:
        """Begin; waits so long for the first look, and goes on without it where the server does not
        answer.
        """
        self._thread.start()
        self._first.wait(wait_s)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def reload(self) -> None:
        """Read everything again, now.

        Raises:
            UnavailableError: the server does not answer.
        """
        for kind in _readers():
            self._read(kind)

    def _run(self) -> None:
        # Reload first: announcements tell of each kind once, and only then is the standing whole.
        while not self._stop.is_set() and not self._loaded():
            self._stop.wait(self._poll_s / 4)
        for word in poll_announcements(
            self._client, self._stop, poll_s=self._poll_s, on_problem=self._hear
        ):
            try:
                self._read(word.kind)
            except PhantomError as error:
                self.problem = str(error)

    def _loaded(self) -> bool:
        try:
            self.reload()
        except PhantomError as error:
            self._hear(str(error))
            self._first.set()
            return False
        self._hear("")
        self._first.set()
        return True

    def _hear(self, problem: str) -> None:
        if problem and problem != self.problem:
            _LOGGER.warning("Nothing published can be heard of: %s", problem)
        self.problem = problem
        if not problem:
            self.read_s = time.monotonic()

    def _read(self, kind: Kind) -> None:
        with self._lock:
            self.standing = _readers()[kind](self._client, self.standing)


def _read_rules(client: redis.Redis, standing: PublishedState) -> PublishedState:
    try:
        live = read_live(client) or NOTHING_LIVE
    except PhantomError as error:
        return _kept(standing, "rules", error)
    RULES_EPOCH.labels(SERVICE).set(live.epoch)
    return _with_releases(client, replace(_solved(standing, "rules"), live=live))


def _read_experiments(client: redis.Redis, standing: PublishedState) -> PublishedState:
    try:
        found = read_experiments(client)
    except PhantomError as error:
        return _kept(standing, "experiments", error)
    return _with_releases(
        client,
        replace(_solved(standing, "experiments"), experiments=found.experiments if found else ()),
    )


def _with_releases(client: redis.Redis, standing: PublishedState) -> PublishedState:
    """Make ready what is live and what arms play, and forget the rest."""
    named = dict.fromkeys(
        (
            *standing.live.versions,
            *(arm.version for one in standing.experiments for arm in one.arms),
        )
    )
    wanted = [version for version in named if version not in ("", "live")]
    problems = {
        name: problem
        for name, problem in standing.problems.items()
        if name in (*_readers(), *wanted)
    }
    releases: dict[str, Ready] = {}
    for version in wanted:
        try:
            releases[version] = standing.releases.get(version) or make_ready(
                read_release(client, version)
            )
            problems.pop(version, None)
        except PhantomError as error:
            problems[version] = _told(version, error)
    return replace(standing, releases=releases, problems=problems)


def make_ready(release: RuleRelease) -> Ready:
    """Prepare a release to decide.

    Raises:
        InputError: it reads what is not known of a session.
    """
    rules = release.rules()
    check_features(rules, (*feature_names(), P_AGENT))
    return Ready(release, Decider(rules), P_AGENT in rules.features, bool(rules.features))


def _read_model(kind: str, client: redis.Redis, standing: PublishedState) -> PublishedState:
    try:
        found = read_model(client, kind)
        model = open_model(found) if found else None
    except PhantomError as error:
        return _kept(standing, kind, error)
    others = {name: one for name, one in standing.models.items() if name != kind}
    if model is None:
        return replace(_solved(standing, kind), models=others)
    use_model(kind, model.version)
    return replace(_solved(standing, kind), models={**others, kind: model})


def _read_prices(client: redis.Redis, standing: PublishedState) -> PublishedState:
    try:
        found = read_prices(client)
    except PhantomError as error:
        return _kept(standing, "prices", error)
    values, version = (found.values, found.version) if found else ({}, "")
    return replace(_solved(standing, "prices"), prices=values, prices_version=version)


def _read_elasticities(client: redis.Redis, standing: PublishedState) -> PublishedState:
    try:
        found = read_elasticities(client)
    except PhantomError as error:
        return _kept(standing, "elasticity", error)
    values, version = (found.values, found.version) if found else ({}, "")
    return replace(
        _solved(standing, "elasticity"), elasticities=values, elasticities_version=version
    )


_Reader = Callable[[redis.Redis, PublishedState], PublishedState]


def _readers() -> Mapping[Kind, _Reader]:
    """What brings each kind of thing up to date, in the order of a reload."""
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


def _kept(standing: PublishedState, name: str, error: PhantomError) -> PublishedState:
    """The standing as it was, and why nothing new came."""
    if error.http_status == 503:
        raise error
    return replace(standing, problems={**standing.problems, name: _told(name, error)})


def _told(name: str, error: PhantomError) -> str:
    count_error(SERVICE, f"published_{type(error).__name__}")
    _LOGGER.error("%s cannot be used: %s", name, error)
    return str(error)


def _solved(standing: PublishedState, name: str) -> PublishedState:
    return replace(
        standing,
        problems={other: problem for other, problem in standing.problems.items() if other != name},
    )
