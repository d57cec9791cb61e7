"""Divergence: differences between the server's content and what should be live."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import redis

from phantom_core.core.errors import DataError
from phantom_core.publishing.heal import restore_documents
from phantom_core.publishing.live import NOTHING_LIVE, Live, open_live
from phantom_core.publishing.names import LIVE, release_key
from phantom_core.publishing.publish import named_releases
from phantom_core.publishing.release import RuleRelease, open_release
from phantom_core.publishing.signed import UnsignedError
from phantom_core.signing.keys import PublicKeys
from phantom_core.valkey.server import guarded_calls

__all__ = ["Divergence", "compare_documents", "restore_documents"]
_NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference, in words.

    Attributes:
        what: the key, and the field where it holds several.
        expected: what should be there.
        found: what is there.
    """

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}."


@dataclass(frozen=True, slots=True)
class Found:
    """The value of a key.

    Attributes:
        content: its bytes; None where it is no text.
        kind: its type; "none" where there is no such key.
        ttl_ms: until it expires; below 0 where it does not.
    """

    content: bytes | None
    kind: str
    ttl_ms: int


def compare_documents(
    client: redis.Redis, keys: PublicKeys, live: Live, releases: Sequence[RuleRelease]
) -> tuple[Divergence, ...]:
    """Differences between the server and what should be live; empty without any.

    Args:
        client: the server.
        keys: that readers trust.
        live: what should be live; NOTHING_LIVE where nothing was ever published.
        releases: every version that it names.
    Raises:
        InputError: `live` names a version that is not among the releases.
        UnavailableError: the server does not answer.
    """
    expected = named_releases(live, releases)
    pointer, *others = read_found(client, [LIVE, *map(release_key, expected)])
    differences = _of_live(keys, live, pointer)
    for release, found in zip(expected.values(), others, strict=True):
        differences += compare_release(keys, release, found)
    return tuple(differences)


def read_found(client: redis.Redis, keys: Sequence[str]) -> list[Found]:
    """The values of some keys in one transaction, whatever their type.

    Raises:
        UnavailableError: the server does not answer.
    """
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        for key in keys:
            pipeline.type(key)
            pipeline.get(key)
            pipeline.pttl(key)
        answers = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
            with guarded_calls(client):
                raise answer
    return [
        Found(content if isinstance(content, bytes) else None, kind.decode(), ttl_ms)
        for kind, content, ttl_ms in zip(answers[::3], answers[1::3], answers[2::3], strict=True)
    ]


def _of_live(keys: PublicKeys, live: Live, found: Found) -> list[Divergence]:
    if live.epoch == NOTHING_LIVE.epoch:
        return [] if found.kind == "none" else [Divergence(LIVE, _NOTHING, _described(found))]
    expected = f"epoch {live.epoch}, version {live.version or 'none (base price)'}"
    if found.content is None:
        return [Divergence(LIVE, expected, _described(found))]
    try:
        there = open_live(keys, found.content)
    except UnsignedError as error:
        return [Divergence(LIVE, expected, f"a document that was not published ({_said(error)})")]
    except DataError as error:
        return [
            Divergence(
                LIVE,
                expected,
                f"a document that cannot be used ({_said(error)})",
            )
        ]
    names = [
        one.name for one in fields(Live) if getattr(there, one.name) != getattr(live, one.name)
    ]
    if not names:
        return _expiring(LIVE, found)
    return [
        Divergence(f"{LIVE}, {name}", _shown(getattr(live, name)), _shown(getattr(there, name)))
        for name in names
    ]


def compare_release(keys: PublicKeys, release: RuleRelease, found: Found) -> list[Divergence]:
    """Differences between a key of the server and the release that it should hold."""
    key = release_key(release.version)
    try:
        if found.content is not None and open_release(
            keys, found.content, release.version
        ).sha256 == (release.sha256):
            return _expiring(key, found)
        described = _described(found)
    except DataError as error:
        described = f"a document that was not published ({_said(error)})"
    approved = f"the rules that were approved (SHA-256 {release.sha256[:12]})"
    return [Divergence(key, approved, described)]


def _said(error: DataError) -> str:
    return error.message.removesuffix(".")


def _expiring(key: str, found: Found) -> list[Divergence]:
    if found.ttl_ms < 0:
        return []
    return [
        Divergence(
            key,
            "no expiry",
            f"an expiry in {found.ttl_ms / 1000:.0f} s",
        )
    ]


def _described(found: Found) -> str:
    if found.kind == "none":
        return _NOTHING
    if found.content is None:
        return f"a {found.kind}"
    return f"{len(found.content)} bytes of other content"


def _shown(value: object) -> str:
    return str(value) if value != "" else "none"
