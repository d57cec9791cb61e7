"""The refresh: a thread that keeps the published state up to date, by announcements and, in case
one is lost, by polling.

A change is verified, opened and tested beside the state in use, and then takes effect by one
assignment: no request waits. What is not signed, older than what was followed, missing or damaged
leaves the previous state in place and says why. What was followed last is on disk, so a restart
goes on with it, and never goes back.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import redis

from phantom_core.core.background import BackgroundThread
from phantom_core.core.errors import DataError, PhantomError, UnavailableError
from phantom_core.core.telemetry.metrics import REFUSED_DOCUMENTS, count_error
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.publishing.announce import poll_announcements
from phantom_core.publishing.announcement import Kind
from phantom_core.publishing.names import release_key
from phantom_core.publishing.reading import read_stored
from phantom_core.publishing.release import RuleRelease, open_release
from phantom_core.publishing.signed import OutdatedError, UnsignedError
from phantom_core.rules.condition import Condition
from phantom_core.rules.decide import Decider
from phantom_core.rules.evaluate import check_features
from phantom_core.services.pricing.followed import Fields, FollowedDocuments
from phantom_core.services.pricing.models import open_model
from phantom_core.services.pricing.published_state import EMPTY, PublishedState, Ready
from phantom_core.services.pricing.sources import (
    DOCUMENT,
    SERVICE,
    OpenModel,
    Source,
    make_sources,
)
from phantom_core.signing.keys import PublicKeys

LATE_AFTER_S: Final = 5.0
REVIVE_AFTER_S: Final = 3.0
_RELEASE: Final = "release-"
_AGAIN: Final = b"again"  # no token of content, not even of a missing key
UNKNOWN_SESSION: Final = "total_interactions"
_LOGGER: Final = logging.getLogger(__name__)


class Refresh:
    """Keeps the published state up to date.

    Args:
        client: of the server.
        load_keys: reads the public keys of the control side, again where one is unknown.
        followed: where the newest verified documents are stored.
        open_published: opens a model.
        poll_s: time between two polls without an announcement.
        revive: starts the server again where this installation may; called while it is away.

    Attributes:
        state: everything published, as last verified.
        read_s: monotonic time at which it was last known to be up to date; None before the first.
        problem: why the server cannot be reached; empty while it can.
        refused: how often content was not followed, by kind.
        keys: public keys that are trusted now.
    """

    def __init__(
        self,
        client: redis.Redis,
        load_keys: Callable[[], PublicKeys],
        followed: FollowedDocuments,
        open_published: OpenModel = open_model,
        poll_s: float = 1.0,
        revive: Callable[[], object] = lambda: None,
    ) -> None:
        self._client, self._disk, self._poll_s = client, followed, poll_s
        self._revive, self._revive_s = revive, 0.0
        self._load_keys, self.keys = load_keys, load_keys()
        self._disk_problem = ""
        self._sources = make_sources(open_published)
        self.state: PublishedState = EMPTY
        self._draft: PublishedState = EMPTY
        self.read_s: float | None = None
        self.problem = "Not connected yet."
        self.refused: dict[Kind, int] = {}
        self._fields: dict[Kind, Fields] = {}
        self._orders: dict[Kind, int] = {}
        self._refused_fields: dict[Kind, tuple[Fields, str]] = {}
        self._lock = threading.Lock()
        self._first = threading.Event()
        self.thread = BackgroundThread(
            "pricing-refresh", SERVICE, self._work, late_after_s=LATE_AFTER_S
        )
        self._restore()

    def start(self, wait_s: float) -> None:
        """Start the thread; waits up to `wait_s` for the first read, and goes on without it where
        the server does not answer.
        """
        self.thread.start()
        self._first.wait(wait_s)

    def stop(self) -> None:
        """Stop the thread."""
        self.thread.stop()

    def reload(self) -> None:
        """Reload everything now.

        Raises:
            UnavailableError: the server does not answer.
        """
        for kind in self._sources:
            self._read(kind)

    def problems(self) -> dict[str, str]:
        """What cannot be followed now and why, by name, as sentences."""
        found = {**self.outdated(), **self.state.problems}
        return found | ({"followed": self._disk_problem} if self._disk_problem else {})

    def outdated(self) -> dict[Kind, str]:
        """Kinds of which the control side has published something later, by its own statement."""
        statement = self.state.statement
        newest = statement.newest if statement else {}
        return {
            kind: f"{self._sources[kind].key} is not the newest: number {there} was published, and "
            f"{self._orders.get(kind, 0)} is followed."
            for kind, there in newest.items()
            if kind in self._sources and there > self._orders.get(kind, 0)
        }

    def _work(self, stop: threading.Event) -> None:
        # Reload first: each kind is announced once, and the state is complete only after a reload.
        while not stop.is_set() and not self._loaded():
            stop.wait(self._poll_s / 4)
        known: dict[Kind, bytes] = {}
        for announcement in poll_announcements(
            self._client, stop, poll_s=self._poll_s, on_problem=self._report_problem, known=known
        ):
            try:
                self._read(announcement.kind)
            except UnavailableError as error:
                self._report_problem(str(error))
                known[announcement.kind] = _AGAIN
            if announcement.kind in self.state.problems:
                # Looked at again by the next poll, also where it does not change or is removed.
                known[announcement.kind] = _AGAIN

    def _loaded(self) -> bool:
        try:
            self.reload()
        except UnavailableError as error:
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
        if problem:
            self._start_server()
        else:
            self.read_s = time.monotonic()
            self.thread.succeeded()

    def _start_server(self) -> None:
        """Start the server again, if it has been away for a while."""
        if self.read_s is None or time.monotonic() - max(self.read_s, self._revive_s) < (
            REVIVE_AFTER_S
        ):
            return
        self._revive_s = time.monotonic()
        with contextlib.suppress(PhantomError):  # the problem says what is wrong
            self._revive()

    def _read(self, kind: Kind) -> None:
        """Read one kind; only a server that does not answer is an error.

        Raises:
            UnavailableError: the server does not answer.
        """
        source = self._sources[kind]
        with self._lock:
            try:
                fields = source.fetch(self._client)
            except UnavailableError:
                raise
            except Exception as error:  # whatever somebody put there, the other kinds go on
                self._refuse(source, {}, error)
            else:
                self._follow(source, fields)
                if kind in ("rules", "experiments"):
                    self._draft = self._with_releases(self._draft)
            # At once: no price is asked of a version whose rules are not here yet.
            self.state = self._draft

    def _follow(self, source: Source[Any], fields: Fields) -> None:
        """Apply some fields of the server if they are signed and not older than what is in use."""
        kind = source.kind
        if not fields and kind not in self._fields:
            self._solved(kind)
            return
        if fields == self._fields.get(kind):
            self._solved(kind)
            return
        if kind in self._refused_fields and self._refused_fields[kind][0] == fields:
            return
        try:
            self._apply(source, fields)
        except Exception as error:  # as above
            self._refuse(source, fields, error)
            return
        self._store(kind, fields)

    def _apply(self, source: Source[Any], fields: Fields) -> None:
        kind, before = source.kind, self._orders.get(source.kind, 0)
        if not fields:
            raise _MissingError(
                f"{source.key} is gone from the server; number {before} stays in use.",
                hint="Heal.",
            )
        opened = source.open(self.keys, fields)
        order = source.order(opened)
        if order < before or (source.is_exact and order == before and kind in self._fields):
            # The same document signed by a later key is no contradiction.
            if order == before and source.open(self.keys, self._fields[kind]) == opened:
                self._fields[kind] = fields
                self._solved(kind)
                return
            raise OutdatedError(
                f"{source.key} holds number {order}, but number {before} was followed before.",
                hint="Heal. After a restore of the control database see docs/publishing.md.",
            )
        self._draft = source.apply(self._draft, opened)
        self._fields[kind], self._orders[kind] = fields, order
        self._solved(kind)

    def _refuse(self, source: Source[Any], fields: Fields, error: Exception) -> None:
        kind = source.kind
        problem = str(error) if isinstance(error, PhantomError) else f"{source.key}: {error!r}"
        problem = problem[:500]
        self._refused_fields[kind] = (fields, problem)
        if isinstance(error, UnsignedError):
            self._renew_keys()
        self.refused[kind] = self.refused.get(kind, 0) + 1
        REFUSED_DOCUMENTS.labels(source.key, _reason(error)).inc()
        self._report(kind, problem, error)

    def _report(self, name: str, problem: str, error: Exception) -> None:
        count_error(SERVICE, f"published_{type(error).__name__}")
        if self._draft.problems.get(name) != problem:
            _LOGGER.error("%s cannot be used: %s", name, problem)
        self._draft = replace(self._draft, problems={**self._draft.problems, name: problem})

    def _solved(self, name: str) -> None:
        self._refused_fields.pop(name, None)
        if name in self._draft.problems:
            left = {other: text for other, text in self._draft.problems.items() if other != name}
            self._draft = replace(self._draft, problems=left)

    def _renew_keys(self) -> None:
        """Trust the keys of the file as it is now: the control side may have a new one."""
        try:
            keys = self._load_keys()
        except PhantomError:
            return
        if keys.key_ids != self.keys.key_ids:
            self.keys = keys
            self._refused_fields.clear()

    def _store(self, name: str, fields: Fields) -> None:
        try:
            self._disk.write(name, fields)
            self._disk_problem = ""
        except OSError as error:
            count_error(SERVICE, "followed_not_stored")
            self._disk_problem = f"What is followed cannot be stored: {error.strerror or error}."

    def _restore(self) -> None:
        """Go on with what was followed before the last stop, once it is verified again."""
        for kind, source in self._sources.items():
            fields = self._disk.read(kind)
            if not fields:
                continue
            try:
                self._apply(source, fields)
            except Exception as error:  # the server may have something better
                count_error(SERVICE, f"followed_{type(error).__name__}")
                _LOGGER.error("The stored %s cannot be used: %s", kind, error)
        self.state = self._draft = self._with_releases(self._draft, is_start=True)

    def _with_releases(self, state: PublishedState, *, is_start: bool = False) -> PublishedState:
        """Prepare the releases that are live or in an arm, and drop the others."""
        state = state.with_experiments_in_force()
        named = dict.fromkeys(
            (
                *state.live.versions,
                *(arm.version for one in state.experiments for arm in one.arms),
            )
        )
        wanted = [version for version in named if version not in ("", "live")]
        kept = (*self._sources, *wanted)
        problems = {name: text for name, text in state.problems.items() if name in kept}
        releases: dict[str, Ready] = {}
        for version in wanted:
            try:
                releases[version] = state.releases.get(version) or self._release(version, is_start)
                problems.pop(version, None)
            except UnavailableError:
                raise
            except Exception as error:  # whatever somebody put there, the other rules go on
                problems[version] = str(error)[:500]
                count_error(SERVICE, f"published_{type(error).__name__}")
                if problems[version] != state.problems.get(version):
                    _LOGGER.error("%s cannot be used: %s", version, problems[version])
        if not is_start:
            self._disk.keep_only(_RELEASE, [f"{_RELEASE}{version}" for version in wanted])
        return replace(state, releases=releases, problems=problems)

    def _release(self, version: str, is_start: bool) -> Ready:
        """Rules that a signed document names: those of the server, or else those on disk."""
        stored = self._disk.read(f"{_RELEASE}{version}")
        if is_start:
            return make_ready(open_release(self.keys, stored.get(DOCUMENT, b""), version))
        try:
            content = read_stored(self._client, release_key(version)) or b""
            ready = make_ready(open_release(self.keys, content, version))
        except UnavailableError:
            raise
        except Exception as error:
            REFUSED_DOCUMENTS.labels("rules", _reason(error)).inc()
            self.refused["release"] = self.refused.get("release", 0) + 1
            if not stored:
                raise
            return make_ready(open_release(self.keys, stored[DOCUMENT], version))
        self._store(f"{_RELEASE}{version}", {DOCUMENT: content})
        return ready


class _MissingError(DataError):
    """Content that was followed is gone."""


def _reason(error: Exception) -> str:
    if isinstance(error, UnsignedError):
        return "unsigned"
    if isinstance(error, OutdatedError):
        return "outdated"
    return "missing" if isinstance(error, _MissingError) else "damaged"


def make_ready(release: RuleRelease) -> Ready:
    """Prepare a release to decide.

    Raises:
        InputError: it reads what is not known of a session.
    """
    rules = release.rules()
    check_features(rules, (*feature_names(), P_AGENT))
    return Ready(
        release,
        Decider(rules),
        P_AGENT in rules.features,
        bool(rules.features),
        any(_is_unknown(one) for rule in rules.rules for one in rule.conditions),
    )


def _is_unknown(condition: Condition) -> bool:
    """Whether a condition asks for sessions of which nothing is known: of any other, the number of
    events is defined.
    """
    return condition.feature == UNKNOWN_SESSION and condition.operator == "IS UNDEFINED"
