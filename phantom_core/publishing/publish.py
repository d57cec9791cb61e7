"""Publish: store releases for readers, make them live atomically, and read the result back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis

from phantom_core.core.errors import DataError, InputError, NotFoundError, UnavailableError
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.live import NOTHING_LIVE, Live, parse_live
from phantom_core.publishing.names import LIVE, release_key
from phantom_core.publishing.reading import read_stored
from phantom_core.publishing.release import RuleRelease, parse_release_of
from phantom_core.publishing.switch import (
    NotSwitchedConflictError,
    NotSwitchedError,
    NotSwitchedUnavailableError,
    UncertainError,
    nothing_switched,
    switch_live,
    unconfirmed_switch,
)
from phantom_core.valkey.server import guarded_calls, server_address

__all__ = [
    "NotSwitchedConflictError",
    "NotSwitchedError",
    "NotSwitchedUnavailableError",
    "PublishedDocuments",
    "UncertainError",
    "publish_release",
    "read_live",
    "read_published",
    "read_release",
]


@dataclass(frozen=True, slots=True)
class PublishedDocuments:
    """The documents that readers need to price sessions.

    Attributes:
        live: what is live.
        releases: by version, those that `live` names.
    """

    live: Live
    releases: Mapping[str, RuleRelease]


def publish_release(client: redis.Redis, live: Live, releases: Sequence[RuleRelease]) -> None:
    """Make rules live atomically: readers see either the old documents or the new ones.

    The same call again is safe: it changes nothing where it was done before.

    Args:
        client: the server.
        live: what is to be live.
        releases: every version that it names.
    Raises:
        InputError: `live` names a version that is not among the releases, or has epoch 0.
        NotSwitchedError: certainly nothing was switched: the server is out of reach or takes no
            writes, or it has a later or different document.
        UncertainError: it may have been switched: the answer was lost, or the server returned
            something else afterwards.
    """
    if live.epoch == NOTHING_LIVE.epoch:
        raise InputError(
            "Nothing can be published under epoch 0.",
            hint="Epochs count switches from 1; heal removes what is live.",
        )
    expected = published_contents(live, releases)
    _put(client, expected)
    switch_live(client, LIVE, live.to_bytes(), live.epoch, announcement_of(live), expected)
    _read_back(client, live, expected)


def read_live(client: redis.Redis) -> Live | None:
    """What is live; None where nothing was ever published.

    Raises:
        UnavailableError: the server does not answer.
        DataError: the document cannot be used.
    """
    found = read_stored(client, LIVE)
    return None if found is None else parse_live(found)


def read_release(client: redis.Redis, version: str) -> RuleRelease:
    """The rules of one version.

    Raises:
        NotFoundError: the server has no such version.
        UnavailableError: the server does not answer.
        DataError: they are not what was published.
    """
    found = read_stored(client, release_key(version))
    if found is None:
        raise NotFoundError(
            f"There is no {release_key(version)} at {server_address(client)}.",
            hint="Publish it again, or heal.",
        )
    return parse_release_of(found, version)


def read_published(client: redis.Redis) -> PublishedDocuments | None:
    """What is live together with its rules; None where nothing was ever published.

    Raises:
        UnavailableError: the server does not answer.
        NotFoundError: rules that are live are not there.
        DataError: something is not what was published.
    """
    live = read_live(client)
    if live is None:
        return None
    return PublishedDocuments(
        live, {version: read_release(client, version) for version in live.versions}
    )


def published_contents(live: Live, releases: Sequence[RuleRelease]) -> dict[str, bytes]:
    """Bytes by key of the releases that `live` names.

    Raises:
        InputError: one of them is missing.
    """
    given = {release.version: release for release in releases}
    if missing := [version for version in live.versions if version not in given]:
        raise InputError(
            f"Version {missing[0]} is to be live, but its rules are not among those to publish."
        )
    return {release_key(version): given[version].to_bytes() for version in live.versions}


def announcement_of(live: Live) -> Announcement:
    """The announcement of a switch."""
    return Announcement("rules", live.version, live.epoch)


def _put(client: redis.Redis, expected: Mapping[str, bytes]) -> None:
    """Store releases permanently; one that exists already must be the same."""
    with nothing_switched(client), client.pipeline(transaction=False) as pipeline:
        for key, content in expected.items():
            pipeline.set(key, content, nx=True)
            pipeline.get(key)
        found = pipeline.execute()[1::2]
    for (key, content), there in zip(expected.items(), found, strict=True):
        if there != content:
            raise NotSwitchedConflictError(
                f"{key} is already on the server with other content, and a version never changes.",
                hint="Nothing was switched. Publish under another version, or heal if it was "
                "tampered with.",
            )


def _read_back(client: redis.Redis, live: Live, expected: Mapping[str, bytes]) -> None:
    """Read the server's content as a reader does, and compare it."""
    try:
        with guarded_calls(client):
            pointer, *found = client.mget([LIVE, *expected])
    except UnavailableError as error:
        raise unconfirmed_switch(client, LIVE, error.hint) from None
    if found == list(expected.values()) and (
        pointer == live.to_bytes() or _is_later(pointer, live.epoch)
    ):
        return
    raise unconfirmed_switch(client, LIVE)


def _is_later(pointer: bytes | str | None, epoch: int) -> bool:
    """Whether a later epoch was published since."""
    try:
        return pointer is not None and parse_live(pointer).epoch > epoch
    except DataError:
        return False
