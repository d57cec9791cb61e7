"""Small things to publish."""

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from phantom_core.core.settings import Settings
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import file_digest
from phantom_core.publishing.live import Live
from phantom_core.publishing.release import RuleRelease, release_of
from phantom_core.rules.text import parse_rules
from phantom_core.signing.keys import SigningKey

_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = SigningKey(_PRIVATE)
KEYS = KEY.public_keys
STRANGER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


def install_key(settings: Settings) -> None:
    """Make KEY the key of a workspace."""
    folder = settings.paths.signing_key.parent
    folder.mkdir(parents=True, exist_ok=True)
    settings.paths.signing_key.write_bytes(
        _PRIVATE.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    settings.paths.public_keys.write_bytes(KEY.public_pem())


BANDS = parse_rules(
    "IF p_agent > 0.7 THEN markup 1.30 (likely an agent)\nELIF p_agent > 0.4 THEN markup "
    "1.10\nELSE markup 1.00\n",
    "bands",
)


def make_live(
    epoch: int, version: str, share: float = 1.0, stable: str = "", **changes: Any
) -> Live:
    """What prices sessions, within the usual guard rails unless a test changes them."""
    return Live(
        epoch, version, share, stable, **{"lowest_markup": 0.7, "highest_markup": 1.5, **changes}
    )


def release(version: str, markup: float = 1.3) -> RuleRelease:
    """Rules that differ by one mark-up."""
    rules = parse_rules(
        f"IF p_agent > 0.7 OR UNDEFINED THEN markup {markup}\nELSE markup 1.00\n", "agents"
    )
    return release_of(
        rules, version, f"request-{version}", 1_772_452_800_000, {"classifier": "trees-1"}
    )


FIRST, SECOND = release("first-1", 1.2), release("second-2", 1.4)
LIVE_FIRST = make_live(1, "first-1", salt="a", audit_seq=7, audit_hash="ab" * 32, switched_ms=1)
LIVE_SECOND = make_live(
    2,
    "second-2",
    share=0.1,
    stable="first-1",
    salt="b",
    audit_seq=8,
    audit_hash="cd" * 32,
    switched_ms=2,
)


class SavedModel:
    """A model on disk, as far as publishing sees it."""

    def __init__(self, version: str, **files: bytes) -> None:
        self._files = {name.replace("__", "."): content for name, content in files.items()} or {
            "model.ubj": b"{L\x00",
            "card.md": b"# Card",
        }
        hashes = {name: file_digest(content) for name, content in self._files.items()}
        self.manifest = Manifest(
            FORMAT,
            "classifier",
            version,
            1,
            2,
            "sql",
            "labels",
            3,
            ("item_views",),
            {"roc_auc": 0.9},
            {},
            hashes,
        )

    def read(self, name: str) -> bytes:
        return self._files[name]
