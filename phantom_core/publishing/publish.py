"""Publish: store releases for readers, make them live atomically, and read the result back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import redis

from phantom_core.core.errors import DataError, InputError, NotFoundError, UnavailableError
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.live import NOTHING_LIVE, Live, open_live, sign_live
from phantom_core.publishing.names import LIVE, release_key
from phantom_core.publishing.reading import as_bytes, read_stored
from phantom_core.publishing.release import (
    RuleRelease,
    open_release,
    parse_release,
    sign_release,
)
from phantom_core.publishing.signed import UnsignedError, unverified_document
from phantom_core.publishing.switch import (
    NotSwitchedConflictError,
    NotSwitchedError,
    NotSwitchedUnavailableError,
    UncertainError,
    nothing_switched,
    switch_live,
    unconfirmed_switch,
)
from phantom_core.signing.keys import PublicKeys, SigningKey
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


def publish_release(
    client: redis.Redis, key: SigningKey, live: Live, releases: Sequence[RuleRelease]
) -> None:
    """Make rules live atomically: readers see either the old documents or the new ones.

    The same call again is safe: it changes nothing where it was done before. Content of the server
    that this key's owner did not sign counts as nothing, so a forged document blocks no switch.

    Args:
        client: the server.
        key: signs the documents.
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
    expected = published_contents(key, live, releases)
    content = sign_live(key, live)
    _put(client, key.public_keys, expected)
    forged = forged_content(client, LIVE, lambda found: open_live(key.public_keys, found))
    switch_live(client, LIVE, content, live.epoch, announcement_of(live), expected, forged=forged)
    _read_back(client, key.public_keys, live, expected)


def forged_content(client: redis.Redis, key: str, open_content: Callable[[bytes], object]) -> bytes:
    """Content of a pointer that cannot be what the control side published; empty without any.

    Args:
        client: the server.
        key: of the pointer.
        open_content: raises UnsignedError for what is not signed.
    Raises:
        NotSwitchedUnavailableError: the server does not answer.
    """
    with nothing_switched(client):
        found = client.get(key)
    if found is None:
        return b""
    content = as_bytes(found)
    try:
        open_content(content)
    except UnsignedError:
        return content
    except DataError:
        return b""
    return b""


def read_live(client: redis.Redis, keys: PublicKeys) -> Live | None:
    """What is live; None where nothing was ever published.

    Args:
        client: the server.
        keys: that the reader trusts.
    Raises:
        UnavailableError: the server does not answer.
        UnsignedError: the document is not signed by a trusted key.
        DataError: the document cannot be used.
    """
    found = read_stored(client, LIVE)
    return None if found is None else open_live(keys, found)


def read_release(client: redis.Redis, keys: PublicKeys, version: str) -> RuleRelease:
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
    return open_release(keys, found, version)


def read_published(client: redis.Redis, keys: PublicKeys) -> PublishedDocuments | None:
    """What is live together with its rules; None where nothing was ever published.

    Raises:
        UnavailableError: the server does not answer.
        NotFoundError: rules that are live are not there.
        DataError: something is not what was published.
    """
    live = read_live(client, keys)
    if live is None:
        return None
    return PublishedDocuments(
        live, {version: read_release(client, keys, version) for version in live.versions}
    )


def published_contents(
    key: SigningKey, live: Live, releases: Sequence[RuleRelease]
) -> dict[str, bytes]:
    """Signed bytes by key of the releases that `live` names.

    Raises:
        InputError: one of them is missing.
    """
    return {
        release_key(version): sign_release(key, release)
        for version, release in named_releases(live, releases).items()
    }


def named_releases(live: Live, releases: Sequence[RuleRelease]) -> dict[str, RuleRelease]:
    """The releases that `live` names, by version.

    Raises:
        InputError: one of them is missing.
    """
    given = {release.version: release for release in releases}
    if missing := [version for version in live.versions if version not in given]:
        raise InputError(
            f"Version {missing[0]} is to be live, but its rules are not among those to publish."
        )
    return {version: given[version] for version in live.versions}


def announcement_of(live: Live) -> Announcement:
    """The announcement of a switch."""
    return Announcement("rules", live.version, live.epoch)


def _put(client: redis.Redis, keys: PublicKeys, expected: dict[str, bytes]) -> None:
    """Store releases permanently; one that exists already must be the same.

    A release that an earlier key of the control side signed stays, and `expected` then holds its
    bytes; what nobody signed is overwritten.
    """
    with nothing_switched(client), client.pipeline(transaction=False) as pipeline:
        for key, content in expected.items():
            pipeline.set(key, content, nx=True)
            pipeline.get(key)
        found = pipeline.execute()[1::2]
    for (key, content), there in zip(list(expected.items()), found, strict=True):
        if there != content:
            expected[key] = _settled(client, keys, key, content, there)


def _settled(
    client: redis.Redis, keys: PublicKeys, key: str, content: bytes, there: bytes | None
) -> bytes:
    """Bytes of a release whose key held other ones."""
    try:
        version = parse_release(unverified_document(content)).version
        if there is not None and open_release(keys, there, version).to_bytes() == (
            unverified_document(content)
        ):
            return there
    except UnsignedError:
        with nothing_switched(client):
            client.set(key, content)
        return content
    except DataError:
        pass
    raise NotSwitchedConflictError(
        f"{key} is already on the server with other content, and a version never changes.",
        hint="Nothing was switched. Publish under another version, or heal if it was "
        "tampered with.",
    )


def _read_back(
    client: redis.Redis, keys: PublicKeys, live: Live, expected: Mapping[str, bytes]
) -> None:
    """Read the server's content as a reader does, and compare it."""
    try:
        with guarded_calls(client):
            pointer, *found = client.mget([LIVE, *expected])
    except UnavailableError as error:
        raise unconfirmed_switch(client, LIVE, error.hint) from None
    if found == list(expected.values()) and _is_live_or_later(keys, pointer, live):
        return
    raise unconfirmed_switch(client, LIVE)


def _is_live_or_later(keys: PublicKeys, pointer: bytes | str | None, live: Live) -> bool:
    """Whether it is live, or a later epoch was published since."""
    try:
        found = open_live(keys, pointer) if pointer is not None else NOTHING_LIVE
    except DataError:
        return False
    return found == live or found.epoch > live.epoch
